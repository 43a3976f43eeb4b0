"""What a replay leaves in the topics: order, completeness, watermarks, barriers."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pandas as pd
import pytest

import cli
from proof.world.life import simulate
from scv.errors import UserError
from scv.events import country, event
from scv.events.calendar import to_us
from scv.events.partition import partition_of
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.online.consumer import OnlineConsumer
from streams.positions.position import standing
from streams.replay import sender as replay
from streams.replay.history import History, write_parquet
from tests.streams import cdnow, shop
from tests.streams.histories import records_of
from tests.streams.topic_reading import described, read

Log = dict[tuple[str, int], list[event.Event | event.Watermark]]
UNTIL = datetime(2017, 10, 16, 22, tzinfo=UTC)  # midnight of 17 October in Berlin


def log_of(settings: Settings) -> Log:
    """(family, partition) → its records in order."""
    found: Log = defaultdict(list)
    families = {topics.events(settings, family): family for family in event.FAMILIES}
    for record in read(settings, *described(settings, families).values()):
        assert record.value is not None
        family = families[record.topic]
        found[family, record.partition].append(event.decoder(family).decode(record.value))
    return found


def ids(log: Log) -> list[str]:
    return sorted(one.id for records in log.values() for one in records if isinstance(one, event.Event))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    events = simulate(country.load("ZZ"), customers=40, weeks=12, seed=3)
    return write_parquet(events, tmp_path_factory.mktemp("world") / "ZZ.parquet")


def test_each_partition_is_in_the_order_of_seeing_and_watermarks_tell_the_truth(live: Settings, world: Path) -> None:
    with History(world) as history:
        summary = replay.replay(history, live, until=UNTIL)
        expected = history.count(until_us=int(UNTIL.timestamp()) * 1_000_000)
    log = log_of(live)
    assert len(log) == 8 * live.partitions
    assert summary.total == len(ids(log)) == expected > 1000
    for records in log.values():
        seen = [one.seen_at for one in records]
        assert seen == sorted(seen)  # type: ignore[type-var]
        assert isinstance(records[-1], event.Watermark) and records[-1].seen_at == UNTIL == summary.clock
        marks = [one.seen_at for one in records if isinstance(one, event.Watermark)]
        assert all(mark.minute == mark.second == mark.microsecond == 0 for mark in marks) and len(marks) > 3
    count = sum(isinstance(one, event.Watermark) for records in log.values() for one in records)
    assert summary.watermarks == count <= summary.total / replay.EVENTS_PER_WATERMARK + 2 * len(log)


def test_two_replays_that_meet_are_one(live: Settings, world: Path) -> None:
    whole = Settings(broker=live.broker, home=live.home, topic_prefix=live.topic_prefix + "w", partitions=3)
    with History(world) as history:
        replay.replay(history, live, until=UNTIL)
        second = replay.replay(history, live, since=UNTIL)
        replay.replay(history, whole)
    assert second.first is not None and second.first >= UNTIL
    assert second.last is not None and second.clock == second.last + timedelta(microseconds=1)
    assert ids(log_of(live)) == ids(log_of(whole))


def test_the_same_replay_makes_the_same_log(live: Settings, world: Path) -> None:
    other = Settings(broker=live.broker, home=live.home, topic_prefix=live.topic_prefix + "o", partitions=3)
    for settings in (live, other):
        with History(world) as history:
            replay.replay(history, settings)
    assert log_of(live) == log_of(other)


@pytest.mark.usefixtures("here")
def test_a_sender_that_was_killed_is_resumed_where_every_partition_stands(
    live: Settings, client: Any, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its records for one partition never left it; the others were taken, and moved the clock far beyond them."""
    found, half = topics.ensure(live), UNTIL - timedelta(days=14)
    with History(world) as history, Producer(live) as producer:
        replay.replay(history, live, until=half)
        for one in records_of(history):
            topic = topics.events(live, one.family)
            if one.seen_us >= to_us(half) and (one.family, partition_of(one.key, 3)) != ("orders", 1):
                producer.send(topic, one.value, one.key)
        mark = event.encode(event.Watermark(country="ZZ", seen_at=UNTIL))
        producer.send(topics.events(live, "app"), mark, b"ZZ:", 0)
        everything = {one.key + one.value for one in records_of(history)}
        before, count = history.count(None, to_us(half)), history.count()
    shop.consume(live, OnlineConsumer)
    assert RowStore(client).clock("ZZ").now >= UNTIL and standing(RowStore(client), "ZZ") == half
    assert cli.main(["replay", str(world), "--anyway"]) == 0
    sent = {(one.key or b"") + (one.value or b"") for one in read(live, *found.values())}
    assert sent >= everything
    said = capsys.readouterr().err
    assert f"Left out: {before:,} of {count:,} events, seen before {half.isoformat()}, where the replay stands" in said
    assert "--from" not in said, "it went on, as ever"
    assert cli.main(["replay", str(world), "--anyway", "--until", half.isoformat()]) == 0
    said = capsys.readouterr().err
    assert f"Left out: {before:,} of" in said and "seen_at" in said and "--from" in said, "nothing was sent"


