"""Events into rows: our online consumer, and a Faust agent that pushes to Feast, from one topic of one broker."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import duckdb
import msgspec

from bench.contender import Task, Took, answer
from bench.timing import fact, more
from bench.world import PEER_STREAM, STREAM, US, World, say
from commands.services.process import Child
from scv import fetcher
from scv.figures import Figure
from scv.reader import Reader
from scv.settings import Settings

OURS, EACH, TOGETHER = "online consumer", "Faust agent, 1 event a push", "Faust agent, 1,000 events a push"
FAMILY = fetcher.of_family("orders")
WITHIN_S = 600.0


def run(world: World) -> list[Figure]:
    """The figures. Contenders take turns; each runs alone in a process of its own, from the start of the log."""
    settings = world.settings("stream", STREAM)
    world.replay(world.orders, settings)
    took: dict[str, list[Took]] = {OURS: [], EACH: [], TOGETHER: []}
    compared = 0
    for number in range(world.size.rounds):
        for name, found in took.items():
            task = _task(world, settings, name, number)
            found.append(_run(task, Path(settings.home) / f"{len(found)}-{task.batch}.json", name))
            if name == OURS:
                compared = _check(world, settings)
    rates = {name: statistics.median(one.rate for one in found) for name, found in took.items()}
    what = f"events/s into rows from {world.broker}"
    counts = "; ".join(f"{name}: {_spread(found)}" for name, found in took.items())
    return [
        fact(
            "stream: compared",
            f"{compared:,} customers' rows equal the file; {took[EACH][0].checked} pushed values read back",
        ),
        fact("stream: events a round, rates, CPU", counts),
        more(f"{what}: {OURS} / {EACH}", rates[OURS], rates[EACH], "events/s", 20),
        more(f"{what}: {OURS} / {TOGETHER}", rates[OURS], rates[TOGETHER], "events/s", 5),
    ]


def _task(world: World, settings: Settings, name: str, number: int) -> Task:
    """An empty store and a new group each time: everybody begins at the start of the log."""
    if name == OURS:
        with world.client(settings) as client:
            client.flushdb()
        return Task(settings=settings)
    batch, events = (1, world.size.pushed) if name == EACH else (1000, world.size.pushed_together)
    with world.client(msgspec.structs.replace(settings, store=world.settings("", PEER_STREAM).store)) as client:
        client.flushdb()
    group = f"bench-{batch}-{number}-{time.monotonic_ns()}"
    folder = str(world.home / group)
    return Task(
        settings=settings, batch=batch, events=events, store=world.address(PEER_STREAM), folder=folder, group=group
    )


def _run(task: Task, path: Path, name: str) -> Took:
    say(f"Streaming: {name} …")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(task))
    child = Child(name, [sys.executable, "-m", "bench.contender", str(path)], path.with_suffix(".log"))
    try:
        child.start()
        child.wait_done(WITHIN_S)
    finally:
        child.stop()
    return msgspec.json.decode(answer(path).read_bytes(), type=Took)


def _check(world: World, settings: Settings) -> int:
    """Every customer's lifetime features equal what the file adds up to; how many customers."""
    query = f"""
        SELECT customer_id, count(*) FILTER (kind = 'placed'), sum(amount_cents) FILTER (kind = 'placed')
        FROM '{world.orders}' GROUP BY 1"""
    wanted = {row[0]: (int(row[1]), int(row[2] or 0)) for row in duckdb.sql(query).fetchall()}
    with world.client(settings) as client:
        views = Reader(client).read(US, list(wanted), FAMILY)
    found = {view.customer_id: view.fetchers["orders"].values for view in views}
    for one, totals in wanted.items():
        assert (found[one]["count_ever"], found[one]["spend_ever"]) == totals, one
    return len(wanted)


def _spread(found: list[Took]) -> str:
    rates = sorted(one.rate for one in found)
    cpu = statistics.median(one.cpu_s / one.events for one in found) * 1e6
    between = f"{rates[0]:,.0f}" if len(rates) == 1 else f"{rates[0]:,.0f}–{rates[-1]:,.0f}"
    return f"{found[0].events:,} at {between}/s, {cpu:,.0f} us CPU each"
