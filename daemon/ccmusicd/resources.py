"""Where the files that ship with the program lie, in a checkout and in an installed wheel; where its cache is."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent.parent


def resource(name: str) -> Path:
    """The folder of shipped files called `name`: "web_viewer", "config" or "weights".

    A wheel carries them inside the package as `_<name>`; a checkout has them at its root.
    """
    packed = _PACKAGE / f"_{name}"
    return packed if packed.is_dir() else _CHECKOUT / name


def bundle_folder(name: str) -> Path:
    """The folder of a bundle: a path to it, or the name of one that ships."""
    shipped = resource("weights") / name
    return shipped if "/" not in name and shipped.is_dir() else Path(name).expanduser()


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
