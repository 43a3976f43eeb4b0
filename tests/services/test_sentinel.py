"""A store that fails over: the primary is killed, Sentinel names another, and a client goes on with that."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from local.services.process import LOOPBACK, Child, free_port
from local.services.redis import binary
from scv.errors import BadSetting
from scv.online.request import command
from scv.settings import Settings
from store.client import UNWELL, Patience, client, shown

BRISK = Patience(answer_s=0.5, connect_s=0.5)
WATCH = """\
port {port}
dir {folder}
sentinel monitor rows {host} {primary} 1
sentinel down-after-milliseconds rows 500
sentinel failover-timeout rows 3000
"""


class Watched:
    """A primary, a replica and one Sentinel."""

    def __init__(self, folder: Path) -> None:
        self.ports = [free_port() for _ in range(3)]
        first, second, watcher = self.ports
        said = folder / "sentinel.conf"
        said.write_text(WATCH.format(port=watcher, folder=folder, host=LOOPBACK, primary=first))
        plain = [str(binary()), "--save", "", "--dir", str(folder), "--repl-diskless-sync-delay", "0"]
        self.primary = Child("primary", [*plain, "--port", str(first)], folder / "primary.log")
        replica = [*plain, "--port", str(second), "--replicaof", LOOPBACK, str(first)]
        self.replica = Child("replica", replica, folder / "replica.log")
        self.sentinel = Child("sentinel", [str(binary()), str(said), "--sentinel"], folder / "sentinel.log")
        self.url = f"sentinel://{LOOPBACK}:{watcher}/rows/0"

    def start(self) -> None:
        for child in (self.primary, self.replica, self.sentinel):
            child.start()
        self.sentinel.wait_ready(self._in_step, 20)

    def _in_step(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis(port=self.ports[2]) as asked:
            knows = asked.execute_command("SENTINEL", "REPLICAS", "rows")
            with redis.Redis(port=self.ports[1]) as replica:
                return bool(knows) and replica.info("replication")["master_link_status"] == "up"
        return False

    def stop(self) -> None:
        for child in (self.sentinel, self.replica, self.primary):
            child.stop()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.mark.real
def test_a_client_goes_on_with_the_new_primary(watched: Watched) -> None:
    with client(Settings(store=watched.url), BRISK) as store:
        store.set("row", "1")
        assert store.exchange(command("GET", "row"), 1) == [b"1"]
        time.sleep(0.2)  # the replica has it
        watched.primary.stop(kill=True)
        raised, end = 0, time.monotonic() + 20
        while True:
            try:
                store.set("row", "2")
                break
            except UNWELL:
                raised += 1
                assert time.monotonic() < end
                time.sleep(0.1)
        assert raised, "whoever wrote before is told that it may be gone"
        assert store.exchange(command("GET", "row"), 1) == [b"2"]
        assert store.connection_pool.master_address[1] == watched.ports[1]


@pytest.mark.parametrize("url", ["sentinel://", "sentinel:///rows", "sentinel://host", "sentinel://host:x/rows"])
def test_a_url_that_names_nothing_is_told(url: str) -> None:
    with pytest.raises(BadSetting, match="CEREBRO_STORE"):
        client(Settings(store=url))


def test_a_password_is_not_shown() -> None:
    url = "sentinel://:secret@one:26379,two:26379/rows/0"
    assert "secret" not in shown(Settings(store=url)) and "two:26379" in shown(Settings(store=url))
    made = client(Settings(store=url)).connection_pool
    assert made.service_name == "rows" and made.connection_kwargs["password"] == "secret"
