"""The tests that unmask invented data sets, run on ours: it must fail none, and random dates and members must."""

from __future__ import annotations

from functools import cache

import pytest

from bench.reality import measures
from bench.reality.panel import Panel, by_chance, of_events
from proof.world.life import simulate
from scv.events import country

CODES = ("ZZ", "ZY", "ZX")


@cache
def panel(code: str) -> Panel:
    where = country.load(code)
    return of_events(simulate(where, 5_000, 60, seed=7, clean=True), where.zone, code)


def unmasked(found: Panel) -> list[str]:
    """What gives a panel away."""
    signs = {
        "as many orders per customer as by coin toss": measures.spread_per_customer(found) < 3,
        "as many orders per day as by coin toss": measures.spread_per_day(found) < 2,
        "every weekday alike": measures.weekday_spread(found) < 1.1,
        "no holiday": measures.quietest_day(found)[1] > 0.65,
        "nobody comes back on time": measures.gap_regularity(found) > 0.8,
    }
    return [sign for sign, seen in signs.items() if seen]


@pytest.mark.parametrize("code", CODES)
def test_nothing_gives_an_invented_country_away(code: str) -> None:
    assert unmasked(panel(code)) == []


def test_random_dates_and_members_are_given_away_by_everything() -> None:
    assert len(unmasked(by_chance(panel("ZZ"), seed=1))) == 5


def test_invented_countries_differ() -> None:
    second = [measures.second_period(panel(code)) for code in CODES]
    assert max(second) - min(second) > 0.03
