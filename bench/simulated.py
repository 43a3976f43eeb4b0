"""One simulated world in a process of its own: `python -m bench.simulated OPTIONS`, those of `cerebro simulate`."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

import cli
from proof.world import parts


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What it took: of one process, all its threads. `stages`: seconds of CPU by stage."""

    events: int
    bytes: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    stages: dict[str, float]

    @property
    def rate(self) -> float:
        """Events per second of one core."""
        return self.events / self.cpu_s


def simulate(options: Sequence[str]) -> Took:
    """Make the world with one worker, this process, whose imports are no part of it."""
    stages = defaultdict[str, float](float)
    for owner, name, stage in ((parts.life, "live", "lived"), (parts, "arrive", "made dirty")):
        setattr(owner, name, _timed(getattr(owner, name), stage, stages))
    began, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.run(["simulate", *options, "--json"])
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    counts = json.loads(out.getvalue())
    return Took(
        events=counts["events"],
        bytes=counts["bytes"],
        seconds=seconds,
        cpu_s=cpu_s,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        stages=dict(stages) | {"written": cpu_s - sum(stages.values())},
    )


def _timed(function: Callable[..., Any], stage: str, stages: dict[str, float]) -> Callable[..., Any]:
    def timed(*given: Any) -> Any:
        began = time.process_time()
        try:
            return function(*given)
        finally:
            stages[stage] += time.process_time() - began

    return timed


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(simulate(sys.argv[1:])))
