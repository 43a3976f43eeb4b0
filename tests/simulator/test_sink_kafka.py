"""Worlds through Kafka: the order of sending, watermarks that tell the truth, and senders that were stopped."""

# ruff: noqa: F811 - fixtures are imported, and asked for by their names

from __future__ import annotations

import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from local.services import Services
from proof.world import life, sink_kafka
from proof.world.rates import CLEAN
from proof.world.sink_kafka import Pace
from scv.errors import Unreachable
from scv.events import country, event
from scv.events.calendar import from_us
from scv.events.partition import partition_of
from scv.offline import batch
from scv.offline.lake import Lake
from scv.settings import Settings
from streams.kafka import topics
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.replay import sender
from streams.replay.history import History
from streams.replay.sender import replay
from tests.simulator.making import DIRTY, Making
from tests.streams import shop
from tests.streams.conftest import BROKER, SESSION_MS, client, live, services, store_url  # noqa: F401 - fixtures
from tests.streams.topic_reading import Found, described, read

ZZ = country.load("ZZ")
TWO = ("ZZ", "ZX")


def log_of(settings: Settings) -> list[Found]:
    found = described(settings, [topics.events(settings, family) for family in event.FAMILIES])
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


def test_a_rate_is_the_average_of_the_whole_world(
    live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds: list[float] = []

    def spied(history: History, settings: Settings, since: Any, until: Any, speed: float, report: Any) -> None:
        began = time.monotonic()
        replay(history, settings, since, until, speed)
        speeds.append(speed)
        assert time.monotonic() - began > 0.95 * history.count() / 1500
        (span,) = history.spans().values()
        assert (until - from_us(span.first_us)).total_seconds() / speed == pytest.approx(history.count() / 1500)

    monkeypatch.setattr(sink_kafka, "replay", spied)
    Making(tmp_path / "w", "kafka", live, pace=Pace(rate=1500)).make()
    assert len(speeds) == 1


@pytest.mark.parametrize("consumed", [False, True])
def test_a_sender_that_was_stopped_goes_on_where_every_partition_stands(
    live: Settings, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, consumed: bool
) -> None:
    """Where consumers took what came, the rest is sent, else everything; either way all of it counts once."""
    monkeypatch.setattr(sender, "_POLL_EVERY", 50)
    monkeypatch.setattr(sender, "EVENTS_PER_WATERMARK", 2)
    making = Making(tmp_path / "w", "kafka", live)

    def gone(what: str, done: int, total: int) -> None:
        if what == "Replaying" and done > 700:
            shop.wait(lambda: sum(events_of(log_of(live)).values()) > 500)  # what is queued goes out
            raise Unreachable("The line is dead.")

    with pytest.raises(Unreachable, match=r"(?s)dead\. 1 of 1 chunks .*--resume"):
        making.make(report=gone)
    before = events_of(log_of(live))
    if consumed:
        shop.consume(live, OnlineConsumer)
    counts = making.make(resume=True)
    after = events_of(log_of(live))
    assert before.keys() < after.keys() and len(after) == counts["events"]
    repeats = sum(after.values()) - len(after)
    assert repeats < sum(before.values()) / 2 if consumed else repeats == sum(before.values())
    assert ["everything is sent again" in text for text in making.said] == ([] if consumed else [True])
    shop.consume(live, LakeConsumer)
    admitted = 0
    for family in event.FAMILIES:
        with duckdb.connect() as connection:
            lake = Lake(live.lake_path)
            batch.admit(connection, lake.query(family, ZZ, lake.version()), ZZ, "admitted")
            admitted += connection.execute("SELECT count(*) FROM admitted").fetchall()[0][0]
    assert admitted == counts["events"]


def test_another_world_of_the_country_is_not_where_this_one_stands(live: Settings, client: Any, tmp_path: Path) -> None:
    """What stood before the first record of ours says nothing of how far we came."""
    Making(tmp_path / "other", "kafka", live, seed=8, customers=5).make()
    shop.consume(live, OnlineConsumer)
    making = Making(tmp_path / "w", "kafka", live, customers=10)

    def gone(what: str, done: int, total: int) -> None:
        if what == "Replaying":
            raise Unreachable("The line is dead.")

    with pytest.raises(Unreachable):
        making.make(report=gone)
    counts = making.make(resume=True)
    assert len([one for one in events_of(log_of(live)) if b'"id":"ZZ-7-' in one]) == counts["events"]


def test_a_dead_broker_is_said_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in mid-run. The embedded one comes back empty: everything is sent again, once."""
    monkeypatch.setattr(sender, "_POLL_EVERY", 50)
    with Services(BROKER, "valkey", tmp_path) as running:
        settings = Settings(
            broker=running.broker_address, store=running.store_url, home=str(tmp_path), session_ms=SESSION_MS, wait_s=1
        )
        making = Making(tmp_path / "w", "kafka", settings, customers=20)

        def kill(what: str, done: int, total: int) -> None:
            if what == "Replaying" and done > 600 and not killed:
                killed.append(done)
                running.kill_broker()

        killed: list[int] = []
        with pytest.raises(Unreachable, match=r"(?s)1 of 1 chunks .*--resume"):
            making.make(report=kill)
        running.broker.start()
        counts = making.make(resume=True)
        found = events_of(log_of(settings))
        assert len(found) == counts["events"] and killed
        assert "everything is sent again" in " ".join(making.said)
        if BROKER == "tansu":
            assert set(found.values()) == {1}


def test_without_a_broker_nothing_is_made(tmp_path: Path) -> None:
    settings = Settings(broker="127.0.0.1:9", home=str(tmp_path), wait_s=0)
    with pytest.raises(Unreachable, match=r"No Kafka broker.* 0 of 1 chunks \(0 events\)"):
        Making(tmp_path / "w", "kafka", settings).make()
    assert not (tmp_path / "w" / "spool").exists()


def test_a_world_of_nobody_sends_nothing(live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making(tmp_path / "w", "kafka", live, customers=1, weeks=2, dirt=CLEAN)
    lived = life.live(making.worlds[0], 0)
    monkeypatch.setattr(life, "live", lambda *_: lived._replace(events=lived.events.slice(0, 0)))
    assert making.make()["events"] == 0 and described(live) == {}
