"""One mutant on trial: its own tests first, then the whole fast suite of the domain; one red test is enough."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from scv.errors import CerebroError
from tests.mutants.mutant import Mutant
from tests.mutants.tree import Tree
from tests.mutants.witness import WITNESS, Seen

SUITE = ("tests/rules", "tests/parity", "tests/scv_model")
TEST_S = 180
"""Of one test: the slowest takes some seconds, on a machine that is otherwise idle."""
RUN_S = 900
"""Of one pytest run."""

Verdict = Literal["killed", "timed out", "SURVIVED", "BROKEN"]
DEAD: tuple[Verdict, ...] = ("killed", "timed out")


class ControlFailed(CerebroError):
    """The suite is red, or judges other files, without any fault: nothing that it says would mean a thing."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mutant: the test that saw it, what that test said, and after how long."""

    mutant: str
    file: str
    rule: str
    verdict: Verdict
    by: str = ""
    said: str = ""
    seconds: float = 0.0
    expected: bool = True
    """Was it one of the mutant's own tests?"""


class Court:
    """Tries mutants in copies of the source; the first use of any tests is preceded by a run without a fault."""

    def __init__(self, suite: Sequence[str] = SUITE) -> None:
        self.suite = suite
        self.running: set[subprocess.Popen[str]] = set()
        self._lock, self._green, self._stopped = threading.Lock(), False, False

    def control(self, tree: Tree, tests: Sequence[str]) -> Seen:
        """These tests on the source as it is. Raises ControlFailed unless they are green."""
        seen = self._run(tree, tests)
        if seen.failed or not seen.passed:
            what = f"{seen.failed}: {seen.error}" if seen.failed else "no test was run"
            raise ControlFailed(f"Without any fault the tests are not green ({what}). Mend that first.")
        return seen

    def try_one(self, tree: Tree, mutant: Mutant) -> Outcome:
        """Its own tests, and if none of them sees it every other one."""
        begun = time.monotonic()
        with tree.faulty(mutant):
            seen = self._run(tree, mutant.killers)
        expected = bool(seen.failed)
        if not seen.failed:
            self._suite_is_green(tree)
            with tree.faulty(mutant):
                seen = self._run(tree, self.suite)
        verdict: Verdict = "SURVIVED"
        if seen.failed:
            verdict = "BROKEN" if seen.broken else "timed out" if seen.timed_out else "killed"
        return Outcome(
            mutant=mutant.name, file=mutant.file, rule=mutant.rule, verdict=verdict, by=seen.failed, said=seen.error,
            seconds=round(time.monotonic() - begun, 1), expected=expected,
        )  # fmt: skip

    def stop(self) -> None:
        """End the runs that are under way, and begin no other."""
        self._stopped = True
        for process in list(self.running):
            _kill(process)

    def _suite_is_green(self, tree: Tree) -> None:
        with self._lock:
            if not self._green:
                self.control(tree, self.suite)
                self._green = True

    def _run(self, tree: Tree, tests: Sequence[str]) -> Seen:
        if self._stopped:
            raise ControlFailed("Interrupted.")
        told = tree.folder / "witness.json"
        told.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.witness"]
        command += ["-m", "not real and not slow", "-o", f"timeout={TEST_S}", *tests]
        process = subprocess.Popen(
            command, cwd=tree.folder, env=_environment(tree.folder, told), start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.running.add(process)
        try:
            output, _ = process.communicate(timeout=RUN_S)
        except subprocess.TimeoutExpired:
            return Seen(failed="(the whole run)", error=f"longer than {RUN_S} s", timed_out=True)
        finally:
            _kill(process)
            self.running.discard(process)
        if not told.exists():
            return Seen(failed="(pytest itself)", error=output[-300:], broken=True)
        seen = msgspec.json.decode(told.read_bytes(), type=Seen)
        if seen.elsewhere:
            raise ControlFailed(f"The run in {tree.folder} loaded {seen.elsewhere[0]}: it tested other files.")
        return seen


def _environment(folder: Path, told: Path) -> dict[str, str]:
    """Ours without settings; modules come from the copy, and no compiled one of the fault before this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CEREBRO_")}
    return kept | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", WITNESS: str(told)}


def _kill(process: subprocess.Popen[str]) -> None:
    """A run and the stores that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
