"""Worlds through Kafka: the order of sending, watermarks that tell the truth, and senders that were stopped."""

# ruff: noqa: F811 - fixtures are imported, and asked for by their names

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from local.services import Services
from proof.world import life, sink_kafka, spool
from proof.world.dirt import CLEAN
from proof.world.sink_kafka import Pace, Slice
from scv.errors import Unreachable
from scv.events import country, event
from scv.events.calendar import from_us
from scv.events.partition import partition_of
from scv.offline import batch
from scv.offline.lake import Lake
from scv.settings import Settings
from streams.kafka import topics
from streams.lake.consumer import LakeConsumer
from tests.simulator.making import DIRTY, Making
from tests.streams import shop
from tests.streams.conftest import BROKER, SESSION_MS, client, live, services  # noqa: F401 - fixtures
from tests.streams.topic_reading import Found, read

HOUR_US = 3_600_000_000
ZZ = country.load("ZZ")
TWO = ("ZZ", "ZX")


def log_of(settings: Settings) -> list[Found]:
    found = topics.describe(settings, [topics.events(settings, family) for family in event.FAMILIES])
    return read(settings, *found.values())


def places(log: list[Found]) -> dict[tuple[str, int], list[bytes]]:
    """(topic, partition) → values in order."""
    found = defaultdict(list)
    for record in log:
        found[record.topic, record.partition].append(record.value or b"")
    return found


def events_of(log: list[Found]) -> Counter[bytes]:
    return Counter(record.value or b"" for record in log if b'"kind":"watermark"' not in (record.value or b""))


def test_watermarks_tell_the_truth_of_a_dirty_world(live: Settings, tmp_path: Path) -> None:
    """Whatever is out of order, nothing stands behind a watermark that it says was sent."""
    making = Making(tmp_path / "w", "kafka", live, TWO, dirt=DIRTY)
    counts = making.make()
    log = log_of(live)
    erasures = counts["dirt"]["erased"] * (len(event.FAMILIES) - 1)
    assert sum(events_of(log).values()) == counts["events"] + erasures
    end = max(world.end_us for world in making.worlds)
    disorder = 0
    for (topic, partition), values in places(log).items():
        newest, mark = None, None
        for value in values:
            try:
                one = event.decoder(topic.rpartition(".")[2]).decode(value)
            except (msgspec.MsgspecError, ValueError):
                continue
            if isinstance(one, event.Watermark):
                mark = one.seen_at
                continue
            assert mark is None or one.seen_at >= mark
            disorder += newest is not None and one.seen_at < newest
            newest = one.seen_at
            assert partition == partition_of(event.key_of(one), live.partitions)
        assert mark == from_us(end), "the last watermark is a barrier"
    assert disorder > 100
    assert not (making.folder / "spool").exists()


