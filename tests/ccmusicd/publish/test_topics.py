"""What stands on the MQTT topics, without a broker."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ccmusicd.events import HopEvent, LevelEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import About
from ccmusicd.publish import topics
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.topics import StationTopics, check_topic_part

SLUGS = ("classical", "rock", "jazz")


@pytest.mark.parametrize("text", ["main", "studio-1", "küche", "古典", "a b", "x" * 200])
def test_a_good_part_of_a_topic_passes(text: str) -> None:
    check_topic_part(text)


# Seen to fail without: the look for bad characters.
@pytest.mark.parametrize(
    "text", ["", "a+b", "#", "a/b", "/", "a\0b", "a\nb", "\x7f", "\ud800", "$SYS", "x" * 201, "古" * 100]
)
def test_a_bad_part_of_a_topic_is_refused(text: str) -> None:
    with pytest.raises(TopicError, match=r"topic|broker"):
        check_topic_part(text)


@pytest.mark.parametrize(
    ("state", "availability"),
    [
        ("music", "online"),
        ("speech", "online"),
        ("uncertain", "online"),
        ("silence", "silent"),
        ("no_signal", "offline"),
        ("paused", "paused"),
        ("starting", "online"),
    ],
)
def test_each_state_has_its_availability(
    make_status: Callable[..., StatusEvent], state: str, availability: str
) -> None:
    station = StationTopics()
    station.hear_status(make_status(state=state))
    assert station.retained(SLUGS)["status"] == availability


def test_music_shows_its_genre_and_the_rolling_values(
    make_hop: Callable[..., HopEvent], make_status: Callable[..., StatusEvent]
) -> None:
    station = StationTopics()
    station.hear_hop(make_hop(p=0.8126))
    station.hear_status(make_status(title="A song"))
    retained = station.retained(SLUGS)
    assert retained["genre"] == "rock"
    assert [retained[f"genres/{slug}"] for slug in SLUGS] == ["0.094", "0.813", "0.094"]
    assert json.loads(retained["state"]) == {
        "genre": "rock",
        "probability": 0.813,
        "agreement": 1.0,
        "band": "check",
        "title": "A song",
        "since": "2026-01-31T12:00:00.000Z",
        "trained": True,
        "state": "music",
    }
    assert json.loads(retained["attributes"]) == {
        "top5": [["rock", 0.81], ["classical", 0.09], ["jazz", 0.09]],
        "title": "A song",
        "since": "2026-01-31T12:00:00.000Z",
        "trained": True,
    }


def test_the_attributes_name_the_five_best(make_hop: Callable[..., HopEvent]) -> None:
    station = StationTopics()
    station.hear_hop(make_hop(rolling={f"genre{number}": number / 28 for number in range(8)}))
    top5 = json.loads(station.retained(SLUGS)["attributes"])["top5"]
    assert [slug for slug, _ in top5] == ["genre7", "genre6", "genre5", "genre4", "genre3"]


def test_the_level_is_the_power_of_all_that_was_heard_since_it_was_last_told(
    make_level: Callable[..., LevelEvent],
) -> None:
    station = StationTopics()
    assert station.take_level() is None
    station.hear_level(make_level(rms_dbfs=-10.0))
    for _ in range(9):
        station.hear_level(make_level(rms_dbfs=-120.0))
    assert station.take_level() == "-20.0"  # a tenth of the time, a tenth of the power
    assert station.take_level() is None


@pytest.mark.parametrize("state", ["silence", "no_signal", "paused", "starting"])
def test_a_station_without_sound_shows_no_genre(
    make_hop: Callable[..., HopEvent], make_status: Callable[..., StatusEvent], state: str
) -> None:
    station = StationTopics()
    station.hear_hop(make_hop())
    station.hear_status(make_status(state=state))
    retained = station.retained(SLUGS)
    assert retained["genre"] == "none"
    assert {retained[f"genres/{slug}"] for slug in SLUGS} == {"0.000"}
    assert json.loads(retained["attributes"])["top5"] == []
    summary = json.loads(retained["state"])
    assert (summary["genre"], summary["probability"], summary["state"]) == (None, None, state)


def test_uncertain_sound_keeps_its_values_but_has_no_genre(make_hop: Callable[..., HopEvent]) -> None:
    station = StationTopics()
    station.hear_hop(make_hop(genre=None, state="uncertain", p=0.4))
    retained = station.retained(SLUGS)
    assert (retained["genre"], retained["genres/rock"]) == ("none", "0.400")


def test_a_status_from_before_the_command_does_not_undo_it(make_status: Callable[..., StatusEvent]) -> None:
    station = StationTopics()
    station.hear_status(make_status(state="music"))
    station.enabled = False  # the command's echo
    station.hear_status(make_status(state="music"))
    assert station.retained(SLUGS)["enabled/state"] == "OFF"
    station.hear_status(make_status(state="paused"))
    assert station.retained(SLUGS)["enabled/state"] == "OFF"
    station.hear_status(make_status(state="starting"))
    assert station.retained(SLUGS)["enabled/state"] == "ON"


def test_probs_tell_rolling_ensemble_and_each_models_first_choice(make_hop: Callable[..., HopEvent]) -> None:
    message: dict[str, Any] = json.loads(topics.probs(make_hop(p=0.8)))
    assert message["rolling"]["rock"] == message["ensemble"]["rock"] == 0.8
    assert message["models"] == {"vgg19_bn_cqt": ["rock", 0.8], "resnet50_mel": None}
    assert message["trained"] is True


def test_a_segment_event_says_what_happened_to_which(make_segment: Callable[..., SegmentEvent]) -> None:
    event = make_segment("end", 0, 60)
    message: dict[str, Any] = json.loads(topics.segment(event))
    assert (message["type"], message["id"], message["genre"]) == ("end", event.id, "rock")
    assert "change" not in message


def test_info_tells_what_the_node_is(about: About) -> None:
    message: dict[str, Any] = json.loads(topics.info(about))
    assert (message["version"], message["trained"], message["hop_s"]) == (1, True, 1.0)
    assert [label["zh"] for label in message["labels"]] == ["古典", "摇滚", "爵士"]
    assert [model["name"] for model in message["models"]] == ["vgg19_bn_cqt", "resnet50_mel"]
