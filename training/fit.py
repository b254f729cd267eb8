"""Trains one network, stage by stage, so that it can be killed at any moment and goes on where it was."""

import hashlib
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.networks import Average, network_of, widened
from training.plans import Stage
from training.windows import Batch, Windows, network_pictures

CHECKPOINT_S = 60.0
"""Seconds between checkpoints: what a kill may cost."""

_SMOOTHING = 0.05
_FACTS_SHARE = 0.5
_WEIGHT_DECAY = 0.05
_WARM_UP = 0.08
_AHEAD = 6
"""Batches drawn ahead of the network."""


@dataclass(frozen=True, slots=True)
class Held:
    """Recordings held out: pictures of one full window each, (n, 1, 224, 224) bytes, and their genres (n,)."""

    pictures: Tensor
    genres: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """The average network on what is held out after `images` images: mean loss over genres, mean recall over genres.

    `train_loss` is the mean since the measurement before; None where a stage begins.
    """

    stage: int
    images: int
    train_loss: float | None
    loss: float
    recall: float


@dataclass(slots=True)
class Fit:
    """One network on its way. `told` hears of every step: (stage, images done of the stage, its loss).

    `classes` are the first outputs, facts the rest. `patience` is how many measurements may pass without a better
    one before a stage ends; the next one, and the result, take the best.
    """

    backbone: str
    classes: int
    facts: int
    stages: Sequence[Stage]
    windows: Windows
    held: Held | None
    checkpoints: Path
    seed: int
    device: torch.device
    patience: int = 10
    start: dict[str, Tensor] | None = None
    told: Callable[[int, int, float], None] = lambda *_: None
    history: list[Measured] = field(default_factory=list)
    _checkpoint: Path = field(init=False)
    _best: tuple[float, dict[str, Tensor]] | None = None

    def __post_init__(self) -> None:
        # Of another plan, or other data, the name is another: one run does not write over what another needs.
        about = self._agreement()
        self._checkpoint = self.checkpoints / f"{self.backbone}-{_digest(about)}.pt"

    @property
    def goes_on(self) -> bool:
        """Whether a run of the same was killed, or has ended, before."""
        return self._checkpoint.exists()

    def run(self) -> dict[str, Tensor]:
        """Train to the end of the last stage; the best average's state, with the heads for facts still on."""
        kept = self._kept()
        first: int = kept["stage"] if kept else 0
        state: dict[str, Tensor] | None = kept["best"] if kept else None
        if kept:
            self.history = [Measured(**entry) for entry in kept["history"]]
        for number in range(first, len(self.stages)):
            going = kept if kept and number == kept["stage"] else None
            state = self._stage(number, state, going)
            self._save({"stage": number + 1, "best": state, "step": 0})
        if state is None:
            raise ValueError("there is no stage to train")
        return state

    def _stage(self, number: int, before: dict[str, Tensor] | None, going: dict[str, Any] | None) -> dict[str, Tensor]:
        stage = self.stages[number]
        _draw_anew(self.seed, number)
        network = self._network(number, before)
        optimiser = torch.optim.AdamW(_groups(network), lr=stage.rate)
        average, self._best, first = Average(network, stage.memory), None, 0
        if going and going["step"]:
            network.load_state_dict(going["network"])
            optimiser.load_state_dict(going["optimiser"])
            average.restore(going["average"], going["step"])
            self._best, first = going["stage_best"], going["step"]
        elif self.held is not None and (before is not None or self.start is not None):
            # What a stage begins with is held against what it makes of it: none may end worse than it began.
            self._measure(network, average, number, 0, None)
        self.windows.width = stage.width
        losses: list[float] = going["losses"] if going and going["step"] else []
        saved = time.monotonic()
        with _drawn_ahead(self.windows, stage.batch, (self.seed, number), first, stage.steps) as batches:
            for step, batch in enumerate(batches, start=first):
                for group in optimiser.param_groups:
                    group["lr"] = stage.rate * _schedule(step / stage.steps)
                _draw_anew(self.seed, number, step)  # dropout goes on after a kill as if there had been none
                losses.append(self._step(network, optimiser, batch))
                average.update(network)
                self.told(number, (step + 1) * stage.batch, losses[-1])
                # The last steps count too: they are those of the lowest learning rates.
                due = (step + 1) % stage.measured == 0 or step + 1 == stage.steps
                if due and self.held is not None:
                    fresh = self._measure(network, average, number, (step + 1) * stage.batch, float(np.mean(losses)))
                    losses = []
                    if fresh > self.patience:
                        break
                if time.monotonic() - saved > CHECKPOINT_S:
                    self._save(
                        {"stage": number, "best": before, "step": step + 1, "network": network.state_dict(),
                         "optimiser": optimiser.state_dict(), "average": average.state, "stage_best": self._best,
                         "losses": losses}
                    )  # fmt: skip
                    saved = time.monotonic()
        return self._best[1] if self._best else dict(average.state)

    def _network(self, number: int, before: dict[str, Tensor] | None) -> nn.Module:
        stage = self.stages[number]
        network = network_of(self.backbone, self.classes + self.facts, stage.divisor)
        if before is None:
            if self.start is not None:
                network.load_state_dict(self.start)
        elif self.stages[number - 1].divisor != stage.divisor:
            generator = torch.Generator().manual_seed(self.seed)
            ratio = self.stages[number - 1].divisor // stage.divisor
            network.load_state_dict(widened(before, network, ratio, generator))
        else:
            network.load_state_dict(before)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.to(self.device).train()

    def _step(self, network: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch) -> float:
        network.train()
        optimiser.zero_grad(set_to_none=True)
        with self._precision():
            outputs = network(batch.pictures.to(self.device))
        loss = loss_of(outputs.float(), batch.genres.to(self.device), batch.facts.to(self.device))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        return float(loss.detach())

    def _measure(self, network: nn.Module, average: Average, stage: int, images: int, train_loss: float | None) -> int:
        """Measure the average; returns how many measurements ago the best one of this stage was."""
        assert self.held is not None  # noqa: S101 (its caller asks)
        own = {key: value.clone() for key, value in network.state_dict().items()}
        network.load_state_dict(average.state)
        probabilities = logits_of(network, self.held.pictures, self.device)[:, : self.classes].softmax(dim=1)
        loss, recall = balanced(probabilities.double().numpy(), self.held.genres)
        network.load_state_dict(own)
        self.history.append(Measured(stage, images, train_loss, loss, recall))
        if self._best is None or loss < self._best[0]:
            self._best = loss, {key: value.detach().cpu().clone() for key, value in average.state.items()}
        losses = [one.loss for one in self.history if one.stage == stage]
        return len(losses) - 1 - int(np.argmin(losses))

    def _precision(self) -> AbstractContextManager[object]:
        # bfloat16 needs no scaling of the loss. On a CPU without its instructions it would be slower.
        return torch.autocast("cuda", torch.bfloat16) if self.device.type == "cuda" else nullcontext()

    def _save(self, content: dict[str, Any]) -> None:
        partial = self._checkpoint.with_suffix(f".{os.getpid()}.partial")
        content |= {"history": [asdict(one) for one in self.history]}
        torch.save(content, partial)
        partial.replace(self._checkpoint)

    def _kept(self) -> dict[str, Any] | None:
        if not self._checkpoint.exists():
            return None
        # On the CPU, where AdamW keeps its counts of steps; the rest is moved to the network's device as it is taken.
        kept: dict[str, Any] = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        return kept

    def _agreement(self) -> list[str]:
        """What a checkpoint must agree with to be gone on from: the plan, the data and where the network starts."""
        plan = (self.backbone, self.classes, self.facts, self.seed, self.patience, list(self.stages))
        given = hashlib.sha256()
        if self.held is not None:
            given.update(self.held.pictures.numpy().tobytes() + self.held.genres.tobytes())
        for key, value in (self.start or {}).items():
            given.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return [*(repr(one) for one in plan), self.windows.fingerprint(), given.hexdigest()]


