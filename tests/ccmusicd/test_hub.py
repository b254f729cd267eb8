"""The hub: everyone gets what they asked for, the newest of it, and nobody holds up another."""

import asyncio
import json
from typing import Any

import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import Event, Level, LevelEvent, NoticeEvent, SegmentEvent, TitleEvent
from ccmusicd.hub import About, Hub, ModelInfo, StationInfo


@pytest.fixture
def hub() -> Hub:
    labels = Labels([Label("rock", "Rock", "摇滚", parent="guitars"), Label("talk", "Talk", "谈话", music=False)])
    stations = (StationInfo("main", "Main", "soundcard"), StationInfo("web", "Web", "https://***@host/live"))
    return Hub(About("desk", "starter", True, labels, (ModelInfo("a_cqt", "a", "cqt", "refused"),), stations))


def title(text: str, station: str = "main") -> TitleEvent:
    return TitleEvent(station, 0, text)


def texts(events: list[Event]) -> list[str]:
    return [event.title for event in events if isinstance(event, TitleEvent)]


def test_hello_tells_the_labels_with_their_parents(hub: Hub) -> None:
    assert hub.about.to_wire()["labels"] == [
        {"slug": "rock", "en": "Rock", "zh": "摇滚", "music": True, "parent": "guitars"},
        {"slug": "talk", "en": "Talk", "zh": "谈话", "music": False, "parent": None},
    ]


async def test_an_inbox_gets_its_topics_and_stations_only(hub: Hub) -> None:
    inbox = hub.subscribe(("title",), stations=("web",))
    hub.publish(title("no", "main"))
    hub.publish(LevelEvent("web", Level(-20, -10)))
    hub.publish(title("yes", "web"))
    assert texts(inbox.drain()) == ["yes"]
    assert inbox.drain() == []


async def test_no_stations_means_all(hub: Hub) -> None:
    inbox = hub.subscribe(("title",))
    hub.publish(title("a", "main"))
    hub.publish(title("b", "web"))
    assert texts(inbox.drain()) == ["a", "b"]


async def test_a_full_inbox_keeps_the_newest_and_counts_the_rest(hub: Hub) -> None:
    slow, quick = hub.subscribe(("title",), capacity=3), hub.subscribe(("title",), capacity=100)
    for number in range(10):
        hub.publish(title(str(number)))
    assert len(slow) == 3
    assert texts(slow.drain()) == ["7", "8", "9"]
    assert (slow.dropped, quick.dropped) == (7, 0)
    assert len(quick) == 10


async def test_get_waits_for_the_next_event(hub: Hub) -> None:
    inbox = hub.subscribe(("title",))
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.publish(title("first"))
    hub.publish(title("second"))
    assert texts([await waiting, await inbox.get()]) == ["first", "second"]


async def test_a_cancelled_get_loses_nothing(hub: Hub) -> None:
    inbox = hub.subscribe(("title",))
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    hub.publish(title("kept"))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert texts(inbox.drain()) == ["kept"]


async def test_an_unsubscribed_inbox_gets_nothing_more(hub: Hub) -> None:
    inbox = hub.subscribe(("title",))
    hub.unsubscribe(inbox)
    hub.unsubscribe(inbox)
    hub.publish(title("late"))
    assert inbox.drain() == []


async def test_the_snapshot_has_the_latest_of_each_station(hub: Hub) -> None:
    hub.publish(SegmentEvent("main", "new", 0, 1, "music", "rock"))
    hub.publish(SegmentEvent("main", "update", 0, 2_000_000, "music", "rock"))
    snapshot = json.loads(json.dumps(hub.snapshot()))
    assert snapshot["type"] == "snapshot"
    assert snapshot["stations"]["main"]["segment"]["end"] == "1970-01-01T00:00:02.000Z"
    assert snapshot["stations"]["main"]["hop"] is None
    assert snapshot["stations"]["web"] == {"status": None, "hop": None, "segment": None, "notices": []}


async def test_what_is_learnt_makes_another_about(hub: Hub) -> None:
    before = hub.about
    hub.learn(device="cuda:0", hop_s=0.5)
    assert hub.about is not before
    assert (hub.about.device, hub.about.hop_s, hub.about.node) == ("cuda:0", 0.5, "desk")
    assert before.device is None


def test_hello_describes_the_daemon(hub: Hub) -> None:
    hello = json.loads(json.dumps(hub.about.to_wire()))
    assert (hello["type"], hello["version"], hello["trained"], hello["hop_s"]) == ("hello", 1, True, None)
    assert [(label["slug"], label["music"]) for label in hello["labels"]] == [("rock", True), ("talk", False)]
    assert hello["models"] == [
        {"name": "a_cqt", "backbone": "a", "spectrogram": "cqt", "profile": "seed", "error": "refused"}
    ]
    assert hello["stations"][1] == {"id": "web", "name": "Web", "source": "https://***@host/live"}
    assert hello["spectrogram"]["cqt"]["bins"] == 84
    assert hello["spectrogram"]["mel"]["bins"] == 128


def test_notices_are_there_for_as_long_as_they_hold(hub: Hub) -> None:
    def tell(change: Any, severity: Any = "warning", name: str = "jazz") -> None:
        hub.publish(NoticeEvent("main", "quota", name, change, severity, 0, 0, f"{change} {severity}"))

    tell("raised")
    tell("told", name="rock")
    tell("raised", "alarm")
    assert [notice["text"] for notice in hub.now()["main"]["notices"]] == ["raised alarm"]
    tell("cleared")
    assert hub.now()["main"]["notices"] == []


async def test_other_stations_are_told_to_all_and_what_is_known_of_the_rest_stays(hub: Hub) -> None:
    hub.publish(SegmentEvent("main", "new", 0, 1, "music", "rock"))
    of_web = hub.subscribe(("title", "stations"), stations=("web",))
    titles = hub.subscribe(("title",))
    hub.list_stations((StationInfo("new", "New", "demo"), StationInfo("main", "Other", "demo")))
    assert list(hub.now()) == ["new", "main"]
    assert hub.latest["main"].segment is not None
    assert [station.name for station in hub.about.stations] == ["New", "Other"]
    assert [event.topic for event in of_web.drain()] == ["stations"]
    assert titles.drain() == []
    hub.publish(title("yes", "new"))
    with pytest.raises(KeyError):
        hub.publish(title("gone", "web"))
