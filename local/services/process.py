"""One child process: started, waited for, stopped, and never left behind.

Four nets, each for an exit the one before cannot see: `stop`, the caller's context manager, `atexit`, and on Linux
the kernel's parent-death signal (SIGKILL of this process). A child has a process group of its own, so that Ctrl-C
in the terminal reaches this process first and it decides the order of the end.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from scv.errors import Unreachable, UserError

LOOPBACK = "127.0.0.1"
POLL_S = 0.02
PATIENCE_S = 10.0
TAIL_LINES = 15
AGAIN_S = 20.0
"""Longer than any way out takes; then an interrupt counts as lost and is raised again."""
REPEAT_S = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TIED = [sys.executable, "-I", "-S", str(Path(__file__).with_name("pdeathsig.py"))]

_running: set[Child] = set()
_asked: list[int] = []  # the signals that asked this process to end and have not done so yet


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Does nobody listen on this TCP port of loopback now?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one whose last connection only just ended is
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


class Child:
    """A program that runs beside us and logs to one file.

    `ends_with` is the signal that ends it: SIGKILL where nothing is worth saving. Start it from a thread that lives
    as long as it should: the kernel's parent-death signal counts threads, not processes. One that `outlives` us has
    only the other nets, and none once it was let go.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ends_with: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
        outlives: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._ends_with = ends_with
        self._environment = dict(os.environ) | dict(environment or {})
        self._outlives = outlives
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")  # a new child starts a new log; a restart appends to it

    @property
    def pid(self) -> int:
        """Process id; raises Unreachable when it does not run."""
        if self._process is None:
            raise Unreachable(f"{self.name} is not running. Start it first.")
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The code that it ended with; None while it runs, and before it ran."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts it, without waiting for anything; raises UserError when the program cannot be run."""
        if self.alive:
            return
        with uninterrupted(), self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    self._tied(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    process_group=0,
                )
            except OSError as error:
                raise UserError(f"{self.name}: cannot run {self._command[0]}: {error}.") from error
            _running.add(self)

    def _tied(self) -> list[str]:
        """The command, which the kernel ends with us where it can."""
        if self._outlives or sys.platform != "linux":
            return self._command
        if shutil.which(self._command[0], path=self._environment.get("PATH")) is None:
            raise UserError(f"{self.name}: cannot run {self._command[0]}: there is no such program.")
        return [*TIED, str(os.getpid()), str(int(self._ends_with)), *self._command]

    def wait_ready(self, answers: Callable[[], bool], within_s: float) -> None:
        """Returns once `answers` is true (OSError counts as false).

        Raises Unreachable, with the log's last lines, when the child ends or the deadline passes first.
        """
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            raise_if_interrupted()
            self.check()
            try:
                # Alive after the answer too: a stranger may have taken the port and answered in its place.
                if answers() and self.alive:
                    return
            except OSError:
                pass
            time.sleep(POLL_S)
        raise Unreachable(f"{self.name} did not answer within {within_s:g} s. {self.last_words()}")

    def wait_done(self, within_s: float) -> None:
        """Returns once it ended with code 0; raises Unreachable when it failed or took too long."""
        deadline = time.monotonic() + within_s
        while self.alive:
            raise_if_interrupted()
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.name} did not finish within {within_s:g} s. {self.last_words()}")
            time.sleep(POLL_S)
        if self._process is None or self._process.returncode != 0:
            self.check()

    def check(self) -> None:
        """Raises Unreachable, with the log's last lines, when it does not run."""
        if not self.alive:
            code = self._process.returncode if self._process else "none"
            raise Unreachable(f"{self.name} ended by itself (exit code {code}). {self.last_words()}")

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        shown = "\n".join("  " + line for line in lines) or "  (empty)"
        return f"Last lines of {self.log}:\n{shown}"

    def let_go(self) -> None:
        """It goes on by itself: whoever stops it, it is not us."""
        _running.discard(self)
        self._process = None

    def stop(self, kill: bool = False, patience_s: float = PATIENCE_S) -> None:
        """Ends it and waits: its own signal, then SIGKILL after `patience_s`; SIGKILL at once with `kill`."""
        with uninterrupted():
            process, self._process = self._process, None
            if process is not None:
                _end(process, signal.SIGKILL if kill else self._ends_with, patience_s)
            _running.discard(self)


def _end(process: subprocess.Popen[bytes], first: signal.Signals, patience_s: float) -> None:
    for number in (first, signal.SIGKILL):
        if process.poll() is None:
            # A SIGSTOPped child would keep a SIGTERM waiting for ever; SIGCONT lets it be heard.
            os.killpg(process.pid, number)
            os.killpg(process.pid, signal.SIGCONT)
        try:
            process.wait(patience_s)
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that `finally` and `with` run.

    SIGINT too, even where the shell that put us in the background had it ignored; a SIGHUP ignored by nohup stays so.
    """
    last = -REPEAT_S
    again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True

    def interrupt(number: int, _frame: FrameType | None) -> None:
        # `timeout`, make and a terminal may send two at once: the second must not interrupt the way out of the first.
        nonlocal last
        before, last = last, time.monotonic()
        if again.ident is None:
            again.start()  # a C extension's callback may swallow the exception: then it comes once more
        _asked.append(number)
        if last - before >= REPEAT_S:
            raise_if_interrupted()

    wanted = [s for s in SIGNALS if s is not signal.SIGHUP or signal.getsignal(s) is not signal.SIG_IGN]
    try:
        with _handled(wanted, interrupt):
            yield
    except Exception as error:  # C extensions turn an interrupt into a SystemError or an ImportError of theirs
        if _asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        again.cancel()
        _asked.clear()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Inside, a signal only interrupts the loops here that wait; what came is delivered at the end.

    For what an exception must not cut: clearing up, and imports of C extensions (DuckDB's aborts the process).
    Handlers and not a signal mask: another thread of this process could take a masked signal.
    """
    known = len(_asked)
    try:
        with _handled(SIGNALS, lambda number, _frame: _asked.append(number)):
            yield
    finally:
        came = _asked[known:]
        del _asked[known:]
        for number in came[:1]:
            signal.raise_signal(number)


def raise_if_interrupted() -> None:
    """For loops that wait: raises KeyboardInterrupt when a signal came whose own exception was held back or lost."""
    if _asked:
        raise KeyboardInterrupt(signal.Signals(_asked[-1]).name)


@contextmanager
def _handled(numbers: Sequence[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread handles signals: nothing can interrupt this one
        return
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


@atexit.register
def _stop_all() -> None:
    for child in list(_running):
        if child._owner == os.getpid():  # not in a fork that inherited the list
            child.stop()
