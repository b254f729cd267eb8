"""Where the files that ship with the program lie, in a checkout and in an installed wheel, and the user's bundles."""

import os
from pathlib import Path

from ccmusic_stream.models.bundle import FILE_NAME

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent.parent


def resource(name: str) -> Path:
    """The folder of shipped files called `name`: "web_viewer", "config" or "weights".

    A wheel carries them inside the package as `_<name>`; a checkout has them at its root.
    """
    packed = _PACKAGE / f"_{name}"
    return packed if packed.is_dir() else _CHECKOUT / name


def bundle_folder(name: str) -> Path:
    """The folder of a bundle: a path to it, or the name of one of the user's own or, without one, of one that ships."""
    for folder in (user_bundles() / name, resource("weights") / name):
        if "/" not in name and _is_bundle(folder):
            return folder
    return Path(name).expanduser()


def own_bundle_folder(name: str) -> Path:
    """The folder to write a bundle into: a path; the name of one that ships or is there means one of the user's."""
    own = user_bundles() / name
    named = "/" not in name and (_is_bundle(own) or _is_bundle(resource("weights") / name))
    return own if named else Path(name).expanduser()


def user_bundles() -> Path:
    """Where the user's own bundles lie, each in a folder by its name."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(data) / "ccmusic-stream" / "bundles"


def _is_bundle(folder: Path) -> bool:
    return os.path.isfile(folder / FILE_NAME)  # noqa: PTH113 - False for a home that is closed to a service, too
