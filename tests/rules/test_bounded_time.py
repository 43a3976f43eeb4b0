"""What clocks rise by is bounded before they rise: by the country's span, and by the record's own time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from proof.naive import world
from scv.errors import BadEvent, BadSetting
from scv.events import event
from scv.events.arrival import SKEW_US, Arrival, Recorded, decode
from scv.events.calendar import day_of, from_us, midnight, to_us
from scv.events.clock import Clock, live_at
from scv.events.country import read
from scv.features import fetcher as fetchers
from scv.features.layout import layout_of
from scv.online.facts import Log
from scv.online.row import Row
from streams.kafka.log import Part
from streams.kafka.record import REPLAYED, record_of

ZZ = world.country("America/New_York")
STARTS, ENDS = (midnight(day, ZZ.zone) for day in (ZZ.starts_on, ZZ.ends_on))
INSIDE = STARTS + timedelta(days=100)
LATER = ENDS + timedelta(days=1000)
TICK = timedelta(microseconds=1)
SKEW = timedelta(microseconds=SKEW_US)
Make = Callable[[datetime], event.Event | event.Watermark]


def taken(record: event.Event | event.Watermark, recorded: datetime = LATER, key: bytes | None = None) -> str:
    """What a consumer makes of a record that was written then: `taken`, or the reason why not."""
    key = event.key_of(record) if key is None else key
    try:
        decode("orders", key, event.encode(record), {"ZZ": ZZ}, Recorded(to_us(recorded)))
    except BadEvent as refused:
        return refused.reason
    return "taken"


def mark(at: datetime) -> event.Watermark:
    return event.Watermark(country="ZZ", seen_at=at)


def order(at: datetime) -> event.Placed:
    return event.Placed(id="x", country="ZZ", customer_id="1", occurred_at=at, seen_at=at, amount_cents=1)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (STARTS - TICK, "outside span"), (STARTS, "taken"), (ENDS, "taken"), (ENDS + TICK, "outside span"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "outside span"),
    ],
)  # fmt: skip
def test_a_watermark_stands_in_the_span_or_at_its_very_end(at: datetime, expected: str) -> None:
    assert taken(mark(at)) == expected


@pytest.mark.parametrize("make", [mark, order])
@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(-timedelta(days=90), "taken"), (SKEW, "taken"), (SKEW + TICK, "ahead of its record")],
)
def test_no_record_tells_of_what_is_seen_five_minutes_after_it(make: Make, ahead: timedelta, expected: str) -> None:
    assert taken(make(INSIDE + ahead), recorded=INSIDE) == expected


@pytest.mark.parametrize("make", [mark, order])
def test_a_record_without_a_time_moves_no_clock(make: Make) -> None:
    assert taken(make(INSIDE), recorded=from_us(0)) == "ahead of its record"


@pytest.mark.parametrize(
    ("key", "expected"), [(b"ZZ:", "taken"), (b"", "no key"), (b"US:", "key differs"), (b"ZZ:1", "key differs")]
)
def test_a_watermark_has_its_countrys_key(key: bytes, expected: str) -> None:
    assert taken(mark(INSIDE), key=key) == expected


def test_what_is_wrong_with_the_span_is_said_before_the_records_time() -> None:
    """A wrong year is a wrong year whenever it is read."""
    assert taken(order(LATER), recorded=INSIDE) == taken(mark(LATER), recorded=INSIDE) == "outside span"


def test_a_second_reading_says_the_same() -> None:
    found = [
        decode("orders", b"ZZ:1", event.encode(order(INSIDE)), {"ZZ": ZZ}, Recorded(to_us(INSIDE))) for _ in range(2)
    ]
    assert isinstance(found[0], Arrival) and found[0] == found[1]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Paris", "UTC", "America/New_York"])
def test_a_clock_at_the_calendars_end_does_not_kill_reads(zone: str) -> None:
    """A store may hold one from before watermarks were bounded."""
    country = world.country(zone)
    at = live_at(Clock("replay", to_us(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))), None)
    assert at is not None
    for one in fetchers.collect().values():
        row = Row(layout_of(one), country, admitted=1)
        assert row.read(day_of(to_us(at), country.zone)).keys()


@pytest.mark.parametrize(("begins", "ends"), [("1970-01-01", "2018-01-01"), ("2017-01-01", "9999-12-31")])
def test_a_span_that_time_cannot_hold_is_refused(begins: str, ends: str, tmp_path: Path) -> None:
    path = tmp_path / "AA.toml"
    path.write_text(f'code = "AA"\nname = "A"\ntime_zone = "UTC"\nstarts_on = {begins}\nends_on = {ends}\n')
    with pytest.raises(BadSetting, match="starts_on < ends_on"):
        read(path)


class Message:
    """What a consumer asks a record of Kafka."""

    def __init__(self, record: event.Event | event.Watermark, timestamp: tuple[int, int]) -> None:
        self.timestamp, self.offset, self.topic, self.partition = (lambda: timestamp), (lambda: 7), (lambda: "t"), int
        self.key, self.value = (lambda: event.key_of(record)), (lambda: event.encode(record))
        self.headers = lambda: [(REPLAYED, b"")]


@pytest.mark.parametrize("kind", [1, 2], ids=["of its sender", "of its broker"])
@pytest.mark.parametrize(("ahead_ms", "good"), [(300_000, True), (300_001, False)])
def test_both_consumers_read_the_time_that_a_record_carries(kind: int, ahead_ms: int, good: bool) -> None:
    log = Log(family="orders", epoch=1, topic_id="0" * 32, partitions=1)
    message: Any = Message(order(INSIDE + timedelta(milliseconds=ahead_ms)), (kind, to_us(INSIDE) // 1000))
    record = record_of(message, {"t": log}, {"ZZ": ZZ}, {})
    assert (record.part, record.offset) == (Part("t", 0), 7)
    assert isinstance(record.content, Arrival) is good


def test_a_record_for_which_the_broker_has_no_time_is_a_dead_letter() -> None:
    log = Log(family="orders", epoch=1, topic_id="0" * 32, partitions=1)
    message: Any = Message(order(INSIDE), (0, -1))
    content = record_of(message, {"t": log}, {"ZZ": ZZ}, {}).content
    assert isinstance(content, BadEvent) and content.reason == "ahead of its record"
