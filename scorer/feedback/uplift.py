"""Whom a contact helps: by group, the share of the expected departures that being listed kept from happening.

A T-learner whose learners are rates: in every group (phase and theme of the reason) the outcomes of the listed and of
the held out are each compared with what was expected of them, and the difference is what the list did. Small groups say
little, so each is drawn towards the average by as much as its own numbers leave open (empirical Bayes, Morris 1983;
between-group variance by DerSimonian and Laird 1986). With few rows that is the average for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scorer.feedback.outcomes import SEED, Hindsight, first_listed
from scorer.reasons import COMING_BACK
from scv.model import metrics
from scv.model.metrics import Interval

CALLS = 100
"""What is saved is told of so many."""
ENOUGH = 5.0
"""Departures to be expected in either arm, that a group says anything of its own."""


@dataclass(frozen=True)
class GroupEffect:
    """`kept`: so much of the expected is kept from happening, drawn towards the average; `own` the weight of what the
    group itself says, 0 to 1."""

    kept: float
    own: float
    listed: int
    held_out: int


@dataclass(frozen=True)
class Uplift:
    """What a contact keeps, as a share of the probability: on average (with its standard error) and by group. 0 where
    nothing is known.

    `known`: does contact surely change anything, in whichever group? Without that an order by what it keeps would be
    one by chance.
    """

    average: float = 0.0
    error: float = float("inf")
    known: bool = False
    groups: Mapping[str, GroupEffect] = field(default_factory=dict)

    def kept(self, groups: np.ndarray) -> np.ndarray:
        """float64[n] for rows of these groups; a group that nobody knows gets the average."""
        found = {name: one.kept for name, one in self.groups.items()}
        return np.array([found.get(name, self.average) for name in groups.tolist()], dtype=float)


@dataclass(frozen=True)
class Ranking:
    """What calling the better half of the listed would save per hundred calls, by risk and by what is saved."""

    rows: int
    by_risk: Interval
    by_saved: Interval
    more: Interval

    @property
    def is_better(self) -> bool:
        """Is ranking by what is saved surely better?"""
        return self.more.low > 0


def uplift(past: Hindsight, rows: np.ndarray | None = None) -> Uplift:
    """Of the rows by assignment (each customer's first list of a season), or of some of them."""
    first = first_listed(past) if rows is None else first_listed(past) & rows
    arms = {status: first & (past.status == status) for status in ("LISTED", "HELD_OUT")}
    names = np.unique(past.group[first]) if first.any() else np.array([], dtype=object)
    told = {name: _told(past, {status: of & (past.group == name) for status, of in arms.items()}) for name in names}
    known = {name: one for name, one in told.items() if one is not None}
    if not known:
        return Uplift()
    kept, variance = np.array(list(known.values())).T
    between = _between(kept, variance)
    weights = 1 / (variance + between)
    average = float((weights * kept).sum() / weights.sum())
    own = between / (between + variance)
    groups = {
        str(name): GroupEffect(
            kept=float(average + own[i] * (kept[i] - average)), own=float(own[i]),
            listed=int((arms["LISTED"] & (past.group == name)).sum()),
            held_out=int((arms["HELD_OUT"] & (past.group == name)).sum()),
        )
        for i, name in enumerate(known)
    }  # fmt: skip
    sure = float((kept**2 / variance).sum()) > _chance_explains(len(kept))
    return Uplift(average, float(1 / np.sqrt(weights.sum())), sure, groups)


def _told(past: Hindsight, arms: Mapping[str, np.ndarray]) -> tuple[float, float] | None:
    """The share that a group's contacts kept, and its variance; None where too little was to be expected."""
    told, variance = [], 0.0
    for status in ("HELD_OUT", "LISTED"):
        y, p = past.y[arms[status]], past.p[arms[status]]
        expected = p.sum()
        if expected < ENOUGH:
            return None
        told.append(y.sum() / expected)
        rate = (y.sum() + 1) / (len(y) + 2)
        variance += len(y) * rate * (1 - rate) / expected**2
    return _good(past) * (told[0] - told[1]), variance


def _good(past: Hindsight) -> int:
    """1 where it is good that fewer do it, -1 where people are to come back."""
    return -1 if past.target.name in COMING_BACK else 1


def _chance_explains(groups: int) -> float:
    """The 95 % point of chi squared (Wilson and Hilferty 1931): what as many effects of nothing stay below, squared and
    in their standard errors."""
    ninth = 2 / (9 * groups)
    return float(groups * (1 - ninth + 1.645 * np.sqrt(ninth)) ** 3)


def _between(kept: np.ndarray, variance: np.ndarray) -> float:
    """How much groups differ beyond what chance gives: a variance, 0 where they do not."""
    weights = 1 / variance
    spread = float((weights * (kept - (weights * kept).sum() / weights.sum()) ** 2).sum())
    free = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, (spread - (len(kept) - 1)) / free) if free > 0 else 0.0


def ranking(past: Hindsight) -> Ranking | None:
    """Both orders judged by the lot: what the better half of each week's listed saved.

    What is saved is told of every row by its arm (inverse propensity, about the expected); the order by what is saved
    is learned on the other half of the customers. None where an arm is empty.
    """
    first = first_listed(past)
    listed, away = first & (past.status == "LISTED"), first & (past.status == "HELD_OUT")
    if not listed.any() or not away.any():
        return None
    share = listed.sum() / first.sum()
    off = past.y - past.p
    saved = _good(past) * past.value * (np.where(away, off / (1 - share), 0.0) - np.where(listed, off / share, 0.0))
    halves = np.unique(past.customers, return_inverse=True)[1] % 2
    expected = np.zeros(len(past))
    for half in (0, 1):
        learned = uplift(past, halves != half)
        mine = halves == half
        expected[mine] = (past.p * learned.kept(past.group) * past.value)[mine]
    weights = metrics.draw_weights(past.customers, SEED)
    chosen = {name: _better_half(past, first, score) for name, score in (("risk", past.p), ("saved", expected))}
    sums = {name: _per_hundred(saved, of, weights) for name, of in chosen.items()}
    (risk, risks), (own, owns) = sums["risk"], sums["saved"]
    return Ranking(
        rows=int(first.sum()),
        by_risk=metrics.interval(risk, risks),
        by_saved=metrics.interval(own, owns),
        more=metrics.interval(own - risk, owns - risks),
    )


def _better_half(past: Hindsight, rows: np.ndarray, score: np.ndarray) -> np.ndarray:
    """bool[n]: of each week's rows the half with the highest scores."""
    found = np.zeros(len(past), dtype=bool)
    for week in np.unique(past.week[rows]):
        of = np.flatnonzero(rows & (past.week == week))
        found[of[np.argsort(-score[of], kind="stable")[: len(of) // 2]]] = True
    return found


def _per_hundred(saved: np.ndarray, chosen: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """What a hundred calls to the chosen saved, and in each draw of customers."""
    counts = weights[:, chosen].sum(axis=1)
    drawn = CALLS * (weights[:, chosen] @ saved[chosen]) / np.maximum(counts, 1)
    return float(CALLS * saved[chosen].mean()) if chosen.any() else 0.0, drawn
