"""Each fold, with every kind of parameter and window: oracle = batch SQL = streamed row on dirty worlds."""

from __future__ import annotations

from collections import Counter

import pytest

from proof.naive import world
from proof.naive.ladder import climb
from proof.naive.sides import ParityTally
from scv.features.fetcher import collect
from scv.folds import FOLDS
from tests.parity.samples import FAMILIES, probe

PLACES = ("America/New_York", "Australia/Sydney")
"""North and south of the equator: one goes back an hour when the other goes on."""
PROBES = {family: probe(family) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("time_zone", PLACES)
def test_oracle_batch_and_rows_agree(time_zone: str, family: str) -> None:
    tally = ParityTally()
    made = world.make(5, family, world.country(time_zone), customers=3, events_each=30)
    climb(made, [PROBES[family]], tally, seed=5, prefixes=2, most=40)  # test_fetchers stands at every special instant
    assert tally.wrong == []
    assert tally.compared.total() > 10_000


def test_every_fold_is_probed_with_and_without_a_window() -> None:
    lifetime, windowed = Counter[str](), Counter[str]()
    for made in PROBES.values():
        for feature in made.features:
            (windowed if feature.window else lifetime)[type(feature.fold).__name__] += 1
    assert set(lifetime) == {fold.__name__ for fold in FOLDS}
    assert set(windowed) == {fold.__name__ for fold in FOLDS if fold.reach != 0 or fold.looks_ahead}


def test_probes_are_no_fetchers_of_the_product() -> None:
    assert not {made.name for made in PROBES.values()} & set(collect())
