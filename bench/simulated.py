"""One simulated world in a process of its own: `python -m bench.simulated WISH`, JSON in and JSON out."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from proof.world import parts
from proof.world.dirt import TAKEN
from proof.world.folder import WorldFolder, WorldPlan, fingerprint
from proof.world.production import Production
from proof.world.sink_files import Files, Sink
from proof.world.sink_lake import LakeSink
from proof.world.world import World
from scv.events import country
from scv.settings import Settings


class Wished(msgspec.Struct, frozen=True, kw_only=True):
    """Which world; it is left in `folder`."""

    customers: int
    weeks: int
    folder: str
    to: str = "parquet"
    code: str = "ZZ"
    seed: int = 7


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What it took: of one process, all its threads. `stages`: seconds of CPU by stage."""

    events: int
    bytes: int
    chunks: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    stages: dict[str, float]

    @property
    def rate(self) -> float:
        """Events per second of one core."""
        return self.events / self.cpu_s


def simulate(wished: Wished) -> Took:
    """Make the world with one worker, this process."""
    stages: Counter[str] = Counter()
    for owner, name, stage in ((parts.life, "live", "lived"), (parts, "arrive", "made dirty")):
        setattr(owner, name, _timed(getattr(owner, name), stage, stages))
    settings = Settings(home=str(Path(wished.folder) / "home"))
    world = World(country.load(wished.code), wished.customers, wished.weeks, wished.seed)
    folder = WorldFolder(Path(wished.folder) / "world")
    sink: Sink = LakeSink(folder, [world], settings) if wished.to == "lake" else Files(folder, f".{wished.to}")
    plan = WorldPlan(
        to=wished.to,
        countries={wished.code: fingerprint(world.country)},
        customers=wished.customers,
        weeks=wished.weeks,
        seed=wished.seed,
        dirt=TAKEN,
        partitions=sink.partitions,
    )
    began, cpu = time.perf_counter(), time.process_time()
    counts = Production(plan, [world], folder, sink, country.known()).run(False, 1, _silent, "")
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Took(
        events=counts["events"],
        bytes=counts["bytes"],
        chunks=counts["chunks"],
        seconds=seconds,
        cpu_s=cpu_s,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        stages=dict(stages) | {"written": cpu_s - sum(stages.values())},
    )


def _timed(function: Callable[..., Any], stage: str, stages: Counter[str]) -> Callable[..., Any]:
    def timed(*given: Any) -> Any:
        began = time.process_time()
        try:
            return function(*given)
        finally:
            stages[stage] += time.process_time() - began

    return timed


def _silent(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{what} {done}/{total} ")


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(simulate(msgspec.json.decode(sys.argv[1], type=Wished))))
