"""Pictures of a model's quality, the same in every report: callers compute the points, here they are drawn."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec

import numpy as np

from pages.page import Picture

OURS, PEER, PLAIN = "#1b6ca8", "#c9772b", "#999999"
ACROSS = 3

Panel = Callable[[Any], None]
"""Draws into axes of matplotlib."""
Curves = Mapping[str, Sequence[np.ndarray]]
"""Name of a model → its points: two arrays, or what its panel says."""
Given = ParamSpec("Given")


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


def _panel(drawing: Callable[Concatenate[Any, Given], None]) -> Callable[Given, Panel]:
    """What draws into axes, as a panel that waits for them."""

    @functools.wraps(drawing)
    def of(*given: Given.args, **named: Given.kwargs) -> Panel:
        return lambda axes: drawing(axes, *given, **named)

    return of


@_panel
def precision_recall(axes: Any, curves: Curves, rate: float) -> None:
    """(recall, precision) of each; `rate` is what chance alone would find."""
    _lines(axes, curves)
    axes.axhline(rate, color=PLAIN, linestyle=":", label="by chance")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), title="Precision and recall")
    axes.set(xlabel="share of positives found", ylabel="share of found that are positive")


@_panel
def lift(axes: Any, curves: Curves) -> None:
    """(share of rows chosen, share of positives found) of each."""
    _lines(axes, curves)
    axes.plot([0, 1], [0, 1], color=PLAIN, linestyle=":", label="by chance")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), title="Lift")
    axes.set(xlabel="share of rows, highest first", ylabel="share of positives found")


@_panel
def reliability(axes: Any, curves: Curves) -> None:
    """(mean said, share that happened, rows) of each bin of each, with 95 % of the sampling error of that share."""
    top = 0.0
    for name, (said, seen, rows) in curves.items():
        error = 1.96 * np.sqrt(np.clip(seen * (1 - seen), 1e-9, None) / rows)
        axes.errorbar(said, seen, yerr=error, fmt="o-", markersize=3, capsize=3, label=name)
        top = max(top, 1.05 * float(said.max()), 1.05 * float((seen + error).max()))
    axes.plot([0, top], [0, top], color=PLAIN, linestyle=":", label="perfect")
    axes.set(xlabel="probability said", ylabel="share that happened", title="Reliability (tenths of the rows)")


@_panel
def rates(axes: Any, title: str, shares: Mapping[str, tuple[float, int]]) -> None:
    """(share, rows) by name, with 95 % of the sampling error of that share."""
    values, rows = (np.array(column, dtype=float) for column in zip(*shares.values(), strict=True))
    error = 1.96 * np.sqrt(np.clip(values * (1 - values), 1e-9, None) / np.maximum(rows, 1))
    axes.bar(list(shares), values, width=0.5, color=[OURS, PLAIN])
    axes.errorbar(range(len(values)), values, yerr=error, fmt="none", capsize=6, color="black")
    axes.set(title=title, ylabel="share of rows", ylim=(0, None))


@_panel
def bars(axes: Any, title: str, across: str, weights: Mapping[str, float], most: int = 15) -> None:
    """The largest weights, by name."""
    largest = sorted(weights.items(), key=lambda pair: pair[1])[-most:]
    axes.barh([name for name, _ in largest], [weight for _, weight in largest], color=OURS)
    axes.set(xlabel=across, title=title)


@_panel
def best_so_far(axes: Any, title: str, up: str, values: Sequence[float | None]) -> None:
    """Values by trial, less is better; None where one came to nothing."""
    known = [(place, value) for place, value in enumerate(values, 1) if value is not None]
    places, found = (list(column) for column in zip(*known, strict=True))
    axes.plot(places, found, "o", color=OURS, markersize=4, label="trial")
    axes.step(places, np.minimum.accumulate(found), where="post", color=PEER, label="best so far")
    axes.set(xlabel="trial", ylabel=up, title=title)


@_panel
def dependence(axes: Any, name: str, values: Sequence[float], added: Sequence[float]) -> None:
    """What a column's values add, from low to high."""
    axes.plot(values, added, "o-", color=OURS, markersize=3)
    axes.axhline(0, color=PLAIN, linestyle=":")
    axes.set(xlabel="value", ylabel="added to the logit", title=name)


@_panel
def learning(axes: Any, title: str, rows: Sequence[int], losses: Sequence[float]) -> None:
    """Log loss by rows that were fitted on."""
    axes.plot(rows, losses, "o-", color=OURS, markersize=4)
    axes.set(xscale="log", xlabel="rows fitted on", ylabel="log loss on later weeks", title=title)


@_panel
def by_date(axes: Any, title: str, up: str, dates: Sequence[str], series: Mapping[str, np.ndarray]) -> None:
    """Series over the same dates."""
    for name, values in series.items():
        axes.plot(dates, values, "o-", markersize=3, label=name)
    axes.set(ylabel=up, title=title, ylim=(0, None))
    axes.set_xticks(range(len(dates)), dates, rotation=90, fontsize=5)


def _lines(axes: Any, curves: Curves) -> None:
    for name, points in curves.items():
        axes.plot(*points, label=name)
