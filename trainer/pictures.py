"""The pictures of a report, each as a PNG inside an HTML image: nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scv.model import metrics

OURS, PEER, PLAIN = "#1b6ca8", "#c9772b", "#999999"
Said = Mapping[str, np.ndarray]
"""Name of a model → its probabilities of the same rows."""


def precision_recall(y: np.ndarray, said: Said) -> str:
    """Share of positives among those above a threshold, by the share of positives found."""
    figure, axes = _canvas("Precision and recall", "positives found", "positives among those chosen")
    for name, p in said.items():
        axes.plot(*metrics.pr_curve(y, p), label=f"{name} ({metrics.pr_auc(y, p):.3f})", color=_colour(name))
    axes.axhline(y.mean(), color=PLAIN, linestyle=":", label="by chance")
    axes.legend(fontsize=7)
    return _image(figure, "precision and recall")


def reliability(y: np.ndarray, said: Said) -> str:
    """What was said against what happened, in ten equally full bins."""
    figure, axes = _canvas("Reliability", "probability said", "share that happened")
    top = 0.0
    for name, p in said.items():
        means, shares, _ = metrics.reliability(y, p)
        axes.plot(means, shares, "o-", markersize=3, label=name, color=_colour(name))
        top = max(top, float(means.max()), float(shares.max()))
    axes.plot([0, top], [0, top], color=PLAIN, linestyle=":", label="perfect")
    axes.legend(fontsize=7)
    return _image(figure, "reliability")


def lift(y: np.ndarray, said: Said) -> str:
    """Share of all positives found, by the share of rows chosen."""
    figure, axes = _canvas("Lift", "rows chosen, riskiest first", "positives found")
    for name, p in said.items():
        axes.plot(*metrics.lift_curve(y, p), label=name, color=_colour(name))
    axes.plot([0, 1], [0, 1], color=PLAIN, linestyle=":", label="by chance")
    axes.legend(fontsize=7)
    return _image(figure, "lift")


def importances(names: Sequence[str], weights: np.ndarray, most: int = 15) -> str:
    """Mean size of what each column adds to the logit."""
    order = np.argsort(weights)[-most:]
    figure, axes = _canvas("What moves the score", "mean size in the logit", "")
    axes.barh([names[j] for j in order], weights[order], color=OURS)
    axes.tick_params(axis="y", labelsize=6)
    return _image(figure, "importances")


def study(losses: Sequence[float | None]) -> str:
    """Log loss of every trial on later weeks, and the best so far."""
    figure, axes = _canvas("The search", "trial", "log loss on later weeks")
    known = [(i + 1, loss) for i, loss in enumerate(losses) if loss is not None]
    places, values = [place for place, _ in known], np.array([loss for _, loss in known])
    axes.plot(places, values, "o", color=OURS, markersize=4, label="trial")
    axes.step(places, np.minimum.accumulate(values), where="post", color=PEER, label="best so far")
    axes.legend(fontsize=7)
    return _image(figure, "study history")


def drift(dates: Sequence[str], said: np.ndarray, happened: np.ndarray) -> str:
    """Mean probability and share that happened, by reference."""
    figure, axes = _canvas("By reference", "", "share")
    axes.plot(dates, said, "o-", markersize=3, color=OURS, label="said")
    axes.plot(dates, happened, "o-", markersize=3, color=PEER, label="happened")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=90, labelsize=5)
    axes.legend(fontsize=7)
    return _image(figure, "score drift")


def _colour(name: str) -> str | None:
    return OURS if name == "this bundle" else None


def _canvas(title: str, across: str, up: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.6, 3.4), dpi=110, layout="tight")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(across, fontsize=7)
    axes.set_ylabel(up, fontsize=7)
    axes.tick_params(labelsize=7)
    return figure, axes


def _image(figure: Figure, text: str) -> str:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return f'<img alt="{text}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
