"""A command in a session of its own, by which everything that it started can be found and ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from tests.processes import of_session

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
METRICS = re.compile(r"CEREBRO_METRICS=\S+")


def clean_environment(more: Mapping[str, str] = {}) -> dict[str, str]:
    """This process's environment without any setting of Cerebro."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CEREBRO_")} | dict(more)


class Session:
    """Runs inside the `with`; whatever is left at its end is killed."""

    def __init__(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str], out: Path) -> None:
        self.out = out
        with out.open("wb") as said:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=dict(environment), stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pid in self.relatives():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    @property
    def said(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace")

    def relatives(self) -> list[int]:
        """Every living process of the session, the command itself included."""
        return of_session(self.process.pid)

    def end(self, number: int) -> int:
        """Send a signal to the command alone; its exit code as a shell reports it."""
        self.process.send_signal(number)
        code = self.process.wait(40)
        return 128 - code if code < 0 else code

    def wait(self, happened: Callable[[], bool], within_s: float = 60) -> None:
        """Until something happened while the command runs."""
        deadline = time.monotonic() + within_s
        while not happened():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)


def ports(text: str) -> list[int]:
    """The loopback ports that a text names, but for that of metrics: it is no free one, another home may have it."""
    return sorted({int(port) for port in ADDRESS.findall(METRICS.sub("", text))})


def listens(port: int) -> bool:
    """Does anybody take connections there?"""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
