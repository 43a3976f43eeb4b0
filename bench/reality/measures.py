"""What tells real buying from invented: each measure is a number of a panel of orders.

The tests that unmask invented data sets (variance over mean per customer and per day, weekday profile, holidays) and
the shapes of buying: skipped weeks, silence that ends, regular gaps, how soon new customers leave.
"""

from __future__ import annotations

import numpy as np

from bench.reality.panel import Panel

SECOND = (35, 70)
"""Consumer Edge's second 35-day period, in days after the first order."""
AROUND = 28
SETTLED_DAYS = 35
WEEKS_SILENT, WEEKS_BACK, WEEKS_LATER = 4, 4, 8


def spread_per_customer(panel: Panel) -> float:
    """Variance over mean of orders per customer: 1 by coin toss."""
    return _spread(np.bincount(panel.customer, minlength=panel.customers))


def spread_per_day(panel: Panel) -> float:
    """Variance over mean of orders per day: 1 by coin toss."""
    return _spread(np.bincount(panel.day - panel.first_day, minlength=panel.days))


def _spread(counts: np.ndarray) -> float:
    return float(counts.var(ddof=1) / counts.mean())


def weekdays(panel: Panel) -> np.ndarray:
    """float64[7]: share of orders on each weekday, Monday first (1970-01-01 was a Thursday)."""
    return np.bincount((panel.day + 3) % 7, minlength=7) / len(panel.day)


def weekday_spread(panel: Panel) -> float:
    """The busiest weekday's share over the quietest's, of those on which anything happens."""
    shares = weekdays(panel)
    return float(shares.max() / shares[shares > 0].min())


def by_day(panel: Panel) -> np.ndarray:
    """float64[days]: each day's orders over the median of the same weekday within four weeks."""
    counts = np.bincount(panel.day - panel.first_day, minlength=panel.days).astype(float)
    found = np.full(panel.days, np.nan)
    for day in range(panel.days):
        usual = np.median(counts[max(day % 7, day - AROUND) : day + AROUND + 1 : 7])
        found[day] = counts[day] / usual if usual else np.nan
    return found


def quietest_day(panel: Panel) -> tuple[int, float]:
    """The day furthest below its usual weekday, and how far: 0 is an empty day, 1 a usual one."""
    found = by_day(panel)
    found[:SETTLED_DAYS] = np.nan  # a world that begins is quiet for another reason
    place = int(np.nanargmin(found))
    return panel.first_day + place, float(found[place])


def skipped_next(panel: Panel) -> float:
    """Of the weeks with an order, how many are followed by one without, and an order within eight."""
    ordered = panel.ordered()
    weeks = ordered.shape[1] - WEEKS_LATER
    later = _within(ordered, WEEKS_LATER)
    now = ordered[:, :weeks]
    return float((now & ~ordered[:, 1 : weeks + 1] & later[:, :weeks]).sum() / now.sum())


def back_after_silence(panel: Panel) -> float:
    """Of the customer-weeks silent for more than four weeks, how many see an order within the next four."""
    ordered = panel.ordered()
    weeks = np.arange(ordered.shape[1])
    last = np.maximum.accumulate(np.where(ordered, weeks, -1), axis=1)
    silent = (last >= 0) & (weeks - last > WEEKS_SILENT)
    silent[:, ordered.shape[1] - WEEKS_BACK :] = False
    return float((silent & _within(ordered, WEEKS_BACK)).sum() / silent.sum())


def _within(ordered: np.ndarray, weeks: int) -> np.ndarray:
    """bool[customers, weeks]: is there an order in the `weeks` weeks after this one?"""
    total = np.cumsum(np.pad(ordered, ((0, 0), (1, weeks))), axis=1)
    count = ordered.shape[1]
    return total[:, 1 + weeks : 1 + weeks + count] > total[:, 1 : 1 + count]


def gap_regularity(panel: Panel, least: int = 6) -> float:
    """Median over customers of sd over mean of the days between orders: 0 is a clock, 1 a coin toss."""
    found = []
    for days in np.split(panel.day, np.flatnonzero(np.diff(panel.customer)) + 1):
        gaps = np.diff(np.unique(days))
        if len(gaps) >= least:
            found.append(gaps.std(ddof=1) / gaps.mean())
    return float(np.median(found))


def newcomers(panel: Panel) -> np.ndarray:
    """bool[customers]: whose first order lies after the panel's first weeks (the others began before it)."""
    return panel.first_order() >= panel.first_day + SETTLED_DAYS


def second_period(panel: Panel) -> float:
    """Share of new customers with an order in their second 35 days, of those watched for so long."""
    chosen = newcomers(panel) & (panel.first_order() <= panel.last_day - SECOND[1])
    since = panel.day - panel.first_order()[panel.customer]
    again = np.zeros(panel.customers, dtype=bool)
    again[panel.customer[(since >= SECOND[0]) & (since < SECOND[1])]] = True
    return float(again[chosen].mean()) if chosen.any() else float("nan")


def last_order_by_week(panel: Panel, weeks: int = 26, silent_days: int = 56) -> np.ndarray:
    """float64[weeks]: of the new customers still ordering, how many order for the last time in that week of theirs.

    A last order is one followed by `silent_days` without any; customers leave the count when they are no longer
    watched for so long.
    """
    first = panel.first_order()
    last = panel.day[np.r_[panel.customer[1:] != panel.customer[:-1], True]]
    chosen = newcomers(panel)
    watched = (panel.last_day - silent_days - first)[chosen] // 7
    tenure = ((last - first) // 7)[chosen]
    ended = last[chosen] + silent_days < panel.last_day
    week = np.arange(weeks)[:, None]
    at_risk = (tenure >= week) & (watched > week)
    left = at_risk & (tenure == week) & ended
    return left.sum(axis=1) / np.maximum(at_risk.sum(axis=1), 1)


def orders_per_week(panel: Panel) -> float:
    """Orders per customer and week between their first and last order."""
    first, last = panel.first_order(), panel.day[np.r_[panel.customer[1:] != panel.customer[:-1], True]]
    return float(len(panel.day) / ((last - first) / 7 + 1).sum())
