"""Narrow networks, and full ones that answer the same."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from ccmusic_stream.models.seeded import last_layer
from training.networks import Average, network_of, widened


def _pictures(seed: int, count: int = 4) -> Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def _convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.fixture(params=[("vgg19_bn", 4), ("resnet50", 2), ("densenet121", 2)], scope="module")
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module, int]:
    """A narrow network with statistics, biases and factors as training leaves them, and the full one made of it."""
    backbone, divisor = request.param
    torch.manual_seed(4)
    narrow = network_of(backbone, 5, divisor)
    with torch.no_grad():
        for name, value in narrow.named_parameters():
            if value.ndim == 1:
                value.add_(torch.randn_like(value) * 0.1)
            assert value.isfinite().all(), name
        for seed in range(20):
            narrow(_pictures(seed))
    full = network_of(backbone, 5)
    full.load_state_dict(widened(narrow.state_dict(), full, divisor, torch.Generator().manual_seed(1)))
    return narrow, full, divisor


def test_a_narrow_network_has_a_square_less_weights(pair: tuple[nn.Module, nn.Module, int]) -> None:
    narrow, full, divisor = pair
    of_narrow, of_full = _convolutions(narrow), _convolutions(full)
    assert len(of_narrow) == len(of_full)
    assert of_full[0].weight.numel() == divisor * of_narrow[0].weight.numel()  # pictures keep their channels
    for small, large in zip(of_narrow[1:], of_full[1:], strict=True):
        assert large.weight.numel() == divisor**2 * small.weight.numel()
    assert last_layer(narrow)[1].out_features == 5


def test_the_full_network_answers_as_the_narrow_one(pair: tuple[nn.Module, nn.Module, int]) -> None:
    narrow, full, _ = pair
    norms = [module for module in narrow.modules() if isinstance(module, nn.BatchNorm2d)]
    assert min(float((norm.running_var - 1).abs().max()) for norm in norms if norm.running_var is not None) > 0.01
    with torch.inference_mode():
        shown = _pictures(99, 3)
        answers, expected = full.eval()(shown), narrow.eval()(shown)
    assert expected.std() > 0.01
    torch.testing.assert_close(answers, expected, rtol=1e-4, atol=1e-4)


def test_twins_learn_unlike_each_other(pair: tuple[nn.Module, nn.Module, int]) -> None:
    _, full, divisor = pair
    full.train().zero_grad()
    functional.cross_entropy(full(_pictures(98)), torch.tensor([0, 1, 2, 3])).backward()  # type: ignore[no-untyped-call]
    for module in _convolutions(full)[:4]:
        gradient = module.weight.grad
        assert gradient is not None
        for twin in range(1, divisor):
            difference = (gradient[::divisor] - gradient[twin::divisor]).flatten(1).norm(dim=1)
            assert float((difference / (gradient[::divisor].flatten(1).norm(dim=1) + 1e-12)).median()) > 1e-3


@pytest.mark.parametrize("backbone", ["mobilenet_v3_large", "efficientnet_b0"])
def test_a_network_whose_layers_take_each_channel_alone_is_not_divided(backbone: str) -> None:
    with pytest.raises(ValueError, match="groups"):
        network_of(backbone, 3, 2)


def test_a_width_that_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="64 cannot be divided by 3"):
        network_of("resnet50", 3, 3)


def test_the_average_forgets_faster_at_first_and_goes_on_after_a_rest() -> None:
    linear, norm = nn.Linear(1, 1), nn.BatchNorm1d(1)
    network = nn.Sequential(linear, norm)
    with torch.no_grad():
        linear.weight.fill_(0.0)
    average = Average(network, 0.5)
    with torch.no_grad():
        linear.weight.fill_(1.0)
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.fill_(7)
    average.update(network)
    assert average.state["0.weight"].item() == pytest.approx(1 - 2 / 11)
    assert average.state["1.num_batches_tracked"] == 7
    rested = Average(network, 0.5)
    rested.restore(average.state, 1)
    with torch.no_grad():
        linear.weight.fill_(3.0)
    for one in (average, rested):
        one.update(network)
    assert rested.state["0.weight"].item() == average.state["0.weight"].item()
    assert rested.state["0.weight"].item() == pytest.approx((1 - 2 / 11) + (1 - 3 / 12) * (3 - (1 - 2 / 11)))


def test_batch_norms_follow_short_runs() -> None:
    norms = [one for one in network_of("mobilenet_v3_large", 3).modules() if isinstance(one, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}