def test_a_record_whose_offset_the_broker_does_not_say_is_acknowledged(live: Settings) -> None:
    """A busy broker's late answer: the client sends again, and "I have that already" comes without an offset."""
    with Producer(live) as producer:
        producer._delivered(None, Mock(offset=Mock(return_value=None)))
        assert producer.flush() == 1


def test_time_passes_without_events(live: Settings, world: Path) -> None:
    later = datetime(2018, 1, 1, tzinfo=UTC)
    with History(world) as history:
        summary = replay.replay(history, live, since=later - timedelta(days=1), until=later)
    assert (summary.total, summary.first, summary.clock) == (0, None, later)
    assert {records[-1].seen_at for records in log_of(live).values()} == {later}


def test_with_a_speed_time_takes_time_and_every_hour_is_said(live: Settings, world: Path) -> None:
    since, until = UNTIL - timedelta(hours=6), UNTIL
    started = time.monotonic()
    with History(world) as history:
        replay.replay(history, live, since=since, until=until, speed=6 * 3600 / 1.5)
    assert time.monotonic() - started > 1.4
    for records in log_of(live).values():
        marks = [one.seen_at for one in records if isinstance(one, event.Watermark)]
        assert [until - timedelta(hours=5 - hour) for hour in range(6)] == sorted(set(marks))  # type: ignore[type-var]


def test_watermarks_of_every_country_of_a_file(live: Settings, tmp_path: Path) -> None:
    row = {"customer_id": "1", "kind": "placed", "occurred_at": "2017-05-01T10:00:00Z", "amount_cents": 1}
    pd.DataFrame([row | {"country": "US"}, row | {"country": "ZZ"}]).to_parquet(tmp_path / "two.parquet")
    with History(tmp_path / "two.parquet") as history:
        replay.replay(history, live)
    for records in log_of(live).values():
        assert {one.country for one in records if isinstance(one, event.Watermark)} == {"US", "ZZ"}


