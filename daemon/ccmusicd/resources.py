"""Where things lie: what ships (in a checkout or a wheel), the user's own bundles, and the cache."""

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


def cache_folder() -> Path | None:
    """Where what can be made anew is kept: systemd's cache directory, else `~/.cache/ccmusic-stream`; None: nowhere."""
    given = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(given) if given else Path(home) / "ccmusic-stream"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