def test_a_slice_is_whole_hours() -> None:
    hours = [(10, 60_000), (11, 30_000), (12, 20_000), (40, 150_000), (41, 5)]
    end = 42 * HOUR_US - 5
    assert sink_kafka._slices(hours, end, Pace()) == [
        Slice(10 * HOUR_US, 12 * HOUR_US, 90_000),
        Slice(12 * HOUR_US, 13 * HOUR_US, 20_000),
        Slice(13 * HOUR_US, 41 * HOUR_US, 150_000),
        Slice(41 * HOUR_US, end, 5),
    ]
    slow = sink_kafka._slices(hours, end, Pace(rate=500))
    assert [one.records for one in slow] == [60_000, 30_000, 20_000, 150_000, 5]
    quick = sink_kafka._slices(hours, end, Pace(speed=720))
    assert [(one.until_us - one.since_us) // HOUR_US for one in quick] == [2, 1, 28, 0]
    assert sink_kafka._slices([], end, Pace()) == []


def test_a_rate_makes_records_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    told: list[int] = []
    monkeypatch.setattr(sink_kafka.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sink_kafka.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    sending = sink_kafka._Sending(Pace(rate=1000), Settings(), told.append)
    sending.begin(500)
    turns = []
    for _ in range(4):
        sending.wait(2000)
        turns.append(now[0])
    assert turns == [100, 102, 104, 106] and told == [2500, 4500, 6500, 8500]
    sending.begin(0)
    assert sending.speed(Slice(0, HOUR_US, 1)) is None


def test_a_speed_catches_up_what_a_slice_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(sink_kafka.time, "monotonic", lambda: now[0])
    sending = sink_kafka._Sending(Pace(speed=3600), Settings(), lambda _: None)
    assert sending.speed(Slice(0, 10 * HOUR_US, 1)) == 3600
    now[0] = 12.0  # it took two seconds more than its ten
    assert sending.speed(Slice(10 * HOUR_US, 20 * HOUR_US, 1)) == pytest.approx(4500)


def test_a_sender_that_was_stopped_goes_on_behind_what_is_acknowledged(
    live: Settings,
    client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broker cannot be reached in the middle of a slice: its records come twice, and count once."""
    monkeypatch.setattr(sink_kafka, "SLICE", 400)
    monkeypatch.setattr(spool, "_AT_ONCE", 50)
    making = Making(tmp_path / "w", "kafka", live)

    def gone(what: str, done: int, total: int) -> None:
        if what == "Sending" and done > 700:
            shop.wait(lambda: sum(events_of(log_of(live)).values()) > 500)  # what is queued goes out
            raise Unreachable("The line is dead.")

    with pytest.raises(Unreachable, match=r"(?s)dead\. 1 of 1 chunks .* of [0-9,]+ records are acknowledged.*--resume"):
        making.make(report=gone)
    before = events_of(log_of(live))
    counts = making.make(resume=True)
    after = events_of(log_of(live))
    assert before.keys() < after.keys() and len(after) == counts["events"]
    repeats = sum(after.values()) - len(after)
    (said,) = [re.match(r"([0-9,]+) records", text) for text in making.said]
    assert said and int(said[1].replace(",", "")) >= repeats > 0
    shop.consume(live, LakeConsumer)
    admitted = 0
    for family in event.FAMILIES:
        with duckdb.connect() as connection:
            lake = Lake(live.lake_path)
            batch.admit(connection, lake.deliveries(connection, family, ZZ, lake.version()), ZZ, "admitted")
            admitted += connection.execute("SELECT count(*) FROM admitted").fetchall()[0][0]
    assert admitted == counts["events"]


def test_a_dead_broker_is_said_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in mid-run. The embedded one comes back empty: everything is sent again, once."""
    monkeypatch.setattr(sink_kafka, "SLICE", 300)
    with Services(BROKER, "valkey", tmp_path) as running:
        settings = Settings(broker=running.broker_address, home=str(tmp_path), session_ms=SESSION_MS, wait_s=1)
        making = Making(tmp_path / "w", "kafka", settings, customers=20)

        def kill(what: str, done: int, total: int) -> None:
            if what == "Sending" and done > 600 and not killed:
                killed.append(done)
                running.kill_broker()

        killed: list[int] = []
        with pytest.raises(Unreachable, match=r"(?s)1 of 1 chunks .*records are acknowledged.*--resume"):
            making.make(report=kill)
        running.broker.start()
        counts = making.make(resume=True)
        found = events_of(log_of(settings))
        assert len(found) == counts["events"] and killed
        if BROKER == "tansu":
            assert "everything is sent again" in " ".join(making.said) and set(found.values()) == {1}


def test_without_a_broker_nothing_is_made(tmp_path: Path) -> None:
    settings = Settings(broker="127.0.0.1:9", home=str(tmp_path), wait_s=0)
    with pytest.raises(Unreachable, match=r"No Kafka broker.* 0 of 1 chunks \(0 events\)"):
        Making(tmp_path / "w", "kafka", settings).make()
    assert not (tmp_path / "w" / "spool").exists()


def test_a_world_of_nobody_sends_nothing(live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making(tmp_path / "w", "kafka", live, customers=1, weeks=2, dirt=CLEAN)
    lived = life.live(making.worlds[0], 0)
    monkeypatch.setattr(life, "live", lambda *_: lived._replace(events=lived.events.slice(0, 0)))
    assert making.make()["events"] == 0 and topics.describe(live) == {}
