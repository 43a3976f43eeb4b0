"""A stream's contender in a process of its own: `python -m bench.contender FILE`, which says what to run.

It imports what it needs and says so (.ready beside the file), waits for .go, and writes its answer to .done.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import msgspec

from scv.settings import Settings
from streams.online.consumer import OnlineConsumer
from terminal import garbage


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`batch` 0: our consumer. Otherwise a Faust agent that pushes so many events at once, `events` in all."""

    settings: Settings
    batch: int = 0
    events: int = 0
    store: str = ""
    folder: str = ""
    group: str = ""


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """How long events took, from the first one at hand to the last one written; `checked` values were equal."""

    events: int
    seconds: float
    cpu_s: float
    checked: int = 0

    @property
    def rate(self) -> float:
        return self.events / self.seconds


class Watched(OnlineConsumer):
    """The online consumer, and when its first round with records began and its last one ended."""

    began: tuple[float, float] | None = None
    ended = (0.0, 0.0)

    def _round(self) -> bool:
        now = time.perf_counter(), time.process_time()
        worked = super()._round()
        if worked:
            self.began = self.began or now
            self.ended = time.perf_counter(), time.process_time()
        return worked


def ours(task: Task) -> Took:
    """The online consumer over everything that the topics hold."""
    consumer = Watched(task.settings)
    counters = consumer.run(threading.Event(), until_idle=True)
    assert consumer.began and counters.delivered == counters.admitted, counters.facts()
    wall, cpu = (end - begin for begin, end in zip(consumer.began, consumer.ended, strict=True))
    return Took(events=counters.delivered, seconds=wall, cpu_s=cpu)


def beside(path: Path, sign: str) -> Path:
    """The file that says `ready`, `go` or `done` of a task."""
    return path.with_suffix(f".{sign}")


def wait(path: Path) -> None:
    """Say that everything is imported, and wait for the sign to go."""
    beside(path, "ready").touch()
    while not beside(path, "go").exists():
        time.sleep(0.02)


def finish(path: Path, took: Took) -> None:
    beside(path, "done").write_bytes(msgspec.json.encode(took))


def main(path: Path) -> None:
    garbage.rarely()  # as `cerebro consume` does; a peer has the same
    task = msgspec.json.decode(path.read_bytes(), type=Task)
    if task.batch == 0:
        wait(path)
        finish(path, ours(task))
        return
    from bench import agent  # only here: our own process needs neither Faust nor Feast

    wait(path)
    agent.run(task, lambda took: finish(path, took))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