def loss_of(outputs: Tensor, genres: Tensor, facts: Tensor) -> Tensor:
    """Cross-entropy with the genres' shares (smoothed), and of what is known of the facts, yes or no."""
    classes = genres.shape[1]
    loss = functional.cross_entropy(outputs[:, :classes], genres, label_smoothing=_SMOOTHING)
    known = ~facts.isnan()
    if known.any():
        answers = outputs[:, classes:][known]
        loss = loss + _FACTS_SHARE * functional.binary_cross_entropy_with_logits(answers, facts[known])
    return loss


def _digest(about: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]


def _draw_anew(*numbers: int) -> None:
    """Seed the draws of first weights and of dropout."""
    torch.manual_seed(hash(numbers) & 0x7FFFFFFF)


@torch.inference_mode()
def logits_of(network: nn.Module, grey: Tensor, device: torch.device, batch: int = 16) -> Tensor:
    """Outputs of the network in eval mode for pictures (n, 1, 224, 224) of bytes: (n, outputs) float32 on the CPU."""
    network.eval()
    outputs = [network(network_pictures(part).to(device)).float().cpu() for part in torch.split(grey, batch)]
    return torch.cat(outputs)


def balanced(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> tuple[float, float]:
    """Means over genres of the negative log-likelihood and of the recall."""
    likelihood = -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-6))
    right = probabilities.argmax(axis=1) == truth
    of_genre = [truth == genre for genre in np.unique(truth)]
    return float(np.mean([likelihood[mine].mean() for mine in of_genre])), float(
        np.mean([right[mine].mean() for mine in of_genre])
    )


def _schedule(done: float) -> float:
    """The learning rate's share: a linear warm-up, then half a cosine down to a hundredth."""
    if done < _WARM_UP:
        return (done + 1e-3) / (_WARM_UP + 1e-3)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))


def _groups(network: nn.Module) -> list[dict[str, Any]]:
    """Weights decay; biases and batch norms do not."""
    weights = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    return [{"params": weights, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]


@contextmanager
def _drawn_ahead(
    windows: Windows, size: int, seed: tuple[int, ...], first: int, steps: int
) -> Iterator[Iterator[Batch]]:
    """Batches `first` to `steps` of a seed, drawn by a thread while the network works on those before."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def draw() -> None:
        try:
            for step in range(first, steps):
                _put(ready, windows.batch(size, (*seed, step)), stopped)
                if stopped.is_set():
                    return
            _put(ready, None, stopped)
        except BaseException as error:  # noqa: BLE001 (raised where the batches are taken)
            _put(ready, error, stopped)

    def taken() -> Iterator[Batch]:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch

    thread = threading.Thread(target=draw, name="windows", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stopped.set()
        thread.join()


def _put(ready: "queue.Queue[Any]", item: object, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.2)
        except queue.Full:
            continue
        return
