"""The pictures of docs/reality.md: SVG text that is the same for the same panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bench.reality import measures
from bench.reality.panel import Panel

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
GAPS = 36
_EPOCH = date(1970, 1, 1)


def hazards(panels: Sequence[Panel], recorded: dict[str, np.ndarray]) -> bytes:
    """Share leaving by week of tenure: last orders (all panels) and recorded cancellations (invented ones)."""
    figure, axes = _canvas("Who leaves, by week of tenure", "week since the first order", "share of those still there")
    for panel in panels:
        axes.plot(measures.last_order_by_week(panel), "o-", markersize=3, label=f"{panel.name}: last order")
    for name, hazard in recorded.items():
        axes.plot(hazard, "--", label=f"{name}: cancelled")
    return _svg(figure)


def weekdays(panels: Sequence[Panel]) -> bytes:
    figure, axes = _canvas("Orders by weekday", "", "share of orders")
    width = 0.8 / len(panels)
    for number, panel in enumerate(panels):
        axes.bar(np.arange(7) + number * width, measures.weekdays(panel), width, label=panel.name)
    axes.set_xticks(np.arange(7) + 0.4 - width / 2, WEEKDAYS)
    return _svg(figure)


def calendar(panels: Sequence[Panel]) -> bytes:
    """Each day's orders against its usual weekday: holidays are the needles."""
    figure, axes = _canvas("Each day against its usual weekday", "", "orders / usual", wide=True)
    for panel in panels:
        days = [_EPOCH + timedelta(days=panel.first_day + n) for n in range(panel.days)]
        axes.plot(days, measures.by_day(panel), linewidth=0.8, label=panel.name)
    axes.set_ylim(0, 2.5)
    return _svg(figure)


def gaps(panels: Sequence[Panel]) -> bytes:
    figure, axes = _canvas("Days between a customer's orders", "days", "share of gaps")
    for panel in panels:
        same = panel.customer[1:] == panel.customer[:-1]
        found = np.diff(panel.day)[same]
        found = found[found > 0]
        axes.plot(np.bincount(np.minimum(found, GAPS), minlength=GAPS + 1)[1:GAPS] / len(found), label=panel.name)
    return _svg(figure)


def _canvas(title: str, across: str, up: str, wide: bool = False) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9 if wide else 5.6, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes


def _svg(figure: Figure) -> bytes:
    figure.axes[0].legend(fontsize=7)
    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "cerebro", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})
    return b"\n".join(line.rstrip() for line in out.getvalue().splitlines()) + b"\n"
