"""A season in an invented world as the feedback page sees published weeks."""

from __future__ import annotations

import numpy as np

from proof.effect.campaign import GROUPS, ListedRows
from scorer.feedback.outcomes import Hindsight
from scv.targets import target


def hindsight(found: ListedRows) -> Hindsight:
    """The rows as the feedback page sees those of published weeks."""
    n = len(found.y)
    weeks = sorted(set(found.week.tolist()))
    return Hindsight(
        target=target.get("cancellation"), dates=[str(week) for week in weeks], waiting=[],
        customers=found.customers.astype(str), week=found.week, season=np.zeros(n, dtype=np.int64), y=found.y,
        p=found.p, phase=np.full(n, "established", dtype=object),
        status=np.where(found.held_out, "HELD_OUT", "LISTED").astype(object), would_list=np.ones(n, dtype=bool),
        recency=np.zeros(n), value=found.boxes,
        group=np.array(GROUPS, dtype=object)[found.group], contacted=found.called, removed={}, outcomes={},
    )  # fmt: skip
