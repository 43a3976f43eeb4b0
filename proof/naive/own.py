"""What `cerebro test` proves: each fetcher of the project is the same number in batch SQL, in streamed rows and by the
naive oracle, and each target asks about whom it says and finds what then happened, on dirty worlds whose clocks change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product

from proof.naive import own_targets, world
from proof.naive.ladder import climb
from proof.naive.sides import ParityTally
from scv.events.country import Country
from scv.features.fetcher import Fetcher
from scv.targets.target import Target

PLACES = (("America/New_York", 35), ("Europe/Berlin", 35), ("America/Sao_Paulo", 14), ("Australia/Lord_Howe", 35))
"""Clocks that change at 2 o'clock, at 2 and 3, at midnight, and by half an hour; and how late an event may come."""
WORLDS = 2
"""Of a fetcher's family, in each place."""
LEAST_EACH = 100
"""Values of a fetcher that a run compares at least; fewer prove nothing."""


def unheard(done: int, total: int) -> None:
    """Nobody listens."""


def compare(
    fetchers: Sequence[type[Fetcher]],
    targets: Sequence[Target],
    seed: int,
    heard: Callable[[int, int], None] = unheard,
) -> ParityTally:
    """Each fetcher and target on one world for each place; `heard` is told how many of how many worlds are done."""
    tally = ParityTally()
    steps = [*_fetchers(fetchers, seed, tally), *_targets(targets, seed, tally)]
    for number, step in enumerate(steps):
        heard(number, len(steps))
        step()
    heard(len(steps), len(steps))
    return tally


def _fetchers(fetchers: Sequence[type[Fetcher]], seed: int, tally: ParityTally) -> Iterator[Callable[[], None]]:
    families = dict.fromkeys(one.family for one in fetchers)
    for family, (time_zone, lateness_days), more in product(families, PLACES, range(WORLDS)):
        mine = [one for one in fetchers if one.family == family]
        place = world.country(time_zone, lateness_days)
        yield partial(_climb, family, place, seed + more, mine, tally)


def _climb(family: str, place: Country, seed: int, fetchers: Sequence[type[Fetcher]], tally: ParityTally) -> None:
    climb(world.make(seed, family, place), fetchers, tally, seed=seed)


def _targets(targets: Sequence[Target], seed: int, tally: ParityTally) -> Iterator[Callable[[], None]]:
    for target, (time_zone, lateness_days) in product(targets, PLACES):
        place = world.country(time_zone, lateness_days)
        yield partial(_ask, target, place, seed, tally)


def _ask(target: Target, place: Country, seed: int, tally: ParityTally) -> None:
    own_targets.compare(own_targets.asked(target, place, seed), tally)


def lacking(names: Sequence[str], tally: ParityTally) -> list[str]:
    """Those of which too little was compared to prove anything."""
    return [name for name in names if tally.compared[name] < LEAST_EACH]
