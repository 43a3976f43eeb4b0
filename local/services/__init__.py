"""The parts that Cerebro stands on, as child processes on loopback: a broker and a store."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import click

from local.services.process import Child, interruptible, raise_if_interrupted, uninterrupted
from local.services.store import Store
from scv import atomic as whole
from scv.errors import UnknownName, Unreachable, UserError
from scv.settings import services_file

__all__ = ["BROKERS", "STORES", "Services", "interruptible", "uninterrupted"]

BROKERS = ("tansu", "kafka")
STORES = ("valkey", "redis")
WATCH_S = 0.2


class BrokerService(Protocol):
    """Tansu or Kafka: `start` returns when it answers; `stop` may be called at any time; both keep the address."""

    name: str
    address: str
    port: int
    child: Child

    def start(self) -> None: ...

    def stop(self, kill: bool = False) -> None: ...


class Services:
    """A broker and a store that run inside the `with`, and HOME/services.env that says where.

    Logs, and Kafka's data, are kept in HOME/services. One per HOME: raises UserError when another runs there, when
    a name is unknown (UnknownName) or when a program is missing; Unreachable when a part does not come up.
    """

    def __init__(self, broker: str = "tansu", store: str = "valkey", home: Path = Path("var")) -> None:
        if broker not in BROKERS:
            raise UnknownName("broker", broker, BROKERS)
        if store not in STORES:
            raise UnknownName("store", store, STORES)
        self.home = home.resolve()
        self.folder = self.home / "services"
        self._names = (broker, store)
        self._lock: int | None = None
        self._more: dict[str, str] = {}
        self._state = ""
        self._broker: BrokerService | None = None
        self._store: Store | None = None

    def __enter__(self) -> Services:
        try:
            with uninterrupted():  # Ctrl-C ends the waiting for a part, never a half-made one
                self._start()
        except BaseException:  # `with` calls no __exit__ for an __enter__ that raised
            self.stop()
            raise
        return self

    def _start(self) -> None:
        self._lock_home()
        self._broker = _started(lambda: _broker(self._names[0], self.folder))
        self._store = _started(lambda: _store(self._names[1], self.folder))
        self._write()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def broker(self) -> BrokerService:
        if self._broker is None:
            raise UserError("The services are not started. Use `with Services(…)`.")
        return self._broker

    @property
    def store(self) -> Store:
        if self._store is None:
            raise UserError("The services are not started. Use `with Services(…)`.")
        return self._store

    @property
    def broker_address(self) -> str:
        return self.broker.address

    @property
    def store_url(self) -> str:
        return self.store.url

    def environment(self) -> dict[str, str]:
        """The settings that lead a process to these services."""
        return {"CEREBRO_BROKER": self.broker_address, "CEREBRO_STORE": self.store_url, **self._more}

    def announce(self, state: str, more: Mapping[str, str] = {}) -> None:
        """Say in HOME/services.env how far the start is, and add settings, such as where the scorer listens."""
        self._state = state
        self._more |= more
        self._write()

    def kill_broker(self) -> None:
        """SIGKILL, as a crash would."""
        self.broker.stop(kill=True)

    def restart_broker(self, kill: bool = False) -> None:
        """Stops and starts it at its address. Tansu comes back empty, Kafka with everything acknowledged."""
        self.broker.stop(kill=kill)
        self.broker.start()

    def restart_store(self, kill: bool = False) -> None:
        """Stops and starts it at its address. It comes back empty."""
        self.store.stop(kill=kill)
        self.store.start()

    def watch(self, others: Sequence[Child] = ()) -> None:
        """Never returns; raises Unreachable when a part (or one of `others`) ends by itself."""
        while True:
            raise_if_interrupted()
            for child in (self.broker.child, self.store.child, *others):
                child.check()
            time.sleep(WATCH_S)

    def stop(self) -> None:
        """Removes the file, then stops both; a second Ctrl-C waits until all is gone. May be called twice."""
        with uninterrupted():
            if self._lock is not None:
                services_file(self.home).unlink(missing_ok=True)
            for part in (self._store, self._broker):
                if part is not None:
                    part.stop()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _lock_home(self) -> None:
        # The lock is on the folder itself: it leaves no file, and the kernel drops it however this process ends.
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise UserError(
                f"Services of {self.home} run already; {services_file(self.home)} says where. "
                "Use them, stop them, or set CEREBRO_HOME to another folder."
            ) from error
        self._lock = lock
        services_file(self.home).unlink(missing_ok=True)  # of one that was killed: its process id means nothing now

    def _write(self) -> None:
        said = [f"# process {os.getpid()}", *([f"# {self._state}"] if self._state else [])]
        lines = [*said, *(f"{key}={value}" for key, value in self.environment().items())]
        whole.write(services_file(self.home), ("\n".join(lines) + "\n").encode())


Part = TypeVar("Part", BrokerService, Store)


def _started(make: Callable[[], Part]) -> Part:
    """A part that answers, made again once where the first does not come up: another program may have taken its port
    between our look and its start, and on a busy machine one was seen that never wrote its first line.
    """
    try:
        return _start(make())
    except Unreachable as error:
        click.echo(f"{str(error).splitlines()[0]} It is started once more.", err=True)
        return _start(make())


def _start(part: Part) -> Part:
    try:
        part.start()
    except BaseException:
        part.stop()
        raise
    return part


def _broker(name: str, folder: Path) -> BrokerService:
    if name == "kafka":
        from local.services.kafka import Kafka

        return Kafka(folder)
    from local.services.tansu import Tansu

    return Tansu(folder)


def _store(name: str, folder: Path) -> Store:
    if name == "redis":
        from local.services.redis import redis

        return redis(folder)
    from local.services.valkey import valkey

    return valkey(folder)
