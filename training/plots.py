"""Pictures of a training run and of an evaluation: loss curves, confusion, reliability. PNG files, no window."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ccmusic_stream.ensemble import CHECK, RELIABLE
from training.measures import Ints, ReliabilityBin

_INK, _QUIET, _BLUE, _RED, _GRID = "#1f2430", "#8a90a0", "#2f6fb0", "#c8553d", "#e4e7ee"
_DPI = 150


def loss_curves(
    path: Path, train: Mapping[str, Sequence[float]], validation: Mapping[str, Sequence[float]], loss: str = "loss"
) -> None:
    """One small chart for each model: the loss in nats of each epoch, on what was trained on and what was held out.

    The least held-out loss is marked. Models are the keys of both; epochs count from 1.

    Raises:
        ValueError: there is no model.
    """
    if not train:
        raise ValueError("there is no model whose loss could be drawn")
    columns = min(len(train), 3)
    rows = -(-len(train) // columns)
    figure = _figure(4.0 * columns, 2.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, name in zip(grid.flat, train, strict=False):
        _loss_curve(axes, train[name], validation.get(name, ()))
        axes.set_title(name, loc="left", fontsize=10, color=_INK)
    for axes in grid.flat[len(train) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(f"{loss} (nats)")
    grid[0, 0].legend(frameon=False, fontsize=8)
    _save(figure, path)


def confusion_matrix(path: Path, counts: Ints, names: Sequence[str], title: str = "") -> None:
    """Counts of shape (classes, classes), true classes by row; shaded by their share of the row.

    Classes that neither occur nor were chosen are left out.
    """
    seen = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1)).tolist()
    shown = counts[np.ix_(seen, seen)]
    shares = shown / np.maximum(shown.sum(axis=1, keepdims=True), 1)
    size = 2.6 + 0.52 * len(seen)
    figure = _figure(size, size)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for row, column in np.argwhere(shown):
        colour = "white" if shares[row, column] > 0.55 else _INK
        axes.text(column, row, str(shown[row, column]), ha="center", va="center", fontsize=9, color=colour)
    ticks, labels = range(len(seen)), [names[index] for index in seen]
    axes.set_xticks(ticks, labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, [f"{label}  ({row.sum()})" for label, row in zip(labels, shown, strict=True)])
    axes.set_xticks(np.arange(len(seen) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(seen) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=_GRID, linewidth=1.0)
    axes.tick_params(which="both", length=0, labelsize=9, colors=_INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("first choice", color=_INK)
    axes.set_ylabel("true genre (recordings)", color=_INK)
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    _save(figure, path)


def reliability_diagram(path: Path, bins: Sequence[ReliabilityBin], ece: float, title: str = "") -> None:
    """How often first choices of each confidence are right, above how many there are; honest ones lie on the diagonal.

    The article's bands are the dashed lines.
    """
    figure = _figure(5.2, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    filled = [found for found in bins if found.accuracy is not None]
    lows = [found.low for found in filled]
    widths = [found.high - found.low for found in filled]
    accuracies = [found.accuracy or 0.0 for found in filled]
    confidences = [found.confidence or 0.0 for found in filled]
    upper.bar(lows, accuracies, widths, align="edge", color=_BLUE, edgecolor="white", label="share that is right")
    upper.plot([0, 1], [0, 1], color=_QUIET, linewidth=1.0, linestyle=":", label="honest")
    upper.plot(confidences, accuracies, "o", color=_RED, markersize=4, label="at the mean confidence")
    upper.set_ylim(0, 1)
    upper.set_ylabel("right")
    upper.yaxis.set_major_formatter(PercentFormatter(1.0))
    upper.legend(frameon=False, fontsize=8, loc="upper left")
    upper.set_title(f"{title}{' · ' if title else ''}ECE {ece:.3f}", loc="left", fontsize=11, color=_INK)
    lower.bar(lows, [found.recordings for found in filled], widths, align="edge", color=_QUIET, edgecolor="white")
    lower.set_ylabel("recordings")
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    lower.set_xlabel("confidence of the first choice")
    lower.set_xlim(0, 1)
    lower.xaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in (upper, lower):
        _plain(axes)
        for edge in (CHECK, RELIABLE):
            axes.axvline(edge, color=_INK, linewidth=0.8, linestyle="--", alpha=0.5)
    _save(figure, path)


def _loss_curve(axes: Axes, train: Sequence[float], validation: Sequence[float]) -> None:
    axes.plot(range(1, len(train) + 1), train, color=_QUIET, label="trained on")
    if len(validation):
        axes.plot(range(1, len(validation) + 1), validation, color=_BLUE, label="held out")
        best = int(np.argmin(validation))
        axes.plot(best + 1, validation[best], "o", color=_RED, markersize=5)
        axes.annotate(
            f"{validation[best]:.2f}",
            (best + 1, validation[best]),
            textcoords="offset points",
            xytext=(0, 7),
            ha="center",
            fontsize=8,
            color=_RED,
        )
    axes.set_xlabel("epoch")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    _plain(axes)


def _figure(width: float, height: float) -> Figure:
    """A figure of its own, in inches: pyplot would keep it for the life of the process."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes) -> None:
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_QUIET)
    axes.tick_params(labelsize=8, colors=_INK)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
