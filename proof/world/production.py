"""Making a world: its chunks by one process or many, each delivered in its turn, from where an earlier run stopped."""

from __future__ import annotations

import errno
import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pyarrow as pa

from proof.world.folder import Made, WorldFolder, WorldPlan, fingerprint
from proof.world.parts import Task, make
from proof.world.rates import Dirt
from proof.world.sink import Report, Sink
from proof.world.world import World
from scv.errors import CerebroError, LakeConflict, LogChanged, Unreachable
from scv.events.country import Country

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")
_AHEAD = 2
"""Chunks that each worker may be ahead of the one that is delivered."""

Place = tuple[str, int]
"""A country and the number of one of its chunks."""


class Production:
    """Worlds of one size and seed, as dirty as they shall be: `run` makes and hands over what is missing. `known`: the
    countries that consumers know.
    """

    def __init__(
        self, worlds: Sequence[World], dirt: Dirt, folder: WorldFolder, sink: Sink, known: Mapping[str, Country]
    ) -> None:
        self._worlds, self._folder, self._sink, self._known = worlds, folder, sink, known
        self.plan = WorldPlan(
            to=sink.to,
            countries={world.country.code: fingerprint(world.country) for world in worlds},
            customers=worlds[0].customers,
            weeks=worlds[0].weeks,
            seed=worlds[0].seed,
            until=worlds[0].ends_on if worlds[0].until else None,
            dirt=dirt,
            partitions=sink.partitions,
        )
        self.total = sum(world.chunks for world in worlds)
        self.made: dict[Place, Made] = {}
        self.nothing_left = False

    def run(self, resume: bool, workers: int, report: Report, again: str) -> Mapping[str, Any]:
        """The counts of the whole world. `again` is the command that goes on, for the error that says how far it came.

        Raises UserError where the folder or the sink is not ours; CerebroError for a full disk, Unreachable for a
        broker that is gone, both with how far it came.
        """
        try:
            manifest = self._folder.open(self.plan, resume)
            if manifest.complete:
                self.nothing_left = True
                return manifest.counts
            with self._folder.alone():
                self._go(workers, report)
                counts = self.counts()
                self._folder.finish(self.plan, counts)
            return counts
        except Exception as error:
            reason = _reason(error, self._folder)
            if reason is None:
                raise
            kind = type(error) if isinstance(error, CerebroError) else CerebroError
            raise kind(f"{reason} {self.reached(again)}") from error

    def reached(self, again: str) -> str:
        """How far it came, and the command that goes on."""
        events = sum(made.events for made in self.made.values())
        said = f"{len(self.made)} of {self.total} chunks ({events:,} events) are made."
        return f"{said} Go on with:\n  {again}" if again else said

    def counts(self) -> dict[str, Any]:
        """Events, bytes, dirt and refused arrivals of what is made."""
        dirt, refused = Counter[str](), Counter[str]()
        by_country = dict.fromkeys((world.country.code for world in self._worlds), 0)
        for made in self.made.values():
            dirt.update(made.dirt)
            refused.update(made.refused)
            by_country[made.country] += made.events
        return {
            "events": sum(by_country.values()),
            "countries": by_country,
            "chunks": len(self.made),
            "bytes": sum(made.bytes for made in self.made.values()),
            "truths": sum(made.truths for made in self.made.values()),
            "dirt": dict(dirt),
            "refused": dict(refused),
        }

    def _go(self, workers: int, report: Report) -> None:
        steps = list(self._folder.steps())
        self.made = {(step.country, step.chunk): step for step in steps if isinstance(step, Made)}
        self._sink.open(steps)
        self.made = {place: made for place, made in self.made.items() if self._sink.has(made)}
        report("Simulating", len(self.made), self.total)
        for made in self._chunks(dict(self.made), workers):
            if (made.country, made.chunk) not in self.made:
                self._folder.note(made)
                self.made[made.country, made.chunk] = made
            self._sink.take(made)
            report("Simulating", len(self.made), self.total)
        self._sink.close(report)

    def _chunks(self, kept: Mapping[Place, Made], workers: int) -> Iterator[Made]:
        """Every chunk in its turn, made now or before."""
        places = [(world, chunk) for world in self._worlds for chunk in range(world.chunks)]
        form, partitions = self._sink.form, self._sink.partitions
        tasks = [
            Task(world, chunk, number, form, self._folder.path, self.plan.dirt, self._known, partitions)
            for number, (world, chunk) in enumerate(places)
            if (world.country.code, chunk) not in kept
        ]
        fresh = map(make, tasks) if workers == 1 or len(tasks) < 2 else _by_many(tasks, workers)
        for world, chunk in places:
            found = kept.get((world.country.code, chunk))
            yield next(fresh) if found is None else found


def _by_many(tasks: Sequence[Task], workers: int) -> Iterator[Made]:
    """The tasks' results in order, made by processes that are never far ahead of whoever takes them."""
    context = multiprocessing.get_context("spawn")  # a fork would inherit Arrow's threads, stopped
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_alone)
    waiting: deque[Future[Made]] = deque()
    try:
        for task in tasks:
            waiting.append(pool.submit(make, task))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _alone() -> None:
    """A worker has one core, and dies of Ctrl-C without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pa.set_cpu_count(1)


def _reason(error: Exception, folder: WorldFolder) -> str | None:
    """Why a run stopped, where it may go on later; None for an error that would come again."""
    if isinstance(error, Unreachable | LogChanged | LakeConflict):
        return str(error)
    if getattr(error, "errno", None) in _FULL or any(words in str(error) for words in _FULL_WORDS):
        return f"The disk is full ({folder.path}): free some space."
    if isinstance(error, BrokenProcessPool):
        return "A worker was killed (is there memory for so many --workers?)."
    return None
