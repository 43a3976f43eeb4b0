"""A heavy customer's row stays small: at most 4 KB at p99, for every fetcher; a longer memory costs its bits."""

from __future__ import annotations

import pytest

from proof.heavy import FOUR_YEARS, NEW_YORK, PLACE, Size, arrivals, sizes
from scv.features.fetcher import collect, get
from scv.features.layout import layout_of
from scv.folds.day_set import REACH, DaySetFold
from scv.online.row import Row

MOST = 4096
CUSTOMERS = 3
A_YEAR = 400


@pytest.mark.parametrize("name", collect())
def test_a_heavy_customers_row_is_small(name: str) -> None:
    layout, found = layout_of(get(name)), []
    for seed in range(CUSTOMERS):
        row = Row(layout, NEW_YORK)
        for offset, arrival in enumerate(arrivals(layout.family, seed, A_YEAR)):
            row.take(arrival)
            if offset % 10 == 0:
                found.append(len(row.pack(PLACE, offset)))
    p99 = sorted(found)[int(len(found) * 0.99)]
    assert len(found) > 15
    assert p99 <= MOST, f"{name}: {p99} bytes at p99"


def test_four_years_of_memory_cost_a_bit_a_day_and_still_fit() -> None:
    bits = (FOUR_YEARS + 1 + 7) // 8 - (REACH + 1) // 8
    for name, (usual, four_years) in sizes().items():
        days = [fold for fold in layout_of(get(name)).lives if isinstance(fold, DaySetFold)]
        assert Size(usual, four_years) == (usual, usual + bits * len(days)) and four_years <= MOST
