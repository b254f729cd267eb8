"""The protocol as a page for people, made from the schema and from what the schema cannot say."""

from collections.abc import Iterable, Mapping
from typing import Any

from ccmusicd.protocol.schema import FROM_CLIENT, FROM_SERVER, OVER_HTTP, OVER_MQTT, schema

_HEAD = """\
# Protocol, version 1

Made by `make protocol` from the types in `daemon/ccmusicd/protocol`; [protocol.schema.json](protocol.schema.json) is
the same as JSON Schema. Within a version objects may gain fields and messages may be added: ignore what you do not
know. Times are ISO 8601 in UTC, with milliseconds; probabilities and shares lie between 0 and 1.

Where a token is asked for (README, "Secure"), HTTP and WebSocket take `Authorization: Bearer TOKEN`, else 401.
"""

_WEBSOCKET = """\
## WebSocket: `/ws`

The server sends `hello`, `snapshot`, then events as JSON text, one message each, and spectrogram columns as binary. It
pings every 4 s; who does not answer within 5 s, or takes nothing for 10 s, is cut. A slow client loses the oldest of
256 waiting events. Close codes: 1001 the daemon stops, 1008 five messages that are no commands, 1009 a command of more
than 16 KiB, 1013 no place is left, 4401 the token is missing or wrong. Before the handshake: 403 a strange origin, 421
a strange host, 429 too often, 503 no place.
"""

_BINARY = """\
### Spectrogram columns (binary)

The new columns of one hop, when subscribed to `spectrogram`; little-endian.

| bytes | type | meaning |
|---|---|---|
| 0 | uint8 | version, 1 |
| 1 | uint8 | kind: 0 CQT, 1 Mel |
| 2 | uint16 | the station's place in `stations` of `hello`, from 0 |
| 4 | uint16 | bins of a column |
| 6 | uint16 | columns |
| 8 | uint64 | number of the first column: column k is centred on sample `hop_length` · k |
| 16 | uint8 × columns × bins | each column from the lowest bin up; decibels are `db_floor` + value · `db_step` |

CQT: 20 · log10 of the magnitude; Mel: 10 · log10 of the power.
"""

_HTTP = """\
## HTTP

| request | answer | |
|---|---|---|
| `GET /api/v1/stations` | [Stations](#stations) | |
| `GET /api/v1/now?station=ID` | [NowAnswer](#nowanswer) | 404: unknown station |
| `GET /api/v1/timeline?station=&from=&to=&tz=&format=` | `json`: list of [TimelinePiece](#timelinepiece); \
`jsonl`, `csv`, `audacity`, `cue`, `report` | 400: a parameter makes no sense; 503: later |
| `GET /api/v1/rolling?station=&from=&to=&steps=` | [Rolling](#rolling): about so many steps, at most 1440, of at most \
8 days | 400, 503 |
| `GET /api/v1/stations/ID/picture/MODEL.png` | PNG, 224 × 224: what that model saw on the newest hop | 404: unknown; \
503: none now |
| `GET /api/v1/stations/ID/spectrogram/cqt.png`, `mel.png` | PNG: the newest 10 s with axes | 404, 503 |
| `POST /api/v1/clips?name=NAME&clip=centre`, the body a recording; `clip` is `centre`, `first` or `all` | \
[ClipAnswer](#clipanswer) | 408: too slow; 413: too large; 415: a form; 422: no sound, or too long; 503: later |
| the same with `format=jsonl`, and `pictures=yes` for what was seen | lines of JSON as they are found: \
[ClipLine](#clipline), [WindowLine](#windowline) for each window, [EndLine](#endline) or [FailedLine](#failedline) | \
the same, before the first line |
| `GET /healthz` | [Health](#health) | 503: not everything is analysed; no token |
| `GET /readyz` | [Readiness](#readiness) | 503: not yet; no token |
| `GET /metrics` | Prometheus' text format | |

What is below `/api`, and `/metrics`, is answered 20 times a second to one address, 60 at once; then 429 with
`Retry-After`. Refusals are a [Refusal](#refusal). Pictures carry `ETag` and `X-Hop-Seq`, the `seq` of their hop.
"""

_MQTT = """\
## MQTT

README has the topics. Those with JSON below `<root>/<node>`:
"""


def page() -> str:
    """Markdown, with a table for every object."""
    definitions: dict[str, Any] = schema()["$defs"]
    named = {kind.__name__ for kinds in (FROM_SERVER, FROM_CLIENT, OVER_HTTP, OVER_MQTT) for kind in kinds}
    parts = sorted(name for name, each in definitions.items() if name not in named and "properties" in each)

    def tables(kinds: Iterable[type]) -> list[str]:
        return [_object(kind.__name__, definitions[kind.__name__]) for kind in kinds]

    return "\n".join(
        [
            _HEAD,
            _WEBSOCKET,
            *tables(FROM_SERVER),
            _BINARY,
            "### From the client\n",
            *tables(FROM_CLIENT),
            _HTTP,
            *tables(OVER_HTTP),
            _MQTT,
            *tables(OVER_MQTT),
            "## Parts of messages\n",
            *[_object(name, definitions[name]) for name in parts],
        ]
    )


def _object(name: str, definition: Mapping[str, Any]) -> str:
    """One object: what it is, and a row for each field."""
    required = definition.get("required", ())
    rows = [
        f"| `{key}`{'' if key in required else ' (optional)'} | {_type(field)} | {field.get('description', '')} |"
        for key, field in definition["properties"].items()
    ]
    described = " ".join(definition["description"].split())
    return "\n".join([f"#### {name}\n", f"{described}\n", "| field | type | |", "|---|---|---|", *rows, ""])


def _type(field: Mapping[str, Any]) -> str:
    """A field's type in words, as it stands in a table."""
    match field:
        case {"$ref": ref}:
            name = ref.rpartition("/")[2]
            words = f"[{name}](#{name.lower()})"
        case {"anyOf": choices}:
            words = " or ".join(map(_type, choices))
        case {"const": value}:
            words = f"`{value}`"
        case {"enum": values}:
            words = ", ".join(f"`{value}`" if value else "empty" for value in values)
        case {"prefixItems": items}:
            words = f"[{', '.join(map(_type, items))}]"
        case {"items": item}:
            words = f"list of {_type(item)}"
        case {"additionalProperties": dict(inner)}:
            words = f"object of {_type(inner)}"
        case {"format": "date-time"}:
            words = "time"
        case _:
            words = field["type"] + _range(field)
    return words


def _range(field: Mapping[str, Any]) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    return "" if low is None else f" from {low:g}"
