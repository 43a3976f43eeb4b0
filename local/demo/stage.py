"""The demo's stage: every service in one supervised process, and the replay that moves its clock."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

from local.services import leash
from local.services.workers import CLI, READY_S
from scv import settings as configuration
from scv.errors import Unreachable, UserError
from scv.online.rowstore import RowStore
from scv.settings import PREFIX
from streams.connection import connect_store
from streams.positions.barrier import barrier
from streams.replay.history import History
from streams.replay.sender import Summary, replay

MARK = ".demo"
"""Stands in a folder that the demo made and may empty again."""
PATIENCE_S = 40.0


class Stage:
    """Broker, store, consumers and scorer inside the `with`, over an emptied HOME.

    They end with the `with`, however it ends, unless `stay` was called. Raises UserError where HOME holds
    something that no demo wrote.
    """

    def __init__(self, broker: str, store: str) -> None:
        self.settings = configuration.load()
        self._command = [sys.executable, str(CLI), "up", "--all", "--leash", "--broker", broker, "--store", store]
        self._process: subprocess.Popen[bytes] | None = None
        self._stays = False
        self.replayed = 0
        self.replay_s = 0.0

    def __enter__(self) -> Stage:
        _empty(self.settings.home_path)
        log = self.settings.home_path / "services" / "up.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=out, stderr=out, process_group=0
                )
            self._wait(log)
        except BaseException:
            self._stop()
            raise
        self.settings = configuration.load()
        self.client = connect_store(self.settings)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and self._stays and self._process and self._process.stdin:
            self._process.stdin.write(f"{leash.STAY}\n".encode())
            self._process.stdin.close()
            self._process = None
        self._stop()

    def stay(self) -> None:
        """Leave the services up when the `with` ends well."""
        self._stays = True

    def play(
        self, source: Path, since: datetime | None, until: datetime, advance: Callable[[int, int], None] | None = None
    ) -> Summary:
        """Replay `[since, until)` and wait until both consumers stand at `until`."""
        begun = time.monotonic()
        with History(source, None, False, self.settings.memory, self.settings.threads) as history:
            sent = replay(history, self.settings, since, until, None, show=False)
        barrier(self.settings, RowStore(self.client), progress=advance)
        self.replayed += sent.total
        self.replay_s += time.monotonic() - begun
        return sent

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + READY_S
        path = configuration.services_file(self.settings.home_path)
        while not (path.exists() and PREFIX + "SCORER" in path.read_text(encoding="utf-8")):
            if time.monotonic() > deadline or (self._process and self._process.poll() is not None):
                raise Unreachable(
                    f"The services did not come up. {log} says:\n{log.read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.05)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C waits until all is gone
        try:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        finally:
            signal.signal(signal.SIGINT, previous)


def _empty(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise UserError(
            f"{home} holds something that no demo wrote, and the demo begins with an empty folder. "
            "Move it away, or set CEREBRO_HOME to another folder."
        )
    if configuration.services_file(home).exists():
        raise UserError(f"Services of {home} run. `cerebro down` stops them; then start the demo again.")
    for path in home.iterdir() if home.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()
