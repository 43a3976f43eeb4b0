"""Who is asked to end ends: at once while it waits to begin, and within seconds whatever its clients do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import streams.member
from scv.errors import Stopped
from scv.settings import Settings
from store.lock import locked
from streams.kafka import librdkafka
from streams.kafka.librdkafka import let_go
from streams.lake.consumer import LakeConsumer
from tests.streams.shop import ROOT

NOWHERE = Settings(store="redis://127.0.0.1:1/0", broker="127.0.0.1:1", wait_s=60)
AT_ONCE_S = 5.0


@pytest.mark.parametrize("missing", ["store", "broker"])
def test_a_consumer_that_waits_to_begin_ends_at_once(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def answers(*_: object) -> Iterator[object]:
        yield SimpleNamespace(prefix="t", register_script=lambda _: None)

    if missing == "broker":
        monkeypatch.setattr(streams.member, "connect", answers)
    said, stop = [], threading.Event()

    def hear(text: str) -> None:
        said.append(text)
        stop.set()

    begun = time.monotonic()
    assert LakeConsumer(NOWHERE, hear).run(stop).taken == 0
    assert time.monotonic() - begun < AT_ONCE_S
    assert [f"for the {missing} " in text for text in said] == [True]


def test_a_process_that_waits_to_begin_ends_at_once(tmp_path: Any) -> None:
    given = {"CEREBRO_STORE": NOWHERE.store, "CEREBRO_BROKER": NOWHERE.broker, "CEREBRO_HOME": str(tmp_path)}
    command = [sys.executable, str(ROOT / "cli.py"), "consume", "lake"]
    with subprocess.Popen(command, env=os.environ | given, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"Waiting up to" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=AT_ONCE_S)
        assert process.returncode == 0 and b'"taken": 0' in out


def test_one_that_waits_for_a_lock_ends_at_once() -> None:
    client = SimpleNamespace(prefix="t", lock=lambda *_, **__: SimpleNamespace(acquire=lambda **_: False))

    def asked() -> None:
        raise Stopped("asked")

    with pytest.raises(Stopped), locked(client, "epoch", lambda _: None, alive=asked):
        pass


def test_a_client_that_never_ends_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(librdkafka, "LET_GO_S", 0.05)
    said: list[str] = []
    never, begun = threading.Event(), time.monotonic()
    let_go(lambda: bool(never.wait(60)) and None, said.append)
    assert time.monotonic() - begun < AT_ONCE_S and len(said) == 1 and "left behind" in said[0]
    never.set()
    let_go(lambda: None, said.append)
    assert len(said) == 1

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        let_go(fail, said.append)
