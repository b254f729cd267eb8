"""Notices: calm, in words, gone only when they are over and somebody has seen them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from ccmusicd.events import NoticeEvent
from tests.web_viewer.conftest import NOON_US

if TYPE_CHECKING:
    from tests.web_viewer.conftest import Stage, Visitor

HOSTILE = "<img src=x onerror=alert(1)> & \u202eevil"


def notice(kind: Any, change: Any = "raised", severity: Any = "warning", **fields: Any) -> NoticeEvent:
    usual = {"station": "fm1", "name": "", "since_us": NOON_US, "time_us": NOON_US + 60_000_000, "text": f"the {kind}"}
    return NoticeEvent(kind=kind, change=change, severity=severity, **{**usual, **fields})


def test_a_notice_stays_while_it_holds_and_is_dismissed_when_it_is_over(stage: Stage, visitor: Visitor) -> None:
    stage.send(notice("dead_air", severity="alarm", text="silence for 30 s"))
    stage.status()
    page = visitor.open()
    alerts = page.locator("#alerts .alert")
    expect(alerts).to_have_count(1)  # told by the snapshot
    expect(alerts).to_contain_text("FM One · Dead air · alarm")
    expect(alerts).to_contain_text("silence for 30 s")
    expect(alerts.locator("time")).to_have_text("13:00")
    expect(alerts.locator("button")).to_be_hidden()
    stage.send(notice("quota", name="jazz"), notice("declared", severity="info", text=HOSTILE))
    expect(alerts).to_have_count(3)
    expect(alerts.nth(2).locator(".alert-text")).to_have_text(HOSTILE)
    # Worse is the same notice, over is told as such.
    stage.send(notice("quota", severity="alarm", name="jazz", text="it is missed"))
    expect(page.locator("#alerts")).to_contain_text("Quota · alarm")
    expect(alerts).to_have_count(3)
    stage.send(notice("dead_air", "cleared", text="sound again"))
    over = page.locator("#alerts .alert[data-severity=over]")
    expect(over).to_contain_text("Dead air · over")
    expect(over.locator("time")).to_have_text("13:00 – 13:01")
    marks = alerts.evaluate_all(
        "(rows) => rows.map((row) => getComputedStyle(row.querySelector('strong'), '::before').content)"
    )
    assert len(set(marks)) == 3  # by form, too
    page.get_by_role("button", name="中文").click()
    expect(over).to_contain_text("静播 · 已结束")
    over.get_by_role("button").click()
    expect(alerts).to_have_count(2)
    expect(over).to_have_count(0)


def test_only_the_newest_that_are_over_are_kept(stage: Stage, visitor: Visitor) -> None:
    page = visitor.open()
    stage.status()
    stage.send(notice("quota", name="holds"), *(notice("down", "told", name=str(n), text=f"#{n}") for n in range(9)))
    expect(page.locator("#alerts .alert-text").last).to_have_text("#8")
    expect(page.locator("#alerts .alert-text")).to_have_text(["the quota", *(f"#{n}" for n in range(4, 9))])


def test_what_no_longer_holds_after_an_absence_is_gone(stage: Stage, visitor: Visitor) -> None:
    stage.send(notice("dead_air"))
    page = visitor.open()
    expect(page.locator("#alerts .alert")).to_have_count(1)
    stage.stop()
    expect(page.locator("#connection")).to_contain_text("Reconnecting")
    stage.send(notice("dead_air", "cleared"), notice("quota", name="jazz"))
    stage.start()
    expect(page.locator("#alerts .alert-text")).to_have_text(["the quota"])
    visitor.complaints = [text for text in visitor.complaints if "WebSocket connection to" not in text]


def test_each_station_has_its_own_and_all_are_seen_side_by_side(stage: Stage, visitor: Visitor) -> None:
    stage.send(notice("dead_air"), notice("quota", station="fm2"))
    page = visitor.open()
    expect(page.locator("#alerts .alert-text")).to_have_text(["the dead_air"])
    page.get_by_role("link", name="All stations").click()
    expect(page.locator("#alerts .alert-text")).to_have_text(["the dead_air", "the quota"])
