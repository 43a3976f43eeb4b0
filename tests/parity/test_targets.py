"""Every target: who is asked, what then happened and what is removed, on dirty worlds: the product = the oracle."""

from __future__ import annotations

import random

import pytest

from proof.naive import world
from proof.naive.sides import ParityTally, write_figures
from scv.events.event import FAMILIES as ALL
from scv.features.fetcher import all_features, get
from scv.targets import population
from scv.targets.target import TARGETS
from tests import oracle_targets
from tests.parity import questions

PLACES = ("America/New_York", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Chatham")
BASES = ("recorded", "derived")
LEAST_EACH = 1_000
SEEN = ("yes", "ended involuntarily", "erased")
TALLY = ParityTally()


def test_a_target_is_under_test_by_existing() -> None:
    known = set(oracle_targets.ASKED), set(oracle_targets.ANSWERS), set(population.RULES)
    assert known == (set(TARGETS),) * 3, "say in tests/oracle_targets.py who is asked and what makes y = 1"
    assert set(questions.FAMILIES) <= set(ALL)
    assert {get(all_features()[name].fetcher).family for name in population.NEEDS} <= set(questions.FAMILIES)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("time_zone", PLACES)
def test_populations_labels_and_phases_are_the_oracles(time_zone: str, basis: str) -> None:
    before, rng = len(TALLY.wrong), random.Random(time_zone)
    where = world.country(time_zone, basis=basis, cut_off_days=rng.randrange(7))
    made = (world.make(13, family, where, customers=16) for family in questions.FAMILIES)
    worlds = {one.family: questions.about_cut_offs(one, 13) for one in made}
    at = sorted(rng.sample(world.references(rng, worlds["subscription"], midnights=40), 60))
    questions.ask(questions.of_worlds(worlds, at), None, TALLY)
    questions.ask(questions.of_worlds(worlds, at[:30]), at[35], TALLY)
    assert TALLY.wrong[before:] == []


def test_enough_was_compared_and_every_outcome_seen() -> None:
    if not TALLY.compared.total():
        pytest.skip("runs after the comparisons of this file")
    names = [f"target {name}: {what}" for name in TARGETS for what in ("population", "label")]
    compared = {name: TALLY.compared[name] for name in (*names, "phases")}
    rows = [("mismatches", TALLY.mismatches.total(), sum(compared.values()), "values", 0)]
    write_figures("parity_targets", rows + [(name, count, 1, "values", LEAST_EACH) for name, count in compared.items()])
    assert {name: count for name, count in compared.items() if count < LEAST_EACH} == {}
    wanted = [f"{name}: {what}" for name in TARGETS for what in SEEN] + ["pause: cancelled", "pause: box"]
    assert [name for name in wanted if TALLY.census[name] < 10] == []
