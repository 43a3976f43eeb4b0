"""Commands of `cerebro` as processes that are killed: forked off one that has imported everything, so that an instant
drawn at random falls into their work, not into their imports.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import cli

NEEDED = (
    "commands.export", "commands.fetch", "commands.simulate", "commands.train", "commands.tuesday", "commands.week",
    "feast.infra.offline_stores.duckdb", "feature_repo.feast_store", "lightgbm", "proof.simulation",
    "scorer.feedback.validation", "scorer.tuesday.export", "scv.offline.fetch", "trainer.past", "trainer.train",
)  # fmt: skip
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
COUNT = -1
"""Instead of the write to die at: say how many there were."""
LONGEST_S = 120.0
_context = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Played:
    """How a command ended: its exit code (negative: the signal), what it printed, its seconds."""

    code: int
    said: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def writes(self) -> int:
        """How many there were, where they were counted."""
        return int(self.said.rpartition("writes: ")[2])


class Player:
    """A command at work. `dies_at`: it kills itself before so many of its writes (from 1; 0: never)."""

    def __init__(self, words: Sequence[str], settings: Mapping[str, str], log: Path, dies_at: int = 0) -> None:
        self._log, self._begun = log, time.monotonic()
        self._process: ForkServerProcess = _context.Process(target=_play, args=(words, settings, log, dies_at))
        self._process.start()

    def kill_at(self, age_s: float) -> None:
        """SIGKILL at that age, unless it has ended by itself."""
        self._process.join(max(0.0, self._begun + age_s - time.monotonic()))
        self._process.kill()

    def end(self) -> Played:
        """Wait for its end. Raises TimeoutError where it does not come to one."""
        self._process.join(LONGEST_S)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"a command still runs after {LONGEST_S:.0f} s: {self._log.read_text()}")
        said = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return Played(self._process.exitcode, said, time.monotonic() - self._begun)


def ready() -> None:
    """Have the process at hand off which commands are forked."""
    _context.set_forkserver_preload(list(NEEDED))


def _play(words: Sequence[str], settings: Mapping[str, str], log: Path, dies_at: int) -> None:
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.environ.update(settings)
    count = itertools.count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
        if (writes or event in WRITES) and next(count) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = cli.main(list(words))
    if dies_at == COUNT:
        os.write(2, f"writes: {next(count) - 1}\n".encode())
    sys.exit(code)
