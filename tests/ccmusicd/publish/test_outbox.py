"""What waits for the MQTT broker, without a broker."""

import asyncio

from ccmusicd.publish.outbox import MAX_WAITING_EVENTS, Message, Outbox


def take_all(outbox: Outbox) -> list[Message]:
    messages = []
    while (waiting := outbox.first()) is not None:
        outbox.sent(*waiting)
        messages.append(waiting[1])
    return messages


async def test_the_newest_of_a_topic_takes_the_place_of_what_waits() -> None:
    outbox = Outbox()
    for value in "abc":
        outbox.send("probs", value)
        outbox.retain("genre", value)
    assert take_all(outbox) == [Message("probs", "c", retain=False), Message("genre", "c", retain=True)]


async def test_a_retained_topic_that_says_the_same_is_not_sent_again() -> None:
    outbox = Outbox()
    outbox.retain("genre", "rock")
    assert len(take_all(outbox)) == 1
    outbox.retain("genre", "rock")
    assert len(outbox) == 0


async def test_all_that_is_retained_is_repeated_and_nothing_else() -> None:
    outbox = Outbox()
    outbox.retain("genre", "rock")
    outbox.retain("status", "online")
    outbox.retain("gone", "x")
    outbox.empty("gone")
    outbox.send("probs", "…")
    assert Message("gone", "", retain=True) in take_all(outbox)
    outbox.repeat(only={"status"})
    assert take_all(outbox) == [Message("status", "online", retain=True)]
    outbox.repeat()
    assert take_all(outbox) == [Message("genre", "rock", retain=True), Message("status", "online", retain=True)]


async def test_many_events_of_a_topic_wait_but_not_more_than_so_many() -> None:
    outbox = Outbox()
    outbox.retain("genre", "rock")
    for number in range(MAX_WAITING_EVENTS + 10):
        outbox.send_event("event", f"{number}", about=number)
        outbox.send_event("event", f"{number}, more", about=number)
    messages = take_all(outbox)
    assert len(messages) == MAX_WAITING_EVENTS + 1
    assert messages[0].topic == "genre"  # no flood of events pushes out what is retained
    assert (messages[1].payload, messages[-1].payload) == ("10, more", f"{MAX_WAITING_EVENTS + 9}, more")


async def test_what_changed_while_it_was_sent_is_sent_again() -> None:
    outbox = Outbox()
    outbox.retain("genre", "rock")
    waiting = outbox.first()
    assert waiting is not None
    outbox.retain("genre", "jazz")
    outbox.sent(*waiting)
    assert take_all(outbox) == [Message("genre", "jazz", retain=True)]


async def test_what_is_withdrawn_is_not_sent() -> None:
    outbox = Outbox()
    outbox.send("level", "-20.0")
    outbox.send("probs", "…")
    outbox.withdraw("level")
    outbox.withdraw("level")
    assert take_all(outbox) == [Message("probs", "…", retain=False)]


async def test_it_can_be_waited_for() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.filled())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.send("probs", "…")
    await asyncio.wait_for(waiting, 1)
    await asyncio.wait_for(outbox.filled(), 1)  # still there


async def test_a_station_is_emptied_with_what_waits_of_it_but_its_events() -> None:
    outbox = Outbox()
    for topic in ("a/web/genre", "a/webcam/genre"):
        outbox.retain(topic, "rock")
    take_all(outbox)
    outbox.retain("a/web/state", "{}")
    outbox.send("a/web/probs", "{}")
    outbox.send_event("a/web/event", "end", about="1")
    outbox.empty_below("a/web")
    assert {(message.topic, message.payload) for message in take_all(outbox)} == {
        ("a/web/genre", ""),
        ("a/web/state", ""),
        ("a/web/event", "end"),
    }
    outbox.repeat()
    assert [message.topic for message in take_all(outbox)] == ["a/webcam/genre"]
