"""The long run: the ladder's rungs on as many worlds as the time allows, on every core.

A run is a list of tasks that follows from its seed; whatever it finds names the task, which finds it again. First come
the simulated countries and a town through the broker, then rounds of every family, fold and target in every zone.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from local.services import Services
from proof.naive import ladder, world
from proof.naive.sides import ParityTally
from scv.events.event import FAMILIES
from scv.features.fetcher import of_family
from scv.settings import Settings
from tests.parity import questions, samples, simulated

ZONES = (
    "America/New_York", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe",
    "Pacific/Chatham", "America/Havana", "Africa/Casablanca", "Asia/Tehran", "Asia/Kolkata",
)  # fmt: skip
"""Changes at 2 and 3 o'clock, at midnight, by half an hour, off the hour, from 1 o'clock back into yesterday, four a
year, and none."""
SIMULATED = ("ZZ", "ZY", "ZX")
LATENESS = (35, 14, 7, 1)
Kind = Literal["family", "folds", "targets", "simulated", "town"]


@dataclass(frozen=True)
class Task:
    """One world and what is compared on it; `what` is a family, a basis or a country."""

    kind: Kind
    what: str
    zone: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind} {self.what} {self.zone} seed {self.seed}"


def plan(seed: int) -> Iterator[Task]:
    """The tasks of a run, without end; a round holds everything once in every zone."""
    yield Task("town", "ZZ", "Europe/Berlin", seed)
    yield from (Task("simulated", code, "", seed) for code in SIMULATED)
    for number in count(seed):
        for zone in ZONES:
            yield from (Task("family", family, zone, number) for family in FAMILIES)
            yield from (Task("targets", basis, zone, number) for basis in ("recorded", "derived"))
        yield Task("folds", samples.FAMILIES[number % len(samples.FAMILIES)], ZONES[number % len(ZONES)], number)
        yield Task("simulated", SIMULATED[number % len(SIMULATED)], "", number + 1)


ROUND = len(SIMULATED) + 3 + len(ZONES) * (len(FAMILIES) + 2)
"""So many tasks are done whatever the time."""


def run(task: Task) -> ParityTally:
    """Do a task in this process; an error is a mismatch that nothing could be compared beyond."""
    tally = ParityTally()
    try:
        RUN[task.kind](task, tally)
    except Exception as error:  # whatever it is, the other worlds go on, and this one counts as wrong
        tally.differ("could not be compared", f"{type(error).__name__}: {error}")
    tally.wrong = [f"{task}: {text}" for text in tally.wrong]
    return tally


def _family(task: Task, tally: ParityTally) -> None:
    where = world.country(task.zone, LATENESS[task.seed % len(LATENESS)])
    ladder.climb(world.make(task.seed, task.what, where, customers=8), of_family(task.what), tally, task.seed)


def _folds(task: Task, tally: ParityTally) -> None:
    own, where = ParityTally(), world.country(task.zone)
    made = world.make(task.seed, task.what, where, customers=3, events_each=30)
    ladder.climb(made, [samples.probe(task.what)], own, task.seed)
    tally.compared["folds beyond the fetchers'"] += own.compared.total()
    tally.mismatches["folds beyond the fetchers'"] += own.mismatches.total()
    tally.wrong = own.wrong


def _targets(task: Task, tally: ParityTally) -> None:
    rng = random.Random(f"{task}")
    where = world.country(task.zone, basis=task.what, cut_off_days=rng.randrange(9))
    made = (world.make(task.seed, family, where, customers=10) for family in questions.FAMILIES)
    worlds = {one.family: questions.about_cut_offs(one, task.seed) for one in made}
    at = world.references(rng, worlds["subscription"], midnights=30)
    questions.ask(questions.of_worlds(worlds, at), None, tally)
    half = len(at) // 2
    questions.ask(questions.of_worlds(worlds, at[:half]), at[half + rng.randrange(9)], tally)


def _simulated(task: Task, tally: ParityTally) -> None:
    simulated.climb(task.what, customers=400, weeks=52, seed=task.seed, tally=tally, sample=60)


def _town(task: Task, tally: ParityTally) -> None:
    from tests.flow import passage, town
    from tests.flow.conftest import EMBEDDED

    warnings.filterwarnings("ignore", category=DeprecationWarning, module="ibis")
    with tempfile.TemporaryDirectory() as folder, Services(*EMBEDDED, Path(folder) / "services") as services:
        broker, store = services.broker_address, services.store_url
        live = Settings(broker=broker, store=store, home=f"{folder}/home", partitions=3, session_ms=1000, wait_s=30)
        found = passage.go(live, town.make(live.home_path, customers=150, seed=task.seed), timeout_s=240)
        gc.collect()  # a client that outlives its broker complains on stderr
    for way, one in found.compared.tallies.items():
        tally.compared[f"through the broker: {way}"] += one.compared.total()
        tally.mismatches[f"through the broker: {way}"] += one.mismatches.total()
    for name, number in found.scored.compared.items():
        tally.compared[f"through the broker: {name}"] += number
        tally.mismatches[f"through the broker: {name}"] += found.scored.mismatches[name]
    tally.wrong = found.wrong


RUN: dict[Kind, Callable[[Task, ParityTally], None]] = {
    "family": _family, "folds": _folds, "targets": _targets, "simulated": _simulated, "town": _town,
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How long a run goes on: for so many minutes, longer where it has not compared enough, never beyond the last.

    `tasks` are done whatever the time.
    """

    minutes: float
    most_minutes: float
    values: int
    tasks: int = ROUND

    def more(self, gone_s: float, started: int, compared: int) -> bool:
        wanted = gone_s < self.minutes * 60 or (compared < self.values and gone_s < self.most_minutes * 60)
        return started < self.tasks or wanted


def _silent() -> None:
    """DuckDB takes a spawned process for a terminal and draws bars of its own: stdout is the table's."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def climb(
    tasks: Iterator[Task], limits: Limits, jobs: int, heard: Callable[[ParityTally, float], None]
) -> tuple[ParityTally, int]:
    """Do tasks in so many processes: everything compared, and on how many worlds.

    `heard` is told of the tally and the seconds gone now and then.
    """
    begun, whole, done = time.monotonic(), ParityTally(), 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_silent) as pool:
        under_way: set[Future[ParityTally]] = {pool.submit(run, task) for task in islice(tasks, jobs + 2)}
        started = len(under_way)
        while under_way:
            finished, under_way = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
            for one in finished:
                whole.add(one.result())
                done += 1
                if limits.more(time.monotonic() - begun, started, whole.compared.total()):
                    more = [pool.submit(run, task) for task in islice(tasks, 1)]
                    under_way.update(more)
                    started += len(more)
            heard(whole, time.monotonic() - begun)
    return whole, done
