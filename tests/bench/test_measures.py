"""The measures of docs/reality.md on panels small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bench.reality import measures
from bench.reality.panel import Panel

MONDAY = 4  # 1970-01-05


def panel(*days: list[int], weeks: int = 20) -> Panel:
    """One list of days (from a Monday) per customer."""
    customer = np.repeat(np.arange(len(days)), [len(one) for one in days])
    return Panel("by hand", customer, MONDAY + np.concatenate(days), MONDAY, MONDAY + 7 * weeks)


def test_spreads() -> None:
    made = panel([0, 7, 14], [0])
    assert measures.spread_per_customer(made) == pytest.approx(2 / 2)
    counts = np.zeros(140)
    counts[[0, 7, 14]] = [2, 1, 1]
    assert measures.spread_per_day(made) == pytest.approx(counts.var(ddof=1) / counts.mean())


def test_weekdays() -> None:
    made = panel([0, 7, 14, 5], [1])
    assert measures.weekdays(made).tolist() == [0.6, 0.2, 0, 0, 0, 0.2, 0]
    assert measures.weekday_spread(made) == pytest.approx(3)


def test_the_quietest_day_is_below_its_weekday() -> None:
    every = [day for day in range(140) for _ in range(4) if day not in (70, 71)] + [71]
    day, share = measures.quietest_day(panel(sorted(every)))
    assert (day, share) == (MONDAY + 70, 0)


def test_skips_and_silences() -> None:
    made = panel([0, 14, 21], [0, 7, 14, 21, 28])
    # weeks with an order and eight after them: customer 0 has weeks 0, 2, 3; customer 1 has 0 to 4
    assert measures.skipped_next(made) == pytest.approx(1 / 8)
    silent = panel([0, 7 * 7], weeks=16)
    # silent for more than four weeks: weeks 5, 6 (back in week 7) and 12, never back; 12 weeks are watched on
    assert measures.back_after_silence(panel([0, 49], weeks=16)) == pytest.approx(2 / 2)
    assert measures.back_after_silence(Panel("", silent.customer, silent.day, MONDAY, MONDAY + 7 * 17)) == 2 / 3


def test_regular_gaps() -> None:
    assert measures.gap_regularity(panel([0, 7, 14, 21, 28, 35, 42])) == 0
    assert measures.gap_regularity(panel([0, 1, 14, 15, 28, 29, 42])) == pytest.approx(
        np.std([1, 13, 1, 13, 1, 13], ddof=1) / 7
    )


def test_second_period_counts_newcomers_who_are_watched() -> None:
    stays, leaves, early, late = [40, 75, 82], [40, 74, 110], [0, 35], [120, 125]
    made = panel(stays, leaves, early, late)
    # `stays` orders on its days 35 and 42, `leaves` on its days 34 and 70; the others are not counted
    assert measures.second_period(made) == pytest.approx(1 / 2)


def test_last_orders_by_week() -> None:
    made = panel([40], [40, 47], [40, 47, 54, 61, 68, 75, 82, 89, 96, 103, 110, 117, 124])
    hazard = measures.last_order_by_week(made, weeks=4)
    assert hazard[:3].tolist() == pytest.approx([1 / 3, 1 / 2, 0])


def test_orders_per_week() -> None:
    assert measures.orders_per_week(panel([0, 7, 14], [3])) == pytest.approx(4 / (3 + 1))
