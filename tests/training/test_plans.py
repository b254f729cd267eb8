"""Plans of training: every backbone has one, as long as is wanted, on pictures that it can look at."""

import itertools

import pytest

from ccmusic_stream.models.bundle import BACKBONES
from training.plans import fine_plan, plan_for


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_plans_end_with_the_full_network_and_scale(backbone: str, device: str) -> None:
    stages = plan_for(backbone, device)
    assert stages[-1].divisor == 1
    for narrow, wide in itertools.pairwise(stages):
        assert narrow.divisor % wide.divisor == 0
    assert sum(one.images for one in plan_for(backbone, device, 0.5)) == pytest.approx(
        sum(one.images for one in stages) / 2
    )
    assert [one.steps for one in plan_for(backbone, device, 0.0)] == [1] * len(stages)
    (fine,) = fine_plan(backbone, device, 0.0)
    assert (fine.divisor, fine.steps) == (1, 1)
    if backbone == "vit_b_16":  # whose pictures have one size
        assert {one.width for one in (*stages, fine)} == {224}
    assert stages[-1].width == 224


def test_what_is_unknown_has_no_plan() -> None:
    for plan in (plan_for, fine_plan):
        with pytest.raises(ValueError, match="lenet"):
            plan("lenet", "cpu")
