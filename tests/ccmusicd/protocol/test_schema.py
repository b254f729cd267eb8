"""The published protocol: what is committed, what is generated, and what the code calls the same things."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ccmusicd.events import TOPICS, WIRE_VERSION
from ccmusicd.export.pieces import COLUMNS
from ccmusicd.protocol.http_api import TimelinePiece
from ccmusicd.protocol.page import page
from ccmusicd.protocol.schema import schema

DOCS = Path(__file__).resolve().parents[3] / "docs"


def allows(name: str, message: Any) -> bool:
    whole = {**schema(), "$ref": f"#/$defs/{name}"}
    return bool(jsonschema.Draft202012Validator(whole).is_valid(message))


@pytest.mark.parametrize(("option", "name"), [("--page", "protocol.md"), (None, "protocol.schema.json")])
def test_what_is_committed_is_what_the_command_prints(option: str | None, name: str) -> None:
    line = [sys.executable, "-m", "ccmusicd", "protocol", *([option] if option else [])]
    printed = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    assert printed == (DOCS / name).read_text(encoding="utf-8"), "run `make protocol`"


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$defs"]["Hello"]["properties"]["version"]["const"] == WIRE_VERSION


def test_every_link_of_the_page_leads_to_a_heading() -> None:
    text = page()
    headings = {line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links
    assert set(links) <= headings


def test_it_names_the_topics_and_the_columns_that_there_are() -> None:
    topics = schema()["$defs"]["Subscribe"]["properties"]["topics"]["items"]["enum"]
    assert tuple(topics) == TOPICS
    assert tuple(TimelinePiece.__annotations__) == COLUMNS


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        ({"type": "subscribe"}, True),
        ({"type": "subscribe", "stations": None, "topics": ["hop", "spectrogram"]}, True),
        ({"type": "subscribe", "stations": "main"}, False),
        ({"type": "subscribe", "topics": ["gossip"]}, False),
        ({"type": "pause", "station": "main"}, True),
        ({"type": "pause"}, False),
        ({"type": "token", "token": "secret"}, True),
        ({"type": "shutdown"}, False),
        ([], False),
    ],
)
def test_commands_of_clients(command: Any, allowed: bool) -> None:
    assert allows("ClientMessage", command) is allowed


def test_a_message_with_a_wrong_value_is_none() -> None:
    title = {"type": "title", "station": "main", "time": "2026-01-31T12:00:00.250Z", "title": "A song"}
    assert allows("ServerMessage", title)
    assert not allows("ServerMessage", {**title, "station": None})
    assert not allows("ServerMessage", {**title, "type": "song"})
