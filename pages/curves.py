"""Pictures of a model's quality, the same in every report: callers compute the points, here they are drawn."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pages.page import Picture

OURS, PEER, PLAIN = "#1b6ca8", "#c9772b", "#999999"
ACROSS = 3

Panel = Callable[[Any], None]
"""Draws into axes of matplotlib."""
Curves = Mapping[str, Sequence[np.ndarray]]
"""Name of a model → its points: two arrays, or what its panel says."""


def draw(alt: str, *panels: Panel) -> Picture:
    """Panels beside each other, three in a row; equal points give equal bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(4.4 * across, 3.6 * down), dpi=110, layout="constrained")
    for axes, panel in zip(figure.subplots(down, across, squeeze=False).flat, panels, strict=False):
        panel(axes)
        axes.tick_params(labelsize=7)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=7)
    for axes in figure.axes[len(panels) :]:
        axes.set_visible(False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return Picture(alt, base64.b64encode(buffer.getvalue()).decode())


def precision_recall(curves: Curves, rate: float) -> Panel:
    """(recall, precision) of each; `rate` is what chance alone would find."""

    def panel(axes: Any) -> None:
        _lines(axes, curves)
        axes.axhline(rate, color=PLAIN, linestyle=":", label="by chance")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), title="Precision and recall")
        axes.set(xlabel="share of positives found", ylabel="share of found that are positive")

    return panel


def lift(curves: Curves) -> Panel:
    """(share of rows chosen, share of positives found) of each."""

    def panel(axes: Any) -> None:
        _lines(axes, curves)
        axes.plot([0, 1], [0, 1], color=PLAIN, linestyle=":", label="by chance")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), title="Lift")
        axes.set(xlabel="share of rows, highest first", ylabel="share of positives found")

    return panel


def reliability(curves: Curves) -> Panel:
    """(mean said, share that happened, rows) of each bin of each, with 95 % of the sampling error of that share."""

    def panel(axes: Any) -> None:
        top = 0.0
        for name, (said, seen, rows) in curves.items():
            error = 1.96 * np.sqrt(np.clip(seen * (1 - seen), 1e-9, None) / rows)
            axes.errorbar(said, seen, yerr=error, fmt="o-", markersize=3, capsize=3, label=name)
            top = max(top, 1.05 * float(said.max()), 1.05 * float((seen + error).max()))
        axes.plot([0, top], [0, top], color=PLAIN, linestyle=":", label="perfect")
        axes.set(xlabel="probability said", ylabel="share that happened", title="Reliability (tenths of the rows)")

    return panel


def bars(title: str, across: str, weights: Mapping[str, float], most: int = 15) -> Panel:
    """The largest weights, by name."""

    def panel(axes: Any) -> None:
        largest = sorted(weights.items(), key=lambda pair: pair[1])[-most:]
        axes.barh([name for name, _ in largest], [weight for _, weight in largest], color=OURS)
        axes.set(xlabel=across, title=title)

    return panel


def best_so_far(title: str, up: str, values: Sequence[float | None]) -> Panel:
    """Values by trial, less is better; None where one came to nothing."""

    def panel(axes: Any) -> None:
        known = [(place, value) for place, value in enumerate(values, 1) if value is not None]
        places, found = (list(column) for column in zip(*known, strict=True))
        axes.plot(places, found, "o", color=OURS, markersize=4, label="trial")
        axes.step(places, np.minimum.accumulate(found), where="post", color=PEER, label="best so far")
        axes.set(xlabel="trial", ylabel=up, title=title)

    return panel


def by_date(title: str, up: str, dates: Sequence[str], series: Mapping[str, np.ndarray]) -> Panel:
    """Series over the same dates."""

    def panel(axes: Any) -> None:
        for name, values in series.items():
            axes.plot(dates, values, "o-", markersize=3, label=name)
        axes.set(ylabel=up, title=title, ylim=(0, None))
        axes.set_xticks(range(len(dates)), dates, rotation=90, fontsize=5)

    return panel


def _lines(axes: Any, curves: Curves) -> None:
    for name, points in curves.items():
        axes.plot(*points, label=name)