def test_bad_rows_are_refused_before_anything_is_sent_or_kept_on_request(live: Settings, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    good = (
        '{"id":"%s","country":"ZZ","customer_id":"1","kind":"rating","occurred_at":"2017-05-01T10:00:00Z","stars":%d}\n'
    )
    path.write_text(good % ("a", 5) + good % ("b", 6) + "{no json\n")
    with History(path) as history, pytest.raises(UserError, match=r"row 2: stars: .*it is 6"):
        replay.replay(history, live)
    assert described(live) == {}
    with History(path, keep_bad=True) as history:
        assert replay.replay(history, live).events == {"support": 2, "orders": 1}
    name = topics.events(live, "orders")
    values = [record.value for record in read(live, described(live, [name])[name])]
    assert b"{no json" in values


def test_a_kept_row_from_the_future_moves_no_clock(live: Settings, tmp_path: Path) -> None:
    row = {"country": "ZZ", "customer_id": "1", "kind": "placed", "amount_cents": 1}
    times = ["2017-05-01T10:00:00Z", "2099-05-01T10:00:00Z", "1999-05-01T10:00:00Z"]
    pd.DataFrame([row | {"occurred_at": time} for time in times]).to_parquet(tmp_path / "h.parquet")
    with History(tmp_path / "h.parquet", keep_bad=True) as history:
        summary = replay.replay(history, live, speed=1e9)
    assert summary.total == 3 and summary.clock == datetime(2017, 5, 1, 10, 0, 0, 1, tzinfo=UTC)
    marks = [one.seen_at for rs in log_of(live).values() for one in rs if isinstance(one, event.Watermark)]
    assert set(marks) == {summary.clock}


def test_events_outside_the_country_s_span_are_refused(live: Settings, tmp_path: Path) -> None:
    row = {"country": "ZZ", "customer_id": "1", "kind": "placed", "amount_cents": 1}
    pd.DataFrame([row | {"occurred_at": "2024-05-01T10:00:00Z"}]).to_parquet(tmp_path / "h.parquet")
    with History(tmp_path / "h.parquet") as history, pytest.raises(UserError, match=r"ends_on 2019-01-01\. Mend"):
        replay.replay(history, live)


def test_a_user_s_shop_goes_in(live: Settings, tmp_path: Path) -> None:
    cdnow.write_country(live.countries_path)
    cdnow.orders().to_parquet(tmp_path / "cdnow.parquet")
    with History(tmp_path / "cdnow.parquet") as history:
        summary = replay.replay(history, live)
    assert summary.events == {"orders": 6919} and summary.countries == ("GB",)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.parquet"], "There is no file"),
        (["completejourny"], "Did you mean 'completejourney'?"),
        (["ZZ.parquet", "--country", "QZ"], "Unknown country 'QZ'"),
        (["ZZ.parquet", "--country", "US"], "no events to replay"),
        (["ZZ.parquet", "--until", "2017-13-01"], "is no date"),
        (["ZZ.parquet", "--until", "2015-01-02"], "before the first event"),
        (["ZZ.parquet", "--speed", "fast"], "is no speed"),
        (["ZZ.parquet", "--speed", "-1x"], "is no speed"),
    ],
)
def test_impossible_options_are_your_mistake(
    world: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world.parent)
    monkeypatch.setenv("CEREBRO_HOME", str(world.parent / "var"))
    assert cli.main(["replay", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_the_command_prints_what_it_sent(live: Settings, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", str(world), "--anyway", "--until", "2017-09-05"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("family\tevents\napp\t")
    assert "Clock: 2017-09-04T22:00:00+00:00." in shown.err


@pytest.mark.usefixtures("here")
def test_bad_rows_of_no_country_keep_no_replay_from_going_on(live: Settings, tmp_path: Path, client: Any) -> None:
    good = {"country": "ZZ", "customer_id": "1", "kind": "placed", "amount_cents": 1}
    days = [good | {"occurred_at": f"2017-05-0{day}T10:00:00Z"} for day in (1, 2, 3)]
    path = tmp_path / "h.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*days, days[0] | {"country": "XU"}]))
    assert cli.main(["replay", str(path), "--until", "2017-05-02"]) == 2
    assert cli.main(["replay", str(path), "--keep-bad", "--until", "2017-05-02"]) == 0
    shop.consume(live, OnlineConsumer)
    assert cli.main(["replay", str(path), "--keep-bad"]) == 0
    taken = [
        one
        for records in log_of(live).values()
        for one in records
        if isinstance(one, event.Placed) and one.country == "ZZ"
    ]
    assert sorted(one.occurred_at.day for one in taken) == [1, 2, 3]
