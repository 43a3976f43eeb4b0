"""Events into rows: our online consumer, and a Faust agent that pushes to Feast, from one topic of one broker."""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import duckdb
import msgspec

from bench.contender import Task, Took, beside
from bench.peer import PUSHED
from bench.timing import fact, faster, more
from bench.world import PEER_STREAM, STREAM, US, World, say
from local.services.process import Child
from proof.figures import Figure
from scv.features import fetcher
from scv.online.reader import Reader
from scv.settings import Settings
from store.client import connect

FAMILY = fetcher.of_family("orders")
OURS = f"online consumer, {sum(len(one.features) for one in FAMILY)} features"
EACH, TOGETHER = (f"Faust agent, {len(PUSHED)} features, {n} a push" for n in ("1 event", "1,000 events"))
WITHIN_S = 600.0
READY_S = 60.0


def run(world: World) -> list[Figure]:
    """The figures. Contenders take turns; each runs alone in a process of its own, from the start of the log."""
    settings = world.settings("stream", STREAM)
    took: dict[str, list[Took]] = {OURS: [], EACH: [], TOGETHER: []}
    compared = 0
    for number in range(world.size.streams):
        with ExitStack() as stack:
            runners = {name: stack.enter_context(Runner(name, _task(world, settings, name, number))) for name in took}
            if number == 0:
                world.replay(world.orders, settings)
            for runner in runners.values():
                runner.wait_ready()
            for name, runner in runners.items():
                took[name].append(runner.run(world))
                if name == OURS:
                    compared = _check(world, settings)
    said = f"{compared:,} customers' rows equal the file; {took[EACH][0].checked} pushed values read back"
    return [fact("stream: compared", said), *_figures(f"events into rows from {world.broker}", took)]


def _figures(what: str, took: dict[str, list[Took]]) -> list[Figure]:
    """Rates by the wall, and CPU of the contender's own process: on a busy machine the steadier of the two."""
    rates = {name: statistics.median(one.rate for one in found) for name, found in took.items()}
    cpu = {name: statistics.median(one.cpu_s / one.events for one in found) * 1e6 for name, found in took.items()}
    bars = {EACH: 20, TOGETHER: 5}
    return [
        fact("stream: events a round", "; ".join(f"{name}: {_spread(found)}" for name, found in took.items())),
        *(more(f"{what}: {OURS} / {peer}", rates[OURS], rates[peer], "events/s", bar) for peer, bar in bars.items()),
        *(faster(f"CPU of {what}: {OURS} / {peer}", cpu[OURS], cpu[peer], "us an event") for peer in bars),
    ]


def _task(world: World, settings: Settings, name: str, number: int) -> Task:
    """A group of its own each time: everybody begins at the start of the log."""
    if name == OURS:
        return Task(settings=settings)
    batch, events = (1, world.size.pushed) if name == EACH else (1000, world.size.pushed_together)
    group = f"bench-{batch}-{number}"
    address, folder = world.address(PEER_STREAM), str(world.home / group)
    return Task(settings=settings, batch=batch, events=events, store=address, folder=folder, group=group)


class Runner:
    """A contender's process inside the `with`; it has imported what it needs before anybody runs."""

    def __init__(self, name: str, task: Task) -> None:
        self._name, self._task = name, task
        self._path = Path(task.settings.home) / f"{task.group or 'ours'}-{time.monotonic_ns()}.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(msgspec.json.encode(task))
        command = [sys.executable, "-m", "bench.contender", str(self._path)]
        self._child = Child(name, command, self._path.with_suffix(".log"))

    def __enter__(self) -> Runner:
        self._child.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()

    def wait_ready(self) -> None:
        self._child.wait_ready(beside(self._path, "ready").exists, READY_S)

    def run(self, world: World) -> Took:
        """Let it run, alone and into an empty database."""
        say(f"Streaming: {self._name} …")
        database = PEER_STREAM if self._task.batch else STREAM
        with connect(world.settings("stream", database)) as client:
            client.flushdb()
        beside(self._path, "go").touch()
        self._child.wait_done(WITHIN_S)
        return msgspec.json.decode(beside(self._path, "done").read_bytes(), type=Took)


def _check(world: World, settings: Settings) -> int:
    """Every customer's lifetime features equal what the file adds up to; how many customers."""
    query = f"""
        SELECT customer_id, count(*) FILTER (kind = 'placed'), sum(amount_cents) FILTER (kind = 'placed')
        FROM '{world.orders}' GROUP BY 1"""
    wanted = {row[0]: (int(row[1]), int(row[2] or 0)) for row in duckdb.sql(query).fetchall()}
    with connect(settings) as client:
        views = Reader(client).read(US, list(wanted), FAMILY)
    found = {view.customer_id: view.fetchers["orders"].values for view in views}
    for one, totals in wanted.items():
        assert (found[one]["count_ever"], found[one]["spend_ever"]) == totals, one
    return len(wanted)


def _spread(found: list[Took]) -> str:
    rates = sorted(one.rate for one in found)
    return f"{found[0].events:,} at {rates[0]:,.0f} to {rates[-1]:,.0f}/s"
