"""The file of notices that hold."""

from pathlib import Path

import pytest

from ccmusicd.events import NoticeEvent
from ccmusicd.programme.store import NoticeStore

NOTICE = NoticeEvent("main", "quota", "爵士", "raised", "alarm", 1, 2, "Missed.", {"share": 0.25, "genres": ["jazz"]})


def test_what_holds_comes_back_and_the_rest_does_not(tmp_path: Path) -> None:
    store = NoticeStore(tmp_path / "notices.json")
    assert store.load() == []
    store.save([NOTICE])
    assert store.load() == [NOTICE]
    store.save([])
    assert store.load() == []
    assert [file.name for file in tmp_path.iterdir()] == ["notices.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "active": []}',
        '{"version": 1, "active": [{}]}',
        '{"version": 1, "active": 3}',
        '{"version": 1, "active": [{"kind": "x", "severity": "alarm", "values": {}}]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_such_is_told_and_as_good_as_none(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "notices.json").write_text(text)
    assert NoticeStore(tmp_path / "notices.json").load() == []
    assert "may be raised again" in caplog.text


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        NoticeStore(tmp_path / "none" / "notices.json").save([NOTICE])
