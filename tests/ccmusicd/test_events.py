"""Events on the wire, version 1: what other people's programs rely on."""

import json
import struct

import pytest

from ccmusicd.events import (
    TOPICS,
    ColumnsEvent,
    HopEvent,
    Level,
    LevelEvent,
    ModelVote,
    NoticeEvent,
    SegmentEvent,
    StatusEvent,
    TitleEvent,
    iso,
)

NOON_US = 1_769_860_800_000_000


@pytest.fixture
def hop() -> HopEvent:
    return HopEvent(
        station="main",
        seq=3,
        end_sample=66_048,
        time_us=NOON_US + 250_000,
        state="music",
        trained=False,
        models={
            "a_cqt": ModelVote((("rock", 0.123456), ("jazz", 0.1)), 12.345),
            "b_mel": ModelVote((), 0.0, "gave NaN"),
        },
        ensemble={"rock": 0.5556, "jazz": 0.4444},
        rolling={"rock": 0.6, "jazz": 0.4},
        genre="rock",
        probability=0.600049,
        since_us=NOON_US,
        agreement=0.66666,
        divergence=0.123456,
        contenders=("rock", "jazz"),
        band="unsure",
        level=Level(-18.04, -3.0, clipped=True),
        hop_ms=41.26,
        lag_s=0.12345,
        dropped=2,
    )


@pytest.mark.parametrize(
    ("utc_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON_US + 250_000, "2026-01-31T12:00:00.250Z"),
        (NOON_US + 250_999, "2026-01-31T12:00:00.250Z"),
        (-1_000, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_iso_8601_in_utc(utc_us: int, text: str) -> None:
    assert iso(utc_us) == text


def test_a_hop_on_the_wire(hop: HopEvent) -> None:
    assert json.loads(json.dumps(hop.to_wire())) == {
        "type": "hop",
        "station": "main",
        "seq": 3,
        "end_sample": 66_048,
        "time": "2026-01-31T12:00:00.250Z",
        "state": "music",
        "trained": False,
        "models": {
            "a_cqt": {"top5": [["rock", 0.1235], ["jazz", 0.1]], "ms": 12.3, "error": None},
            "b_mel": {"top5": [], "ms": 0.0, "error": "gave NaN"},
        },
        "ensemble": {"rock": 0.5556, "jazz": 0.4444},
        "rolling": {"rock": 0.6, "jazz": 0.4},
        "genre": "rock",
        "probability": 0.6,
        "since": "2026-01-31T12:00:00.000Z",
        "agreement": 0.667,
        "divergence": 0.1235,
        "contenders": ["rock", "jazz"],
        "band": "unsure",
        "level": {"rms_dbfs": -18.0, "peak_dbfs": -3.0, "clipped": True},
        "hop_ms": 41.3,
        "lag_s": 0.123,
        "dropped": 2,
    }


def test_a_segment_on_the_wire_without_probability() -> None:
    event = SegmentEvent("main", "end", NOON_US, NOON_US + 1_500_000, "silence")
    wire = event.to_wire()
    assert (wire["type"], wire["change"], wire["kind"]) == ("segment", "end", "silence")
    assert (wire["start"], wire["end"]) == ("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:01.500Z")
    assert (wire["genre"], wire["probability"], wire["titles"]) == (None, None, [])


def test_a_segments_id_stays_while_it_grows() -> None:
    first = SegmentEvent("main", "new", NOON_US, NOON_US + 1, "music", "rock")
    later = SegmentEvent("main", "end", NOON_US, NOON_US + 9_000_000, "music", "rock")
    other = SegmentEvent("web", "new", NOON_US, NOON_US + 1, "music", "rock")
    assert first.id == later.id == first.to_wire()["id"]
    assert first.id != other.id


def test_a_status_on_the_wire() -> None:
    event = StatusEvent(
        station="main",
        state="no_signal",
        trained=True,
        source="https://***@host/live",
        source_state="backoff",
        source_restarts=2,
        source_error="connection refused",
        source_format={},
        title=None,
        gap_samples=22_050,
        xruns=1,
        dropped_hops=0,
        hops=10,
        lag_s=0.5,
        analyzer="running",
        analyzer_restarts=0,
        device="cpu",
        hop_s=0.99846,
    )
    wire = json.loads(json.dumps(event.to_wire()))
    assert wire["source"] == {
        "spec": "https://***@host/live",
        "state": "backoff",
        "restarts": 2,
        "error": "connection refused",
        "warning": None,
        "format": {},
        "title": None,
    }
    assert wire["analyzer"] == {"state": "running", "restarts": 0, "device": "cpu"}
    assert (wire["state"], wire["hop_s"], wire["gap_samples"]) == ("no_signal", 0.9985, 22_050)


def test_title_and_level_on_the_wire() -> None:
    assert TitleEvent("main", NOON_US, "古典").to_wire() == {
        "type": "title",
        "station": "main",
        "time": "2026-01-31T12:00:00.000Z",
        "title": "古典",
    }
    level = LevelEvent("main", Level(-120.0, -120.0)).to_wire()
    assert (level["type"], level["station"], level["rms_dbfs"], level["clipped"]) == ("level", "main", -120.0, False)


def test_a_frame_of_columns_is_a_header_and_bytes() -> None:
    event = ColumnsEvent("main", "mel", 128, 2**40, bytes(range(128)) * 2)
    frame = event.to_bytes(station_index=5)
    assert struct.unpack("<BBHHHQ", frame[:16]) == (1, 1, 5, 128, 2, 2**40)
    assert frame[16:] == event.data
    assert event.columns == 2


def test_each_event_has_a_topic_of_its_own() -> None:
    kinds = (HopEvent, SegmentEvent, StatusEvent, TitleEvent, LevelEvent, ColumnsEvent, NoticeEvent)
    assert tuple(kind.topic for kind in kinds) == TOPICS


def test_a_notice_is_the_same_from_raised_to_cleared() -> None:
    raised = NoticeEvent(
        "main", "quota", "jazz", "raised", "warning", NOON_US, NOON_US + 1_000, "Soon.", {"share": 0.4}
    )
    message = json.loads(json.dumps(raised.to_wire()))
    assert message["id"] == "main:quota:jazz"
    assert (message["type"], message["change"], message["severity"]) == ("notice", "raised", "warning")
    assert (message["since"], message["time"]) == ("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.001Z")
    assert message["values"] == {"share": 0.4}
