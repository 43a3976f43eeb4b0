"""How right the lists were: figures with intervals by household, over Tuesdays pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from scorer.feedback import uplift
from scorer.feedback.outcomes import SEED, Hindsight, collect, first_listed
from scorer.feedback.uplift import Ranking, Uplift
from scv.events.country import Country
from scv.model import metrics
from scv.model.metrics import Interval, Quality
from scv.settings import Settings

SURE = 1.96
"""Standard errors: 95 %."""
POWER = 2.8
"""Standard errors that an effect must measure to be found four times in five at the 5 % level."""


@dataclass(frozen=True)
class Business:
    """Of `contacts` people listed in all, how many were positives; by lot; by recency alone; all with intervals."""

    contacts: int
    left: Interval
    by_chance: Interval
    by_recency: Interval
    more_than_recency: Interval


@dataclass(frozen=True)
class HeldOut:
    """Listed against held out among rows that would have been listed, by assignment.

    `effect` is the rate of the listed minus that of the held out. `smallest` is the effect that so many rows could
    show. Without a single contact it is a placebo check: the effect must be nothing.
    """

    listed: int
    held_out: int
    listed_rate: float
    held_out_rate: float
    effect: Interval
    smallest: float
    contacted: int

    @property
    def placebo(self) -> bool:
        return self.contacted == 0

    @property
    def verdict(self) -> str:
        within = self.effect.low <= 0 <= self.effect.high
        if self.placebo:
            return "passed: no effect of a contact that never was" if within else "failed: look for a fault in the draw"
        return "cannot tell yet" if within else ("contact helped" if self.effect.high < 0 else "contact did harm")


@dataclass(frozen=True)
class TargetFeedback:
    """One target; all but `past` and `quality` only for the one that the list is by, and where there is any."""

    past: Hindsight
    quality: Quality | None
    business: Business | None = None
    held_out: HeldOut | None = None
    uplift: Uplift | None = None
    ranking: Ranking | None = None


@dataclass(frozen=True)
class Feedback:
    """All targets of a country over some Tuesdays; `left_out`: why published ones were not looked at."""

    country: Country
    judged: Sequence[TargetFeedback]
    left_out: Sequence[str] = ()


def feedback(settings: Settings, country: Country, references: Sequence[datetime] | None = None) -> Feedback:
    """Compare published weeks with what then happened: all that may be used, unless some are named.

    Raises UserError where one that is named was not published or may not be used.
    """
    pasts, left_out = collect(settings, country, references)
    judged = []
    for past in pasts:
        one, first = TargetFeedback(past, None), past is pasts[0]
        if 0 < past.y.sum() < len(past):  # without both outcomes nothing can be said
            found = metrics.quality(past.y, past.p, metrics.draw_weights(past.customers, SEED), past.week, SEED)
            one = TargetFeedback(past, found)
            if first:
                one = TargetFeedback(
                    past, found, business(past), held_out(past), uplift.uplift(past), uplift.ranking(past)
                )
        judged.append(one)
    return Feedback(country, judged, left_out)


def silence(past: Hindsight) -> np.ndarray:
    """Recency as a score: the longer silent, the higher; the other way round for who is expected back."""
    _, sign = past.target.recency
    return sign * np.nan_to_num(past.recency, nan=1e9)


def business(past: Hindsight) -> Business | None:
    """How many of the listed were positives, beside two other ways of choosing as many of the same people each week."""
    listed = past.status == "LISTED"
    if not listed.any():
        return None
    eligible = listed | (past.status == "NOT_LISTED")
    lot, recent = np.zeros(len(past)), np.zeros(len(past))
    for week in range(len(past.dates)):
        rows = np.flatnonzero(eligible & (past.week == week))
        contacts = int(listed[rows].sum())
        lot[rows] = contacts / max(len(rows), 1)
        recent[rows] = _chosen(silence(past)[rows], contacts)
    weights = metrics.draw_weights(past.customers, SEED)
    return Business(
        contacts=int(listed.sum()),
        left=metrics.interval_of_sum(past.y * listed, weights),
        by_chance=metrics.interval_of_sum(past.y * lot, weights),
        by_recency=metrics.interval_of_sum(past.y * recent, weights),
        more_than_recency=metrics.interval_of_sum(past.y * (listed - recent), weights),
    )


def _chosen(score: np.ndarray, count: int) -> np.ndarray:
    """How much of each row is among the `count` highest; those that tie for the last places share them."""
    if count == 0 or count >= len(score):
        return np.full(len(score), float(count > 0))
    edge = np.sort(score)[::-1][count - 1]
    above, ties = score > edge, score == edge
    return above + ties * ((count - above.sum()) / ties.sum())


def held_out(past: Hindsight) -> HeldOut | None:
    """The effect of being on the list, by assignment; None where one arm is empty.

    Each customer counts once a season, by the first Tuesday on which they would have been listed: until then both arms
    were treated alike. Afterwards who was called is quiet for weeks and who was held out is not, and a comparison of
    all rows would be one of different people.
    """
    first = first_listed(past)
    listed, away = first & (past.status == "LISTED"), first & (past.status == "HELD_OUT")
    if not listed.any() or not away.any():
        return None
    middle, error = _difference(past, listed, away)
    one, other = float(past.y[listed].mean()), float(past.y[away].mean())
    return HeldOut(
        listed=int(listed.sum()),
        held_out=int(away.sum()),
        listed_rate=one,
        held_out_rate=other,
        effect=Interval(one - other, middle - SURE * error, middle + SURE * error),
        smallest=POWER * error,
        contacted=int((past.contacted & listed).sum()),
    )


def _difference(past: Hindsight, listed: np.ndarray, away: np.ndarray) -> tuple[float, float]:
    """The middle of the interval of the difference of two rates, and its standard error: with a success and a failure
    more in each (Agresti and Caffo 2000), so that few rows claim no more than they may; no less than between draws of
    customers, who have a row in every season."""
    n = np.array([listed.sum(), away.sum()]) + 2
    rates = (np.array([past.y[listed].sum(), past.y[away].sum()]) + 1) / n
    plain = float(np.sqrt((rates * (1 - rates) / n).sum()))
    weights = metrics.draw_weights(past.customers, SEED)
    drawn = float(np.nanstd(_rate(past.y, listed, weights) - _rate(past.y, away, weights)))
    return float(rates[0] - rates[1]), max(plain, drawn)


def _rate(y: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rate of some rows in each draw; NaN in a draw without any of them."""
    counts = weights[:, rows].sum(axis=1)
    return np.divide(weights[:, rows] @ y[rows], counts, out=np.full(len(counts), np.nan), where=counts > 0)


def sentence(found: Feedback) -> str:
    """The business line: of the N you can contact, how many would have left."""
    first = found.judged[0]
    if first.business is None:
        if weeks := len(first.past.dates):
            why = "nobody was listed" if first.quality else f"all {len(first.past)} outcomes are the same"
            return f"Nothing can be told of the lists: on the {weeks} Tuesdays with mature labels {why}."
        return "No list of these weeks has a mature label yet."
    one = first.business
    what = first.past.target.sentence(found.country)
    return (
        f"Of {one.contacts} contacts listed over {len(first.past.dates)} Tuesdays, {_count(one.left)} had "
        f"{what}; by chance {_count(one.by_chance)}; by recency alone {_count(one.by_recency)}."
    )


def _count(interval: Interval) -> str:
    return f"{interval.value:.0f} [{interval.low:.0f}–{interval.high:.0f}]"
