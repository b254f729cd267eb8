"""The soak with invented votes, for a moment: all is published, seen and recorded, and a planted leak is found."""

import mmap

import pytest
from soak_stub import soak_stub

HOPS = 300
LEAK = 64 * 1024


@pytest.mark.usefixtures("mosquitto")
def test_soak_publishes_and_records_every_hop_and_sees_a_planted_leak() -> None:
    kept: list[mmap.mmap] = []

    def leak() -> None:
        # Pages of its own: an array may lie in what earlier tests gave back, and nothing would grow.
        kept.append(mmap.mmap(-1, LEAK))
        kept[-1].write(bytes(range(256)) * (LEAK // 256))

    result = soak_stub(HOPS, most_s=60, seed=0, each_hop=leak)
    seen, record = result["seen"], result["record"]
    assert result["hops"] == HOPS
    assert seen["hop"] == result["voted"]
    assert seen["columns"] == 2 * result["voted"]
    assert seen["mqtt probs"] > 0
    assert seen["metrics"] > 0
    assert seen["passers-by"] > 0
    assert result["websocket_events_dropped"] == 0
    assert result["record_dropped"] == {"segments": 0, "blocks": 0}
    assert record["integrity"] == "ok"
    assert record["segments"] > 1
    assert record["blocks_of_hops"] > 0
    assert record["uncovered_us"] == 0
    main = result["processes"]["main"]
    assert main["flat"] is False
    assert main["rss_kb_per_10000_hops"] > 0.8 * 10_000 * LEAK / 1_000


@pytest.fixture
def mosquitto(real_part: object) -> None:
    """The soak starts its own: this one only tells that there is one, or skips."""
    real_part("mosquitto")  # type: ignore[operator]
