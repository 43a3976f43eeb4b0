"""Every collected fetcher: oracle = batch SQL = streamed row, on dirty worlds in several time zones."""

from __future__ import annotations

import pytest

from scv.event import FAMILIES
from scv.fetcher import collect, of_family
from tests import world
from tests.parity.ladder import climb
from tests.parity.sides import Tally, write_figures

PLACES = (("America/New_York", 35), ("Europe/Berlin", 35), ("Australia/Sydney", 14), ("Australia/Lord_Howe", 35))
LEAST = 100_000
TALLY = Tally()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("time_zone", "lateness_days"), PLACES)
def test_oracle_batch_and_rows_agree(time_zone: str, lateness_days: int, family: str) -> None:
    before = len(TALLY.wrong)
    made = world.make(11, family, world.country(time_zone, lateness_days))
    climb(made, of_family(family), TALLY, seed=11)
    assert TALLY.wrong[before:] == []


def test_enough_was_compared_and_no_fetcher_is_at_zero() -> None:
    if sum(TALLY.compared.values()) == 0:
        pytest.skip("runs after the comparisons of this file")
    assert {name: TALLY.compared[name] for name in collect() if not TALLY.compared[name]} == {}
    total, wrong = sum(TALLY.compared.values()), len(TALLY.wrong)
    rows = [
        ("mismatches of oracle, batch and rows", wrong, total, "values", 0),
        ("compared", total, LEAST, "values", LEAST),
    ]
    rows += [(f"compared, {name}", count, 1, "values", 1) for name, count in sorted(TALLY.compared.items())]
    write_figures("parity_core", rows)
    assert (wrong, total >= LEAST) == (0, True), f"{wrong} of {total}"
