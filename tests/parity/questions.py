"""What is asked and what then happened, over worlds of several families: the product beside the oracle of targets."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
from msgspec.structs import replace

from proof.naive import world
from proof.naive.sides import ParityTally, SqlSide, TableLake, lake_table, oracle_verdicts
from proof.naive.world import DirtyWorld, LoggedEvent
from scv.events import event as events
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.features.fetcher import all_features, of_family
from scv.offline.lake_version import LakeVersion
from scv.targets import labels, population
from scv.targets.labels import Labels
from scv.targets.phase import phase
from scv.targets.target import TARGETS, Target
from tests import oracle_targets
from tests.oracle_targets import Story

READ = {feature.fetcher for name, feature in all_features().items() if name in population.NEEDS}
FAMILIES = tuple(sorted({family for target in TARGETS.values() for family in target.families}))
"""What labels read; populations and phases read no other (a test says so)."""
Row = tuple[datetime, str]


@dataclass(frozen=True)
class Questions:
    """A country's logs by family, and the instants at which everybody is asked about."""

    country: Country
    logs: Mapping[str, Sequence[LoggedEvent]]
    at: Sequence[datetime]

    @cached_property
    def stories(self) -> dict[str, Story]:
        """Customer → what the oracle knows."""
        logs = {family: [record.event for record in records] for family, records in self.logs.items()}
        verdicts = {family: oracle_verdicts(log, self.country) for family, log in logs.items()}
        everyone = sorted({name for found in verdicts.values() for name in found})
        return {
            name: oracle_targets.told(
                {family: verdicts[family].get(name, []) for family in logs}, logs, self.country, name
            )
            for name in everyone
        }

    @cached_property
    def features(self) -> dict[Row, dict[str, Any]]:
        """Everyone with a row in any family, at every instant: the product's features, None where missing."""
        found: dict[Row, dict[str, Any]] = {}
        names = [f.full_name for family in FAMILIES for one in of_family(family) for f in one.features]
        for family in FAMILIES:
            with SqlSide(self.logs[family], family, self.country) as table:
                for one in (fetcher for fetcher in of_family(family) if fetcher.name in READ):
                    for (customer, _), row in table.read(one, self.at).items():
                        values = found.setdefault((row["event_timestamp"], customer), dict.fromkeys(names))
                        values |= {feature.full_name: row[feature.name] for feature in one.features}
        return dict(sorted(found.items()))

    def columns(self) -> dict[str, list[Any]]:
        """The same as columns of full names."""
        rows = list(self.features.values())
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}

    def labels(self, as_of: datetime | None) -> Iterator[tuple[Target, Labels]]:
        """Every target's labels of all those rows, as a labelling run at that instant gives them."""
        rows, columns = list(self.features), self.columns()
        at_us, customers = np.array([to_us(at) for at, _ in rows]), [customer for _, customer in rows]
        with duckdb.connect(config={"threads": 1}) as connection:
            arrivals = {}
            for family, records in self.logs.items():
                connection.register(f"lake_{family}", lake_table(records, family, self.country))
                arrivals[family] = TableLake().query(family, self.country, LakeVersion({}))
            outcomes = labels.prepare(connection, arrivals, self.country, as_of)
            for target in TARGETS.values():
                known = {name: columns[name] for name in target.known}
                yield target, outcomes.labels(target, at_us, customers, known)


def of_worlds(worlds: Mapping[str, DirtyWorld], at: Sequence[datetime]) -> Questions:
    """Questions about the same customers in the worlds of several families."""
    country = next(iter(worlds.values())).country
    return Questions(country, {family: made.records for family, made in worlds.items()}, at)


def ask(questions: Questions, as_of: datetime | None, tally: ParityTally) -> None:
    """Compare phases, populations and labels of everybody the product has a row of, at every instant.

    A population counts as compared where one side asks, a label where its row is asked about; the rest is compared
    all the same, and so is that nobody else is asked about.
    """
    rows = list(questions.features)
    stories = {name: one if as_of is None else one.as_of(as_of) for name, one in questions.stories.items()}
    places = [f"{questions.country.time_zone} {customer} at {at}" for at, customer in rows]
    columns = questions.columns()
    for (at, customer), place, ours in zip(rows, places, phase(columns, questions.country), strict=True):
        tally.note("phases", place, str(ours), oracle_targets.phase(questions.stories[customer], at))
    for target, found in questions.labels(as_of):
        asked = target.population(columns, questions.country)
        for i, (at, customer) in enumerate(rows):
            one = questions.stories[customer]
            ours, theirs = bool(asked[i]), oracle_targets.ASKED[target.name](one, at)
            tally.note(f"target {target.name}: population", places[i], ours, theirs, counted=ours or theirs)
            if ours or theirs:
                tally.census[f"{target.name}: asked"] += 1
            _answer(target, found, i, stories[customer], at, places[i], ours or theirs, tally)
    _nobody_else(questions)


def _answer(
    target: Target, found: Labels, i: int, one: Story, at: datetime, place: str, counted: bool, tally: ParityTally
) -> None:
    if target.name == "pause" and not counted:
        return  # who has no box to skip, nobody asks what became of it
    ours = (str(found.removed[i]), float(found.y[i]), str(found.outcome[i]))
    expected = oracle_targets.ANSWERS[target.name](one, at)
    theirs = (expected.removed, float(expected.y), expected.outcome or (target.name if expected.y else ""))
    if expected.removed:  # a row that goes says nothing else
        ours, theirs = (ours[0], 0.0, ""), (theirs[0], 0.0, "")
    tally.note(f"target {target.name}: label", place, ours, theirs, counted=counted)
    if counted:
        tally.census[f"{target.name}: {expected.removed or ('yes' if expected.y else expected.outcome or 'no')}"] += 1


def _nobody_else(questions: Questions) -> None:
    """Whom the product has no row of, the oracle asks nothing about."""
    for customer, one in questions.stories.items():
        for at in questions.at:
            if (at, customer) not in questions.features:
                asked = [name for name, rule in oracle_targets.ASKED.items() if rule(one, at)]
                assert asked == [], f"{customer} at {at} has no row, and is asked about {asked}"


def about_cut_offs(made: DirtyWorld, seed: int) -> DirtyWorld:
    """The same world, but half of what is said about a delivery is said within a second of its cut-off."""
    rng, where = random.Random(f"cut-offs {seed}"), made.country
    records = []
    for record in made.records:
        event = record.event
        if isinstance(event, events.Skipped | events.Unskipped) and rng.random() < 0.5:
            closes = world.local(event.delivery_on - where.cut_off_days * world.DAY, where)
            occurred = closes + rng.choice((-world.TICK, timedelta(), timedelta(), world.SECOND))
            later = occurred + max(timedelta(), world.seen(event) - event.occurred_at)
            event = replace(event, occurred_at=occurred, seen_at=later)
        records.append(LoggedEvent(record.epoch, record.partition, record.offset, event))
    return DirtyWorld(where, made.family, records)
