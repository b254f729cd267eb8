"""What is playing, in a file: by a template that can do no harm, as a whole, on change alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ccmusicd.events import HopEvent, NoticeEvent, StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import nowplaying
from ccmusicd.publish.nowplaying import FIELDS, NowPlaying, NowPlayingFile, Template, one_line

MakeHop = Callable[..., HopEvent]
MakeStatus = Callable[..., StatusEvent]
Eventually = Callable[..., Awaitable[None]]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{title}", "Artist - Title"),
        ("♪ {title} · {genre} ({probability:.0%})\n{show}", "♪ Artist - Title · Jazz (87%)\nJazz at Nine"),
        ("{{title}} {slug:>8}", "{title}     jazz"),
        ("", ""),
    ],
)
def test_a_template_is_filled(text: str, filled: str) -> None:
    assert Template(text).fill(FIELDS) == filled


@pytest.mark.parametrize(
    "text",
    [
        *(
            "{titel}",
            "{}",
            "{0}",
            "{title.__class__}",
            "{title[0]}",
            "{title!r}",
            "{title:{genre}}",
            "{title",
            "title}",
        ),
        *("{title:>999999999}", "{title:.0%}", "{probability:s}", "{title:=^9}", "{probability:.999f}"),
    ],
)
def test_what_is_no_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (field|template)|which is none"):
        Template(text)


def test_titles_are_one_line_of_text() -> None:
    assert one_line("a\r\nb\0\x1b[31m\u202ec\u2028 d\ud800 爵士") == "a b [31m c d 爵士"


@contextlib.asynccontextmanager
async def writing(hub: Hub, path: Path) -> AsyncIterator[None]:
    file = NowPlayingFile(path, Template("{title}"), Template("{genre} {probability:.1f} {show}"))
    task = asyncio.create_task(NowPlaying(hub, {"main": file}).run())
    await asyncio.sleep(0.01)  # until it has subscribed
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_file_follows_the_station_and_is_empty_when_nobody_listens(
    hub: Hub, make_hop: MakeHop, make_status: MakeStatus, eventually: Eventually, tmp_path: Path
) -> None:
    path = tmp_path / "nowplaying.txt"

    async def holds(text: str) -> None:
        await eventually(lambda: path.exists() and path.read_text() == text)

    async with writing(hub, path):
        hub.publish(make_hop())
        hub.publish(make_status(title="A\nB \x07- C"))
        await holds("A B - C\n")
        assert path.stat().st_mode & 0o777 == 0o644
        before = path.stat().st_ino
        hub.publish(make_status(title="A B - C", hops=2))
        hub.publish(NoticeEvent("main", "show", "", "raised", "info", 0, 0, "x", {"show": "Rock\nHour"}))
        hub.publish(make_status(title=None))
        await holds("Rock 0.8 Rock Hour\n")
        assert path.stat().st_ino != before  # a new file took its place
        same = path.stat().st_ino
        hub.publish(make_status(title=None, hops=9))
        hub.publish(make_status(title="New"))
        await holds("New\n")
        assert path.stat().st_ino != same
        hub.publish(make_status(state="no_signal", title="New"))
        await holds("")
        hub.publish(make_status(title="Back"))
        await holds("Back\n")
    assert path.read_text() == ""
    assert [file.name for file in tmp_path.iterdir()] == ["nowplaying.txt"]
    assert not hub._inboxes


async def test_what_does_not_change_is_not_written(
    hub: Hub, make_status: MakeStatus, eventually: Eventually, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(nowplaying, "write_text", lambda _path, text: written.append(text))
    async with writing(hub, tmp_path / "x"):
        for hops, title in enumerate(["A", "A", "A", "B"]):
            hub.publish(make_status(title=title, hops=hops))
            await asyncio.sleep(0)
        await eventually(lambda: "B" in written)
    assert written == ["A", "B", ""]


async def test_a_folder_that_is_gone_is_told_once_and_tried_again(
    hub: Hub,
    make_status: MakeStatus,
    eventually: Eventually,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(nowplaying, "_RETRY_S", 0.0)
    folder = tmp_path / "gone"
    async with writing(hub, folder / "now.txt"):
        for hops in range(3):
            hub.publish(make_status(title="A", hops=hops))
            await eventually(lambda: "cannot be written" in caplog.text)
        folder.mkdir()
        hub.publish(make_status(title="A", hops=5))
        await eventually((folder / "now.txt").exists)
    assert sum("cannot be written" in record.message for record in caplog.records) == 1


async def test_other_files_are_written_and_the_same_is_left_alone(
    hub: Hub, make_status: MakeStatus, eventually: Eventually, tmp_path: Path
) -> None:
    def file(name: str, template: str = "{title}") -> NowPlayingFile:
        return NowPlayingFile(tmp_path / name, Template(template), Template(""))

    kept, gone = file("kept"), file("gone")
    playing = NowPlaying(hub, {"main": kept, "web": gone})
    task = asyncio.create_task(playing.run())
    await asyncio.sleep(0.01)  # until it has subscribed
    try:
        for station in ("main", "web"):
            hub.publish(make_status(station, title=station))
        await eventually(lambda: all((tmp_path / name).exists() for name in ("kept", "gone")))
        same = (tmp_path / "kept").stat()
        await playing.apply({"main": kept, "web": file("new", "now {title}")})
        assert (tmp_path / "gone").read_text() == ""
        await asyncio.sleep(0)
        hub.publish(make_status("web", title="web"))
        hub.publish(make_status("main", title="main"))
        await eventually(lambda: (tmp_path / "new").exists() and (tmp_path / "new").read_text() == "now web\n")
        assert (tmp_path / "kept").stat().st_ino == same.st_ino
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (tmp_path / "kept").read_text() == ""
