"""Reading customers live: our reader, Feast over our rows, and Feast's own Redis store, in one server."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench import peer
from bench.timing import fact, faster, in_turns
from bench.world import PEER_ROWS, US, World, say
from proof.figures import Figure
from scv.features import fetcher
from scv.online.reader import Reader
from store.client import connect

READER, FEAST, REDIS = "reader", "Feast, our store", "Feast, its Redis store"
FETCHERS = tuple(fetcher.collect().values())
FEATURES = sum(len(one.features) for one in FETCHERS)

Read = Callable[[Sequence[str]], Any]


def run(world: World) -> list[Figure]:
    """The figures. Every contender returns all features by name, and equal ones."""
    contenders = _contenders(world)
    _check(contenders, world.customers)
    dice, size = random.Random(7), world.size
    say(f"Reading {size.singles} × 1 and {size.batches} × {size.batch} customers …")
    ones = [[dice.choice(world.customers)] for _ in range(size.singles)]
    hundreds = [dice.sample(world.customers, size.batch) for _ in range(size.batches)]
    for read in contenders.values():
        read(hundreds[0])
    what = f"{FEATURES} features from {world.store}"
    return [
        fact("read: compared", f"{len(world.customers):,} customers × {FEATURES} values equal in all three"),
        *_figures(f"read 1 customer, {what}", in_turns(contenders, ones)),
        *_figures(f"read {size.batch} customers, {what}", in_turns(contenders, hundreds, turn=1)),
    ]


def _contenders(world: World) -> dict[str, Read]:
    reader = Reader(connect(world.rows))
    stock = peer.with_redis(world.rows, world.home / "redis-peer", world.address(PEER_ROWS))
    peer.write(stock, reader.read(US, world.customers, FETCHERS))
    return {
        READER: lambda ids: [view.values() for view in reader.read(US, ids, FETCHERS)],
        FEAST: peer.reading(world.feast, US.code),
        REDIS: peer.reading(stock, US.code),
    }


def _check(contenders: dict[str, Read], customers: Sequence[str]) -> None:
    """All answers equal, before anything is timed."""
    for start in range(0, len(customers), 100):
        some = customers[start : start + 100]
        wanted = contenders[READER](some)
        assert sum(value is not None for row in wanted for value in row.values()) > 10 * len(some)
        for name in (FEAST, REDIS):
            found = contenders[name](some)
            for number, row in enumerate(wanted):
                assert row == {key: found[key][number] for key in row}, (name, some[number])


def _figures(what: str, times: Mapping[str, list[float]]) -> list[Figure]:
    def row(ours: str, at: int, at_least: float | None = None) -> Figure:
        mine, theirs = (float(np.percentile(times[name], at)) * 1e6 for name in (ours, REDIS))
        return faster(f"{what}: {ours} / {REDIS}, p{at}", mine, theirs, "us", at_least)

    return [row(READER, 50, 2), row(READER, 99), row(FEAST, 50), row(FEAST, 99)]
