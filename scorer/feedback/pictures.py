"""The pictures of the feedback, each with a sentence of what is to be seen in it, for whoever is no statistician."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pages import curves
from pages.page import Block, Text
from scorer.feedback.outcomes import Hindsight
from scorer.feedback.validation import HeldOut
from scv.model import metrics
from scv.model.metrics import Quality

LIST = "the list"
TENTH = 0.1


def of_scores(past: Hindsight, found: Quality) -> Iterator[Block]:
    """What the probabilities were worth."""
    y, p, name = past.y, past.p, past.target.name
    listed = past.status == "LISTED"
    yield curves.draw(
        "precision and recall",
        curves.precision_recall({LIST: metrics.pr_curve(y, p)}, float(y.mean())),
    )
    some = _highest(p, int(listed.sum()) or len(y) // 10)
    yield Text(
        f"Of the {some.sum():,} likeliest rows {_share(y[some].mean())} came to {name}, against {_share(y.mean())} of "
        f"all rows; among them were {_share(y[some].sum() / y.sum())} of all that did."
    )
    yield curves.draw("reliability", curves.reliability({LIST: metrics.reliability(y, p)}))
    top = _highest(p, len(y) // 10)
    sound = found.figures["ece"] <= found.ece_bound
    yield Text(
        f"In the likeliest tenth {_share(p[top].mean())} were expected and {_share(y[top].mean())} happened; over all "
        f"rows {_share(p.mean())} were expected and {_share(y.mean())} happened. "
        + ("That is as near as chance lets anybody come." if sound else "That is farther apart than chance explains.")
    )
    yield curves.draw("lift", curves.lift({LIST: metrics.lift_curve(y, p)}))
    yield Text(
        f"Whoever goes through the likeliest tenth of the rows meets {_share(y[top].sum() / y.sum())} of all that came "
        f"to {name}; by lot it would be {_share(TENTH)}."
    )


def of_effect(found: HeldOut, name: str) -> Iterator[Block]:
    """What being on the list did."""
    rates = {"listed": (found.listed_rate, found.listed), "held out": (found.held_out_rate, found.held_out)}
    yield curves.draw("listed and held out", curves.rates(f"Came to {name}", rates))
    yield Text(
        f"Of {found.listed:,} customers who were listed {_share(found.listed_rate)} came to {name}, of "
        f"{found.held_out:,} who were drawn by lot to be left alone {_share(found.held_out_rate)}. What the list did "
        f"lies between {100 * found.effect.low:+.1f} and {100 * found.effect.high:+.1f} points with 95 % confidence: "
        f"{_meaning(found)}."
    )


def _meaning(found: HeldOut) -> str:
    if found.placebo:
        return "as nobody was contacted it must be nothing, and " + (
            "it may be" if found.effect.low <= 0 <= found.effect.high else "it is not: look for a fault in the draw"
        )
    if found.effect.high < 0:
        return "contact kept customers"
    if found.effect.low > 0:
        return "contact did harm"
    return f"nobody can tell yet, for so many rows show no less than {100 * found.smallest:.1f} points"


def _highest(p: np.ndarray, count: int) -> np.ndarray:
    """bool[n]: the rows with the `count` highest probabilities, one at least."""
    chosen = np.zeros(len(p), dtype=bool)
    chosen[np.argsort(-p, kind="stable")[: max(count, 1)]] = True
    return chosen


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
