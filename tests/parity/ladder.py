"""One rung of the ladder: fetchers of one family on one dirty world, oracle = batch = rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from scv.fetcher import Fetcher
from tests import oracle, world
from tests.parity.sides import Batch, Stream, Tally, deliveries, oracle_verdicts
from tests.world import TICK, Record, World


def climb(made: World, fetchers: Sequence[type[Fetcher]], tally: Tally, seed: int = 0, prefixes: int = 4) -> None:
    """Compare the sides on the whole log at many references, and on prefixes of it after their newest event."""
    rng = random.Random(seed)
    known_then(made, fetchers, world.references(rng, made), tally)
    cuts = sorted(rng.sample(range(1, len(made.records)), min(prefixes, len(made.records) - 1)))
    streams = [Stream(fetcher, made.country, seed) for fetcher in fetchers]
    fed = 0
    for cut in [*cuts, len(made.records)]:
        for record, delivery in deliveries(made.records[fed:cut], made.country):
            for stream in streams:
                stream.feed(delivery, record.offset)
        fed = cut
        prefix(made, made.records[:cut], list(zip(fetchers, streams, strict=True)), rng, tally)


def known_then(made: World, fetchers: Sequence[type[Fetcher]], at: Sequence[datetime], tally: Tally) -> None:
    """Batch over the whole log at any reference equals the oracle there."""
    verdicts = oracle_verdicts(made.log, made.country)
    with Batch(made.records, made.family, made.country) as table:
        for fetcher in fetchers:
            found = table.read(fetcher, at)
            for instant in at:
                for customer, judged in verdicts.items():
                    expected = oracle.values(judged, made.country, fetcher, instant)
                    ours = found.pop((customer, round(instant.timestamp() * 1_000_000)), None)
                    where = f"{made.country.time_zone} {customer} at {instant}"
                    tally.compare(fetcher, f"batch, {where}", ours, expected, exact=False)
                    assert (ours is None) == (expected is None), f"missing or zero: {fetcher.name} {where}"
            assert not found, "batch knows rows that nobody asked for"


def prefix(
    made: World,
    records: Sequence[Record],
    sides: Sequence[tuple[type[Fetcher], Stream]],
    rng: random.Random,
    tally: Tally,
) -> None:
    """The row of a prefix, read after its newest event, equals batch and oracle over that prefix."""
    log = [record.event for record in records]
    newest = max(delivery.seen_us for _, delivery in deliveries(records, made.country))
    verdicts = oracle_verdicts(log, made.country)
    at = after(world.EPOCH + timedelta(microseconds=newest), made, rng)
    with Batch(records, made.family, made.country) as table:
        for fetcher, stream in sides:
            found = table.read(fetcher, at)
            for instant in at:
                for customer, judged in verdicts.items():
                    expected = oracle.values(judged, made.country, fetcher, instant)
                    ours = found.get((customer, round(instant.timestamp() * 1_000_000)))
                    row = stream.read(customer, instant)
                    where = f"{made.country.time_zone} {customer} at {instant} after {len(records)} records"
                    tally.compare(fetcher, f"row, {where}", row, expected, exact=False)
                    tally.compare(fetcher, f"row and batch, {where}", row, ours)


def after(newest: datetime, made: World, rng: random.Random) -> list[datetime]:
    """Instants from just after a prefix's newest event to a year and more later."""
    day = newest.date()
    midnights = [world.local(day + timedelta(days=n), made.country) for n in (1, 2, 7, 28, rng.randrange(30, 500))]
    others = [newest + TICK, newest + timedelta(minutes=rng.randrange(1, 100_000))]
    changes = [at + timedelta(minutes=30 * k) for at in world.clock_changes(made.country) for k in (-1, 0, 1)]
    return sorted({at for at in (*midnights, *others, *changes) if at > newest})
