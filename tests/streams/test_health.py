"""`cerebro health` says what is dead, and what only cannot be known."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

import cli
from scv.events.admission import Verdict
from scv.settings import Settings
from store.heartbeat import Heartbeat
from streams.counters import JUDGED, Counters

PARTS = ("online", "lake", "reactor", "scorer", "store", "broker")
WITH_A_BEAT = ("online", "lake", "reactor")


@pytest.mark.parametrize("part", WITH_A_BEAT)
@pytest.mark.usefixtures("here")
def test_a_full_store_is_not_a_dead_consumer(part: str, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        Heartbeat(client, part).beat(taken=7)  # works, and cannot say so
        assert cli.main(["health", part]) == 1
    finally:
        client.config_set("maxmemory", before)
    said = capsys.readouterr().err
    assert "is full (maxmemory)" in said and "not known" in said
    assert "no heartbeat" not in said
    Heartbeat(client, part).beat(taken=1_007, dead={"not JSON": 1_000, "empty": 3})
    assert cli.main(["health", part]) == 0
    told = "1,007 records taken (1,003 of them dead letters: not JSON 1,000, empty 3)"
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_what_became_of_events_is_said(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every counter of a verdict; and what never happened is not talked about."""
    counters = Counters(admitted=1_000, too_late=3, changed=2)
    Heartbeat(client, "online").beat(**counters.facts())
    assert cli.main(["health", "online"]) == 0
    assert "; of events admitted 1,000, changed 2, too late 3" in capsys.readouterr().out
    assert cli.main(["health", "online", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["part"] == "online" and said.items() >= counters.facts().items()
    assert {verdict.replace(" ", "_") for verdict in get_args(Verdict)} < set(JUDGED)


@pytest.mark.parametrize("part", WITH_A_BEAT)
@pytest.mark.usefixtures("here", "client")
def test_one_without_a_beat_says_how_to_start_it(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["health", part]) == 1
    assert "no heartbeat" in (said := capsys.readouterr().err) and "Start it with `cerebro " in said


@pytest.mark.parametrize("part", PARTS)
def test_where_nothing_was_started_it_says_so(
    part: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("BROKER", "STORE", "SCORER"):
        monkeypatch.delenv(f"CEREBRO_{name}", raising=False)
    silent = Settings(home=str(tmp_path), broker="127.0.0.1:1", store="redis://127.0.0.1:1/0", scorer="127.0.0.1:1")
    monkeypatch.setattr("scv.settings.load", lambda: silent)  # the default ports may be somebody's on this machine
    monkeypatch.setattr("commands.health.ANSWER_S", 0.5)
    assert cli.main(["health", part]) == 1
    assert f"nothing runs in {tmp_path}. Start it with `cerebro up`" in capsys.readouterr().err


@pytest.mark.parametrize("part", PARTS)
def test_an_address_that_was_given_is_named(
    part: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    monkeypatch.setenv("CEREBRO_STORE", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("CEREBRO_BROKER", "127.0.0.1:1")
    monkeypatch.setenv("CEREBRO_SCORER", "127.0.0.1:1")
    monkeypatch.setattr("commands.health.ANSWER_S", 0.5)
    assert cli.main(["health", part]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said and "does not answer" in said and "secret" not in said
