"""The notices that hold, in a small file: a daemon that starts again does not raise them a second time. Blocking."""

import json
import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from ccmusicd.events import NoticeEvent, NoticeKind, Severity
from ccmusicd.wholefile import write_whole

_log = logging.getLogger(__name__)

_VERSION = 1
_MAX_BYTES = 2**20


class NoticeStore:
    """Keeps notices in the file `path`, written anew as a whole; a file that cannot be used is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def load(self) -> list[NoticeEvent]:
        """What held when the last daemon ended."""
        try:
            with self._path.open("rb") as file:
                data = file.read(_MAX_BYTES)
            return _notices(json.loads(data))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            _log.warning("%s: the notices that held cannot be read and may be raised again: %s", self._path, error)
            return []

    def save(self, notices: Iterable[NoticeEvent]) -> None:
        """Keep these and no others. Raises `OSError` when it cannot be written."""
        content = {"version": _VERSION, "active": [_entry(notice) for notice in notices]}
        with self._lock:
            write_whole(self._path, json.dumps(content, ensure_ascii=False, indent=1).encode(), mode=0o600)


def _entry(notice: NoticeEvent) -> dict[str, Any]:
    return {
        "station": notice.station,
        "kind": notice.kind,
        "name": notice.name,
        "severity": notice.severity,
        "since_us": notice.since_us,
        "time_us": notice.time_us,
        "text": notice.text,
        "values": dict(notice.values),
    }


def _notices(content: Any) -> list[NoticeEvent]:
    if content["version"] != _VERSION:
        raise ValueError(f"its version is {content['version']!r}, expected {_VERSION}")
    return [_notice(entry) for entry in content["active"]]


def _notice(entry: Any) -> NoticeEvent:
    kind, severity, values = entry["kind"], entry["severity"], entry["values"]
    if kind not in get_args(NoticeKind) or severity not in get_args(Severity) or not isinstance(values, dict):
        raise ValueError(f"it holds a notice of kind {kind!r} and severity {severity!r}")
    return NoticeEvent(
        station=str(entry["station"]),
        kind=kind,
        name=str(entry["name"]),
        change="raised",
        severity=severity,
        since_us=int(entry["since_us"]),
        time_us=int(entry["time_us"]),
        text=str(entry["text"]),
        values=values,
    )
