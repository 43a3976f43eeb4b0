"""A simulated country: a sample of its subscribers, their dirty year, at every Tuesday: oracle = batch = rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from proof.naive import ladder
from proof.naive.sides import ParityTally, StreamSide, arrivals
from proof.naive.world import TICK, DirtyWorld, LoggedEvent, family_of
from proof.world.life import simulate
from proof.world.world import World as Simulated
from scv.events import country as countries
from scv.events import event
from scv.events.country import Country
from scv.events.event import Event
from scv.events.partition import partition_of
from scv.features.fetcher import of_family
from tests import oracle_targets
from tests.flow.town import event_of
from tests.parity import questions

PARTITIONS = 4
CUTS = 6
OPEN_BOXES, OTHER_DAY = "open boxes", "open boxes of which only another day is skipped"


def climb(code: str, customers: int, weeks: int, seed: int, tally: ParityTally, sample: int = 40) -> None:
    """Every fetcher at every Tuesday and at odd instants, rows at some Tuesdays, and every target at every Tuesday."""
    where, rng = countries.load(code), random.Random(seed)
    logs = logs_of(where, customers, weeks, seed)
    everyone = sorted({record.event.customer_id for log in logs.values() for record in log})
    chosen = set(rng.sample(everyone, min(sample, len(everyone))))
    at = references(where, customers, weeks, seed)
    worlds = {family: DirtyWorld(where, family, _only(chosen, log)) for family, log in logs.items()}
    for family, made in worlds.items():
        fetchers = of_family(family)
        odd = [rng.choice(made.records).event.seen_at + TICK for _ in range(8)]
        ladder.known_then(made, fetchers, sorted({*at, *odd}), tally)
        _prefixes(made, at, rng, tally)
    asked = questions.of_worlds({family: worlds[family] for family in questions.FAMILIES}, at)
    questions.ask(asked, None, tally)
    strictly(asked, tally)


def references(where: Country, customers: int, weeks: int, seed: int) -> list[datetime]:
    """Every Tuesday of a simulation, and the week after it."""
    made = Simulated(where, customers, weeks, seed)
    return [made.reference(week) for week in range(1, weeks + 1)] + [made.reference(weeks) + timedelta(days=7)]


def logs_of(where: Country, customers: int, weeks: int, seed: int) -> dict[str, list[LoggedEvent]]:
    """Family → the simulation's arrivals, in order of arrival."""
    found: dict[str, list[LoggedEvent]] = {family: [] for family in event.FAMILIES}
    homes: dict[str, int] = {}
    for offset, row in enumerate(simulate(where, customers, weeks, seed).to_pylist()):
        for family, one in _sent(event_of(row)):
            home = homes.setdefault(one.customer_id, partition_of(event.key_of(one), PARTITIONS))
            found[family].append(LoggedEvent(0, home, offset, one))
    return {family: sorted(log, key=lambda one: (one.partition, one.offset)) for family, log in found.items()}


def _sent(one: Event) -> list[tuple[str, Event]]:
    """To which families' topics it goes: an erasure to all."""
    families = event.FAMILIES if one.kind == "erased" else [family_of(one.kind)]
    return [(family, one) for family in families]


def _only(chosen: set[str], log: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    return [record for record in log if record.event.customer_id in chosen]


def _prefixes(made: DirtyWorld, at: Sequence[datetime], rng: random.Random, tally: ParityTally) -> None:
    """Rows fed up to some places in the log, read at the coming Tuesdays."""
    log, fed = made.delivered, 0
    sides = [(fetcher, StreamSide(fetcher, made.country, 1)) for fetcher in of_family(made.family)]
    for cut in sorted({*rng.sample(range(1, len(log)), min(CUTS, len(log) - 1)), len(log)}):
        for record, arrival in arrivals(log[fed:cut], made.country):
            for _, stream in sides:
                stream.feed(arrival, record.offset)
        fed, newest = cut, ladder.newest_of(log[:cut], made.country)
        if newest is not None:
            coming = [one for one in at if one > newest]
            ladder.prefix(made, log[:cut], sides, [newest + TICK, *coming[:6]], tally)


def strictly(asked: questions.Questions, tally: ParityTally) -> None:
    """How often it matters that a skip of any day of the open week is one of its box: where the box's own day comes."""
    for at, customer in asked.features:
        one = asked.stories[customer]
        box = oracle_targets.open_box(one, at)
        if box is not None and oracle_targets.phase(one, at) in ("new", "established"):
            tally.census[OPEN_BOXES] += 1
            (names, on), known = box, one.known("subscription", at, "skipped", "unskipped")
            own = all(oracle_targets.is_skipped(known, name, on) for name in names)
            tally.census[OTHER_DAY] += own == oracle_targets.ASKED["pause"](one, at)
