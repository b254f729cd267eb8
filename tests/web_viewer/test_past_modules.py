"""The past without a picture: steps that join, stretches that give way, and their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ANSWER = """const answer = { start: "2026-01-31T12:00:00.000Z", end: "2026-01-31T12:00:20.000Z", step_s: 10,
  newest: "2026-01-31T12:00:14.000Z", hops: [10, 5], labels: ["old", "jazz"], titles: [],
  ensemble: { old: [0.25, 0], jazz: [0.75, 1] }, divergence: [0.1, 0.3], models: { a: [1, 1], gone: [0, 0] } };
  const hop = (second, mix, first) => ({ time: new Date(Date.parse(answer.start) + 1000 * second).toISOString(),
    state: "music", ensemble: mix, divergence: 0.9, models: { a: { top5: [[first, 0.5]] }, b: { top5: [] } } });
  const steps = new m.PastSteps(answer, ["jazz", "rock"], ["a", "b"]);
  const round = (values) => values.map((value) => Math.round(value * 1000) / 1000);"""


@pytest.fixture(scope="module")
def ask(chromium: Browser, viewer_url: str) -> Iterator[Any]:
    page = chromium.new_page()
    page.goto(viewer_url + "icon.svg")
    yield lambda module, code: page.evaluate(f"async () => {{ const m = await import('/{module}'); {code} }}")
    page.close()


def test_a_step_that_the_record_began_is_ended_live(ask: Any) -> None:
    seen = ask(
        "paststeps.js",
        f"""{ANSWER}
        steps.add(hop(14, {{ rock: 1 }}, "rock"));
        const before = [...steps.hops];
        for (let s = 15; s < 20; s++) steps.add(hop(s, {{ rock: 1 }}, "rock"));
        const shares = (place) => round([steps.share(place, 0), steps.share(place, 1)]);
        const mixed = [steps.labels, [...steps.hops], shares(1), round([steps.divergence[1]]), steps.choice(1, 0),
                       steps.choice(1, 1)];
        steps.add(hop(20.5, {{ rock: 1 }}, "rock"));
        return [before, ...mixed, [...steps.hops], steps.choice(1, 0), shares(1)];""",
    )
    assert seen[0] == [10, 5]  # told by the record already
    # Five and five: the record's choice counts for all of its hops, and theirs are as likely as can be.
    assert seen[1:7] == [["jazz", "rock", "old"], [10, 10], [0.5, 0.5], [0.6], 1, -1]
    assert seen[7:] == [[10, 1], 1, [0, 1]]


def test_the_past_does_not_grow(ask: Any) -> None:
    seen = ask(
        "paststeps.js",
        f"""{ANSWER}
        const size = () => [steps.hops.length, steps.shares.length, steps.choices.length, steps._tally.length].join();
        const before = size();
        for (let s = 100; s < 50_000; s++) steps.add(hop(s, {{ jazz: (s % 5) / 4, rock: 0 }}, s % 2 ? "jazz" : "rock"));
        const {{ PastStretches }} = await import("/paststretches.js");
        const stretches = new PastStretches([], []);
        for (let s = 0; s < 5_000; s++) {{
          const [start, end] = [s, s + 1].map((second) => new Date(1000 * second).toISOString());
          stretches.put({{ start, end, kind: "music", genre: "jazz", change: "end" }});
          stretches.name({{ time: start, title: `title ${{s}}` }});
        }}
        const gone = (steps.first - Date.parse(answer.start)) / 1000;
        return [before === size(), [...steps.hops], round([steps.share(0, 0)]), gone,
                stretches.segments.length, stretches.segments.at(-1).end, stretches.titles.length];""",
    )
    assert seen == [True, [10, 10], [0.5], 49_980, 2000, 5_000_000, 500]


def test_the_newest_word_on_a_stretch_holds(ask: Any) -> None:
    seen = ask(
        "paststretches.js",
        """const at = (second) => new Date(1000 * second).toISOString();
        const word = (start, end, genre, change = "end") =>
          ({ start: at(start), end: at(end), genre, kind: genre ? "music" : "down", change });
        const stretches = new m.PastStretches([word(0, 10, "a"), word(10, 20, "b"), word(20, 40, "c", "update")],
          [[1, "one"], [12, "two"], [50, ""], [55, "three"]].map(([time, title]) => ({ time: at(time), title })));
        const told = () => stretches.segments.map(({ genre, start, end }) => `${genre} ${start / 1000} ${end / 1000}`);
        const seen = [told()];
        stretches.put(word(15, 18, "d"));
        seen.push(told());
        stretches.put(word(8, 45, "e", "update"));
        seen.push(told());
        stretches.put(word(8, 44, "e"));
        stretches.put(word(44, 46, null));
        seen.push(told(), stretches.named().map(({ title, from, to }) => `${title} ${from / 1000} ${to / 1000}`));
        seen.push([stretches.at(7_999).genre, stretches.at(8_000).genre, stretches.at(46_000)?.genre ?? "nothing"]);
        return seen;""",
    )
    assert seen == [
        ["a 0 10", "b 10 20", "c 20 40"],
        ["a 0 10", "b 10 15", "d 15 18", "b 18 20", "c 20 40"],
        ["a 0 8", "e 8 45"],
        ["a 0 8", "e 8 44", "null 44 46"],
        ["one 1 12", "two 12 44", "three 55 Infinity"],
        ["a", "e", "nothing"],
    ]  # fmt: skip
