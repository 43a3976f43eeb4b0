"""Does the jobs one after the other, each in processes of its own, and goes on after one that died.

A fetcher that was alone at work when its process died is failed; where several were, they are tried again one at a
time. The other cells go on in the next process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from console.jobs import OPEN, Cell, Jobs
from console.order import FetchPlan
from console.problem import BUG, words
from console.work import PieceTrouble
from scv.settings import Settings
from scv.talk import say

COMMAND = (sys.executable, "-m", "console.work")
PATIENCE_S = 5.0
_ROOT = Path(__file__).parents[1]


class Runner(threading.Thread):
    """The thread that works; `wake` it when there is a new job, `stop` it when the console ends."""

    def __init__(self, settings: Settings, jobs: Jobs, command: Sequence[str] = COMMAND) -> None:
        super().__init__(name="runner", daemon=True)
        self._settings, self._jobs, self._command = settings, jobs, command
        self._due, self._lock = threading.Event(), threading.Lock()
        self._stopping, self._cancelled = threading.Event(), set[str]()
        self._process: subprocess.Popen[bytes] | None = None
        self._at = ""

    def wake(self) -> None:
        self._due.set()

    def stop(self) -> None:
        """End the process at work; its job goes on when the next console starts."""
        with self._lock:
            self._stopping.set()
            self._kill()
        self.wake()
        if self.is_alive():
            self.join(2 * PATIENCE_S)

    def cancel(self, job_id: str) -> None:
        """End a job that waits or runs; one that ended stays as it is."""
        with self._lock:
            job = self._jobs.job(job_id)
            if job is None or job["state"] not in OPEN:
                return
            self._cancelled.add(job_id)
            if self._at == job_id:
                self._kill()
            else:
                self._jobs.end(job_id, cancelled=True)

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def run(self) -> None:
        """Until `stop`."""
        self._jobs.put_back()
        while not self._stopping.is_set():
            self._due.clear()
            with self._lock:
                taken = None if self._stopping.is_set() else self._jobs.take()
                self._at = taken[0] if taken else ""
            if taken is None:
                self._due.wait()
                continue
            try:
                self._do(*taken)
            except Exception as error:  # whatever it is, the next job is done
                say(f"Job {taken[0]} came to nothing: {type(error).__name__}: {error}")
                self._jobs.end(taken[0], error=BUG)

    def _do(self, job_id: str, plan: FetchPlan) -> None:
        """A job, in as many processes as it takes."""
        pieces, fruitless, trouble = [plan], 0, ""
        while pieces and not trouble and not self._ended(job_id):
            before = self._open(job_id)
            code, trouble = self._process_of(job_id, pieces[0])
            pieces = pieces[1:]
            if code and not trouble and not self._ended(job_id):
                say(f"Job {job_id}: its process ended with {_ending(code)}.")
                self._blame(job_id, code)
                fruitless = fruitless + 1 if self._open(job_id) >= before else 0
                trouble = f"Its process ended with {_ending(code)} before it came to anything." if fruitless > 1 else ""
                pieces = self._left(job_id, plan)
        with self._lock:
            self._at, cancelled = "", job_id in self._cancelled
            self._cancelled.discard(job_id)
            if cancelled or not self._stopping.is_set():
                self._jobs.end(job_id, cancelled, "" if cancelled else trouble)

    def _ended(self, job_id: str) -> bool:
        return self._stopping.is_set() or job_id in self._cancelled

    def _open(self, job_id: str) -> int:
        return sum(cell.state in OPEN for cell in self._jobs.cells(job_id))

    def _process_of(self, job_id: str, piece: FetchPlan) -> tuple[int, str]:
        """Run a piece; the exit code (negative: a signal) and why it came to nothing, if that was said."""
        environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])}
        with self._lock:
            if self._ended(job_id):
                return 0, ""
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
            )
        process, trouble = self._process, ""
        assert process.stdin is not None and process.stdout is not None
        with process:
            process.stdin.write(msgspec.json.encode(piece) + b"\n")
            process.stdin.flush()
            for line in process.stdout:
                one = msgspec.json.decode(line)
                if "trouble" in one:
                    trouble = msgspec.convert(one, PieceTrouble).trouble
                    continue
                cell = msgspec.convert(one, Cell)
                self._jobs.tell(job_id, [msgspec.structs.replace(cell, error=words(cell.error))])
            code = process.wait()  # before its standard input ends, which would end it
        return code, words(trouble)

    def _blame(self, job_id: str, code: int) -> None:
        """Cells at work when a process died: failed if one fetcher was, otherwise tried again."""
        running = [cell for cell in self._jobs.cells(job_id) if cell.state == "running"]
        alone = len({(cell.country, cell.fetcher) for cell in running}) == 1
        state, error = ("failed", f"Its process ended with {_ending(code)}.") if alone else ("queued", "")
        self._jobs.tell(job_id, [msgspec.structs.replace(cell, state=state, error=error) for cell in running])

    def _left(self, job_id: str, plan: FetchPlan) -> list[FetchPlan]:
        """What is still to be done, one fetcher at a time: whole snapshots of countries without a failure, and of the
        others the fetchers that were not reached.
        """
        cells, pieces = self._jobs.cells(job_id), list[FetchPlan]()
        for code, ats in plan.references.items():
            mine = [cell for cell in cells if cell.country == code]
            broken = any(cell.state == "failed" for cell in mine)
            names = list(dict.fromkeys(cell.fetcher for cell in mine if cell.state == "queued"))
            whole = not plan.fetchers and not broken  # what was done of it went with the process
            if whole or names:
                pieces.append(FetchPlan(references={code: ats}, fetchers=[] if whole else names, workers=1))
        return pieces


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
