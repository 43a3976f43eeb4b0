"""One rung of the ladder: fetchers of one family on one dirty world, oracle = batch = rows.

The whole ladder, each rung catching what the one below cannot:

    1  test_fold_laws      zero, any order, merge, split at days, pack and prune: every fold, by Hypothesis
    2  test_folds          each fold with every kind of parameter: oracle = batch SQL = streamed row
    3  test_fetchers       every registered fetcher on dirty worlds of four time zones, and on prefixes of their logs
       test_targets        every target and the phases: populations, labels and what is removed
       test_known_then…    what is seen after a reference changes no snapshot and no training row there
    4  flow/test_end_to_end  through broker and both consumers: snapshot, rows, Feast online and historical, vectors
    5  flow/test_end_to_end  and the score: gRPC server = Tuesday's export = a score of the oracle's features
    6  `cerebro parity --served`  logged vectors of the server, recomputed

`make parity` (`tests.parity.long`) climbs rungs 2 to 5 again on many more worlds, and on simulated countries.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from proof.naive import census, oracle, world
from proof.naive.census import Judged
from proof.naive.sides import ParityTally, SqlSide, StreamSide, arrivals, oracle_verdicts
from proof.naive.world import TICK, DirtyWorld, LoggedEvent
from scv.events.country import Country
from scv.features.fetcher import Fetcher

Sides = Sequence[tuple[type[Fetcher], StreamSide]]


def climb(
    made: DirtyWorld,
    fetchers: Sequence[type[Fetcher]],
    tally: ParityTally,
    seed: int = 0,
    prefixes: int = 3,
    most: int = 99,
) -> None:
    """Compare the sides on the whole log at up to `most` references, and on prefixes of it after their newest event."""
    rng, log = random.Random(seed), made.delivered
    at = world.references(rng, made)
    known_then(made, fetchers, sorted(rng.sample(at, min(most, len(at)))), tally)
    early = sum(1 for _ in takewhile(lambda record: world.seen(record.event) < world.TURNING, log)) or 1
    cuts = {early, *rng.sample(range(1, len(log)), min(prefixes, len(log) - 1)), len(log)}
    sides = [(fetcher, StreamSide(fetcher, made.country, seed)) for fetcher in fetchers]
    fed = 0
    for cut in sorted(cuts):
        for record, arrival in arrivals(log[fed:cut], made.country):
            for _, stream in sides:
                stream.feed(arrival, record.offset)
        fed, newest = cut, newest_of(log[:cut], made.country)
        if newest is not None:
            prefix(
                made, log[:cut], sides, after(newest, made, rng, special=most if cut == early else min(most, 12)), tally
            )


def known_then(made: DirtyWorld, fetchers: Sequence[type[Fetcher]], at: Sequence[datetime], tally: ParityTally) -> None:
    """Batch over the whole log at any reference equals the oracle there."""
    verdicts, zone = oracle_verdicts(made.log, made.country), made.country.time_zone
    found = census.dirt(made.records, made.country, verdicts)
    tally.census.update({f"{zone}: {name}": count for name, count in found.items()})
    with SqlSide(made.records, made.family, made.country) as table:
        for fetcher in fetchers:
            read = table.read(fetcher, at)
            for instant in at:
                _then(made, fetcher, instant, verdicts, read, tally)
            if read:
                tally.differ(fetcher.name, f"batch has {len(read)} rows of {fetcher.name} that nobody asked for")


def _then(
    made: DirtyWorld,
    fetcher: type[Fetcher],
    at: datetime,
    verdicts: Judged,
    read: dict[tuple[str, int], dict],
    tally: ParityTally,
) -> None:
    """Everybody at one reference; what is compared is taken out of `read`."""
    compared = 0
    for customer, judged in verdicts.items():
        expected = oracle.values(judged, made.country, fetcher, at)
        ours = read.pop((customer, round(at.timestamp() * 1_000_000)), None)
        where = f"{made.country.time_zone} {customer} at {at}"
        compared += tally.compare(fetcher, f"batch, {where}", ours, expected, exact=False)
        if (ours is None) != (expected is None):
            tally.differ(fetcher.name, f"missing or zero: {fetcher.name} {where}")
    _stood("batch", at, made, compared, tally)


def newest_of(records: Sequence[LoggedEvent], country: Country) -> datetime | None:
    """When the newest arrival of a log was seen; None where all are refused."""
    newest = max((arrival.seen_us for _, arrival in arrivals(records, country)), default=None)
    return None if newest is None else world.EPOCH + timedelta(microseconds=newest)


def prefix(
    made: DirtyWorld, records: Sequence[LoggedEvent], sides: Sides, at: Sequence[datetime], tally: ParityTally
) -> None:
    """The row of a prefix, read after its newest event, equals batch and oracle over that prefix."""
    verdicts = oracle_verdicts([record.event for record in records], made.country)
    with SqlSide(records, made.family, made.country) as table:
        for fetcher, stream in sides:
            read = table.read(fetcher, at)
            for instant in at:
                _after(made, (fetcher, stream), instant, verdicts, read, tally)


def _after(
    made: DirtyWorld,
    side: tuple[type[Fetcher], StreamSide],
    at: datetime,
    verdicts: Judged,
    read: Mapping[tuple[str, int], dict],
    tally: ParityTally,
) -> None:
    """Everybody's row at one instant."""
    compared, (fetcher, stream) = 0, side
    for customer, judged in verdicts.items():
        expected = oracle.values(judged, made.country, fetcher, at)
        ours, row = read.get((customer, round(at.timestamp() * 1_000_000))), stream.read(customer, at)
        where = f"{made.country.time_zone} {customer} at {at} of a prefix"
        compared += tally.compare(fetcher, f"row, {where}", row, expected, exact=False)
        tally.compare(fetcher, f"row and batch, {where}", row, ours, counted=False)
    _stood("row", at, made, compared, tally)


def _stood(side: str, at: datetime, made: DirtyWorld, compared: int, tally: ParityTally) -> None:
    for name in census.instants(at, made.country):
        tally.census[f"{made.country.time_zone}: {side} at {name}"] += compared


def after(newest: datetime, made: DirtyWorld, rng: random.Random, special: int) -> list[datetime]:
    """Instants from just after a prefix's newest event to a year and more later, some of them special."""
    day = newest.date()
    midnights = [world.local(day + timedelta(days=n), made.country) for n in (1, 2, 7, 28, rng.randrange(30, 500))]
    others = [newest + TICK, newest + timedelta(minutes=rng.randrange(1, 100_000))]
    coming = [at for at in world.special_instants(made.country) if at > newest]
    some = rng.sample(coming, min(special, len(coming)))
    return sorted({at for at in (*midnights, *others, *some) if at > newest})
