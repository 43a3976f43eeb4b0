"""`cerebro health` says what is dead, and what only cannot be known."""

from __future__ import annotations

import json
import os
from datetime import UTC
from typing import Any, get_args

import pytest

import cli
from scv.events.admission import Verdict
from scv.events.clock import wall_us
from scv.online.facts import Log, Move
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.heartbeat import STILL_S, Heartbeat, members
from streams.counters import JUDGED, Counters

PARTS = ("online", "lake", "reactor", "scorer", "console", "store", "broker")
WITH_A_BEAT = ("online", "lake", "reactor")


@pytest.mark.parametrize("part", WITH_A_BEAT)
@pytest.mark.usefixtures("here")
def test_a_full_store_is_not_a_dead_consumer(part: str, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        Heartbeat(client, part).beat({"taken": 7})  # works, and cannot say so
        assert cli.main(["health", part]) == 1
    finally:
        client.config_set("maxmemory", before)
    said = capsys.readouterr().err
    assert "is full (maxmemory)" in said and "not known" in said
    assert "no heartbeat" not in said
    Heartbeat(client, part).beat({"taken": 1_007, "dead": {"not JSON": 1_000, "empty": 3}})
    assert cli.main(["health", part]) == 0
    told = "1,007 records taken (1,003 of them dead letters: not JSON 1,000, empty 3)"
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_what_became_of_events_is_said(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every counter of a verdict; and what never happened is not talked about."""
    counters = Counters(admitted=1_000, too_late=3, changed=2)
    Heartbeat(client, "online").beat(counters.facts())
    assert cli.main(["health", "online"]) == 0
    assert "; of events admitted 1,000, changed 2, too late 3" in capsys.readouterr().out
    assert cli.main(["health", "online", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (member,) = said["members"]
    assert said["part"] == member["group"] == "online" and member["counts"] == counters.facts()
    assert {verdict.replace(" ", "_") for verdict in get_args(Verdict)} < set(JUDGED)


@pytest.mark.parametrize("group", [*WITH_A_BEAT, "scorer"])
def test_every_member_has_a_sign_of_its_own(group: str, client: Any) -> None:
    """One key for all would let the lively one speak for the others."""
    first, second = (Heartbeat(client, group) for _ in range(2))
    first.beat({"taken": 1}, partitions=3, at_end=2, lag={"a": 5, "b": 2})
    second.beat({"taken": 2})
    beats = members(client, group)
    assert sorted((beat.counts["taken"], beat.partitions, beat.at_end, beat.behind) for beat in beats) == [
        (1, 3, 2, 7),
        (2, 0, 0, None),
    ]
    assert len({beat.member for beat in beats}) == 2 and {beat.pid for beat in beats} == {os.getpid()}
    assert all(beat.group == group and beat.started_at.tzinfo is UTC for beat in beats)
    first.stop()
    assert [beat.counts for beat in members(client, group)] == [{"taken": 2}]
    for key in client.scan_iter("*:heartbeat:*:*"):
        client.delete(key)  # its time is over: the list alone says nothing
    assert members(client, group) == []


@pytest.mark.usefixtures("here")
def test_all_members_of_a_group_are_shown(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for count in (1_001, 2_002):
        Heartbeat(client, "lake").beat({"taken": count}, partitions=24, at_end=24)
    assert cli.main(["health", "lake"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "lake: 2 members" and sorted(line.partition(": ")[2] for line in lines) == [
        f"alive, {count} records taken, at the end of 24 of its 24 partitions" for count in ("1,001", "2,002")
    ]


STANDS: dict[str, tuple[dict[str, Any], str]] = {
    "behind": ({"lag": {"a": 35_000, "b": 748}}, "stands still for 31 s, 35,748 offsets behind"),
    "not known": ({"lag": None}, "stands still for 31 s; the broker does not say where its logs end"),
}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("why", STANDS)
@pytest.mark.usefixtures("here")
def test_alive_without_moving_is_not_healthy(
    why: str, as_json: bool, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, expected = STANDS[why]
    Heartbeat(client, "lake").beat(**facts, still_s=STILL_S - 1)
    assert cli.main(["health", "lake"]) == 0
    Heartbeat(client, "lake").beat(**facts, still_s=STILL_S + 1)
    capsys.readouterr()
    assert cli.main(["health", "lake", *(["--json"] if as_json else [])]) == 1
    said = capsys.readouterr()
    assert expected in (json.loads(said.out)["said"] if as_json else said.err)
    assert not as_json or json.loads(said.out)["works"] is False


@pytest.mark.usefixtures("here")
def test_a_reactor_whose_customers_wait_is_not_healthy(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Heartbeat(client, "reactor").beat({"waiting": 1_012}, still_s=600.0)
    assert cli.main(["health", "reactor"]) == 1
    assert "reactor: stands still for 600 s, 1,012 customers wait" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_what_ails_a_member_that_moves_is_told(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Heartbeat(client, "online").beat({"taken": 5}, ails="poison")
    assert cli.main(["health", "online"]) == 1
    assert "online: poison, 5 records taken" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_the_members_here_do_not_answer_for_others(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A container asks for its own: another's liveliness is no sign of its life."""
    monkeypatch.setattr("socket.gethostname", lambda: "there")
    Heartbeat(client, "online").beat()
    assert cli.main(["health", "online", "--here"]) == 0
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    assert cli.main(["health", "online"]) == 0 and cli.main(["health", "online", "--here"]) == 1
    assert "no heartbeat on here within" in capsys.readouterr().err
    Heartbeat(client, "online").beat(still_s=99.0, lag={"a": 1})
    assert cli.main(["health", "online", "--here"]) == 1
    monkeypatch.setattr("socket.gethostname", lambda: "there")
    assert cli.main(["health", "online", "--here"]) == 0


@pytest.mark.parametrize(("age_s", "code"), [(60, 0), (7_260, 1)])
@pytest.mark.usefixtures("here")
def test_a_scorer_whose_rows_are_stale_is_not_healthy(
    age_s: int,
    code: int,
    live: Settings,
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a country on wall time. The others' clocks stand with their rows."""
    monkeypatch.setattr("commands.health._serving", lambda _: None)
    store, topic = RowStore(client), "t.app"
    store.set_logs({topic: Log(family="app", epoch=1, topic_id="0" * 32, partitions=1)})
    for country, mode in (("US", "wall"), ("ZZ", "replay")):
        store.set_mode(country, mode)  # type: ignore[arg-type]
        (stands,) = store.positions([(topic, 0)])
        mark = {country: wall_us() - age_s * 1_000_000}
        assert store.advance([Move(topic, 0, stands.offset, stands.turn, (stands.offset or 0) + 1, mark)]) == [True]
    assert cli.main(["health", "scorer"]) == code
    said = capsys.readouterr()
    assert "US 7,26" in said.err and "ZZ" not in said.err if code else said.out == "scorer: serving\n"


@pytest.mark.parametrize("part", WITH_A_BEAT)
@pytest.mark.usefixtures("here", "client")
def test_one_without_a_beat_says_how_to_start_it(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["health", part]) == 1
    assert "no heartbeat" in (said := capsys.readouterr().err) and "Start it with `cerebro " in said


@pytest.mark.parametrize("part", PARTS)
def test_where_nothing_was_started_it_says_so(
    part: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("BROKER", "STORE", "SCORER", "CONSOLE"):
        monkeypatch.delenv(f"CEREBRO_{name}", raising=False)
    nowhere = "127.0.0.1:1"
    silent = Settings(home=str(tmp_path), broker=nowhere, store=f"redis://{nowhere}/0", scorer=nowhere, console=nowhere)
    monkeypatch.setattr("scv.settings.load", lambda: silent)  # the default ports may be somebody's on this machine
    monkeypatch.setattr("commands.health.ANSWER_S", 0.5)
    assert cli.main(["health", part]) == 1
    start = "cerebro console" if part == "console" else "cerebro up"
    assert f"nothing runs in {tmp_path}. Start it with `{start}`" in capsys.readouterr().err


@pytest.mark.parametrize("part", PARTS)
def test_an_address_that_was_given_is_named(
    part: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    monkeypatch.setenv("CEREBRO_STORE", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("CEREBRO_BROKER", "127.0.0.1:1")
    monkeypatch.setenv("CEREBRO_SCORER", "127.0.0.1:1")
    monkeypatch.setenv("CEREBRO_CONSOLE", "127.0.0.1:1")
    monkeypatch.setattr("commands.health.ANSWER_S", 0.5)
    assert cli.main(["health", part]) == 1
    said = capsys.readouterr().err
    assert "127.0.0.1:1" in said and "does not answer" in said and "secret" not in said
