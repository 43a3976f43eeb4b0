"""Tuesday by Tuesday: what was said and what happened, who was contacted, and what became of those who had moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from pages.page import Block, Heading, Table, Text
from scorer.feedback.outcomes import Hindsight
from scv.model import metrics

COLUMNS = (
    "Tuesday", "Rows", "Expected", "Happened", "AUC", "Listed", "of them happened", "Contacted", "of them happened "
)  # fmt: skip
WEEK = timedelta(days=7)


def by_tuesday(past: Hindsight) -> Table:
    """A row a Tuesday, and one of all of them."""
    listed = past.status == "LISTED"
    rows = [_row(label, past, past.week == week, listed) for week, label in enumerate(past.dates)]
    return Table([*rows, _row("all", past, np.ones(len(past), dtype=bool), listed)], COLUMNS)


def _row(label: str, past: Hindsight, rows: np.ndarray, listed: np.ndarray) -> list[str]:
    y, p = past.y[rows], past.p[rows]
    auc = metrics.auc(y, p) if len(y) else np.nan
    counted = [f"{len(y):,}", _share(p), _share(y), "–" if np.isnan(auc) else f"{auc:.3f}"]
    for some in (listed, past.contacted):
        counted += [f"{(rows & some).sum():,}", _share(past.y[rows & some])]
    return [label, *counted]


def movers(past: Hindsight) -> Iterator[Block]:
    """What became of those whose probability had changed most in a week; nothing without two Tuesdays in a row."""
    change = changes(past)
    moved = np.flatnonzero(~np.isnan(change))
    if len(moved) < 20:
        return
    order = moved[np.argsort(change[moved], kind="stable")]
    tenth = max(len(order) // 10, 1)
    groups = {
        "the tenth that rose most": order[-tenth:],
        "in between": order[tenth:-tenth],
        "the tenth that fell most": order[:tenth],
    }
    rows = [
        (name, f"{len(of):,}", f"{100 * change[of].mean():+.1f} points", _share(past.p[of]), _share(past.y[of]))
        for name, of in groups.items()
    ]
    yield Heading("Those who had moved since the Tuesday before", 3)
    yield Table(rows, ("", "Rows", "Change", "Expected", "Happened"))
    rose, fell = (past.y[groups[name]].mean() for name in ("the tenth that rose most", "the tenth that fell most"))
    yield Text(
        f"Of those whose probability had risen most {100 * rose:.1f} % came to {past.target.name}, of those whose had "
        f"fallen most {100 * fell:.1f} %, against {100 * past.y[moved].mean():.1f} % of all of them."
    )


def changes(past: Hindsight) -> np.ndarray:
    """float64[n]: the probability less that of the same customer a week earlier; NaN where that was not judged."""
    days = [date.fromisoformat(label[:10]) for label in past.dates]
    place = {day: week for week, day in enumerate(days)}
    before = np.array([place.get(day - WEEK, -1) for day in days], dtype=np.int64)[past.week]
    said = dict(zip(zip(past.customers.tolist(), past.week.tolist(), strict=True), past.p.tolist(), strict=True))
    earlier = [said.get(key, np.nan) for key in zip(past.customers.tolist(), before.tolist(), strict=True)]
    return past.p - np.array(earlier, dtype=float)


def _share(values: np.ndarray) -> str:
    return f"{100 * values.mean():.1f} %" if len(values) else "–"
