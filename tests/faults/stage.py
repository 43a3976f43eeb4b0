"""A deployment to break: broker, store and two consumers of each kind as processes, restarted when they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from local.services import Services
from local.services.process import Child
from local.services.workers import CLI, worker
from scv.errors import CerebroError, Unreachable
from scv.offline.lake import Lake
from scv.online.facts import Log
from scv.online.rowstore import RowStore
from scv.settings import PREFIX, Settings
from store.client import client
from store.flush import request_flush
from streams.kafka.log import Broker, Part, parts
from streams.positions.position import positions

WORDS = {
    "online": ["consume", "online"],
    "lake": ["consume", "lake"],
    "scorer": ["serve", "--insecure"],
    "reactor": ["react"],
}
"""By kind of member, the command that runs it."""
SESSION_MS = {"tansu": 1000, "kafka": 6000}
NEXT_STEP = re.compile(
    r"`cerebro |CEREBRO_|[Mm]ake room|[Rr]eading on|going back|paused until|Waiting up to|[Ss]tart|Built|begins"
)
"""What a line of a consumer's log says that a person can go by: what to do, or what it does by itself."""


class Stage:
    """Members by name (`online-1` …). One that ends is started again, as a supervisor would; `ends` counts that."""

    def __init__(self, services: Services, members: Sequence[str], **chosen: Any) -> None:
        broker, _ = services._names
        self.services = services
        fixed = {"broker": services.broker_address, "store": services.store_url, "home": str(services.home)}
        fixed |= {"partitions": 3, "session_ms": SESSION_MS[broker], "wait_s": 30}
        self.settings = Settings(**(fixed | chosen))
        self.environment = {
            PREFIX + name.upper(): str(value)
            for name in Settings.__struct_fields__
            if (value := getattr(self.settings, name))
        }
        self.members = {name: self._member(name) for name in members}
        self.ends: list[str] = []
        self.held: Callable[[], AbstractContextManager[None]] = nullcontext
        """Inside it no traffic comes."""
        self._down: set[str] = set()
        self._over = threading.Event()

    def _member(self, name: str, fault: str = "") -> Child:
        words = WORDS[name.partition("-")[0]]
        return worker(name, words, self.services.folder, {**self.environment, "CEREBRO_FAULT": fault})

    def run(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """A command of `cerebro` beside the members; what it says goes to a log."""
        with (self.services.folder / "commands.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, str(CLI), *words], env={**os.environ, **self.environment}, stdout=log, stderr=log
            )

    @property
    def store(self) -> Any:
        """A client of the store as it is now."""
        return client(self.settings, reads_only=True)

    def kill(self, name: str) -> None:
        """SIGKILL; it comes back by itself."""
        with suppress(ProcessLookupError, CerebroError):
            os.kill(self.members[name].pid, signal.SIGKILL)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """SIGSTOP at the begin, SIGCONT at the end: a zombie."""
        pid = self.members[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def arm(self, name: str, fault: str) -> None:
        """Start a member anew that kills itself at a fault point."""
        self._down.add(name)
        self.members[name].stop(kill=True)
        self.members[name] = self._member(name, fault)
        self.members[name].start()

    def disarm(self, name: str) -> bool:
        """Start it anew without; had it come to its point?"""
        reached = not self.members[name].alive
        self.members[name].stop(kill=True)
        self.members[name] = self._member(name)
        self.members[name].start()
        self._down.discard(name)
        return reached

    def recovered(self, within_s: float = 60.0) -> float:
        """Seconds until rows and lake hold all that the broker holds now, whatever comes meanwhile.

        Raises what stands in the way where they do not in time.
        """
        begun, ends = time.monotonic(), dict[Part, int]()
        while True:
            try:
                store, lake = RowStore(self.store), Lake(self.settings.lake_path)
                logs = store.logs()
                ends = ends or self._ends(logs)
                if ends and positions(store, lake, logs).hold(ends):
                    return time.monotonic() - begun
                request_flush(store.client)
                why: Exception = Unreachable("The consumers do not come to the end.")
            except (CerebroError, RedisError, OSError) as error:
                why = error
            if time.monotonic() - begun > within_s:
                raise why
            time.sleep(0.2)

    def _ends(self, logs: Mapping[str, Log]) -> dict[Part, int]:
        broker = Broker(self.settings)
        try:
            return broker.ends(parts(logs)) if logs else {}
        finally:
            broker.close()

    def all_end(self, since: int, within_s: float = 30.0) -> list[str]:
        """Until every member has ended by itself after so many ends; what the last words were."""
        deadline = time.monotonic() + within_s
        while True:
            said = self.ends[since:]
            if {words.partition(" ")[0] for words in said} >= self.members.keys():
                return said
            if time.monotonic() > deadline:
                raise Unreachable(f"Not every member noticed it: {said}")
            time.sleep(0.1)

    def mute(self) -> list[str]:
        """The last words of members that ended by themselves without saying what to do."""
        return [words for words in self.ends if not NEXT_STEP.search(words)]

    def __enter__(self) -> Stage:
        for member in self.members.values():
            member.start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self.recovered()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()
        for member in self.members.values():
            member.stop()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            for name, member in list(self.members.items()):
                if name in self._down or member.alive:
                    continue
                code = member._process.returncode if member._process else None
                if code not in (None, -signal.SIGKILL):
                    self.ends.append(f"{name} (exit {code}): {member.last_words()}")
                member.start()


@contextmanager
def stage(broker: str, store: str, home: Path, members: Sequence[str], **settings: Any) -> Iterator[Stage]:
    """A stage inside the `with`; everything is at work when it begins."""
    home.mkdir(parents=True, exist_ok=True)
    with Services(broker, store, home) as services, Stage(services, members, **settings) as made:
        yield made
