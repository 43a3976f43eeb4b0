"""Every collected fetcher: oracle = batch SQL = streamed row, on dirty worlds in several time zones."""

from __future__ import annotations

import pytest

from proof.naive import census, world
from proof.naive.ladder import climb
from proof.naive.sides import ParityTally, write_figures
from scv.events.event import FAMILIES
from scv.features.fetcher import collect, of_family

PLACES = (("America/New_York", 35), ("Europe/Berlin", 35), ("America/Sao_Paulo", 14), ("Australia/Lord_Howe", 35))
"""Clocks that change at 2 o'clock, at 2 and 3, at midnight, and by half an hour."""
LEAST, LEAST_EACH = 100_000, 1_000
TALLY = ParityTally()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("time_zone", "lateness_days"), PLACES)
def test_oracle_batch_and_rows_agree(time_zone: str, lateness_days: int, family: str) -> None:
    before = len(TALLY.wrong)
    made = world.make(11, family, world.country(time_zone, lateness_days))
    climb(made, of_family(family), TALLY, seed=11)
    assert TALLY.wrong[before:] == []


def test_enough_was_compared_and_no_fetcher_was_spared() -> None:
    if sum(TALLY.compared.values()) == 0:
        pytest.skip("runs after the comparisons of this file")
    assert {name: TALLY.compared[name] for name in collect() if TALLY.compared[name] < LEAST_EACH} == {}
    total, wrong = TALLY.compared.total(), TALLY.mismatches.total()
    rows = [
        ("mismatches of oracle, batch and rows", wrong, total, "values", 0),
        ("compared with the oracle", total, LEAST, "values", LEAST),
    ]
    rows += [(f"compared, {name}", TALLY.compared[name], 1, "values", LEAST_EACH) for name in collect()]
    write_figures("parity_core", rows)
    assert (wrong, total >= LEAST) == (0, True), f"{wrong} of {total}"


@pytest.mark.parametrize("time_zone", [zone for zone, _ in PLACES])
def test_every_special_instant_and_every_dirt_was_there(time_zone: str) -> None:
    if sum(TALLY.compared.values()) == 0:
        pytest.skip("runs after the comparisons of this file")
    wanted = [*(f"{side} at {name}" for side in ("batch", "row") for name in census.INSTANTS), *census.DIRT]
    assert [name for name in wanted if not TALLY.census[f"{time_zone}: {name}"]] == []
