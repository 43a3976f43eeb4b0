"""One wrong time moves no clock, neither a country's nor a customer's, in a replay or on wall time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from scv.errors import UserError
from scv.events import event
from scv.events.arrival import SKEW_US
from scv.events.calendar import from_us, midnight, to_us
from scv.events.clock import wall_us
from scv.events.country import Country, load
from scv.features.fetcher import collect
from scv.offline.lake import Lake
from scv.online.reader import Reader, View
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from streams.replay.history import History
from streams.replay.sender import replay
from tests.streams import shop
from tests.streams.conftest import BROKER

END = midnight(shop.US.ends_on, shop.US.zone)
HOUR = timedelta(hours=1)
BY_BROKER = BROKER == "kafka"
"""Is the time of a record its broker's word?"""


def wall_country(settings: Settings, code: str = "AA") -> Country:
    """A country whose span holds today."""
    folder = settings.countries_path
    folder.mkdir(parents=True, exist_ok=True)
    today = from_us(wall_us()).date()
    span = f"starts_on = {date(today.year - 5, 1, 1)}\nends_on = {date(today.year + 15, 1, 1)}\n"
    (folder / f"{code}.toml").write_text(f'code = "{code}"\nname = "A"\ntime_zone = "Europe/Paris"\n{span}')
    return load(code, folder)


def order(country: str, seen: datetime, id: str = "x") -> event.Placed:
    return event.Placed(id=id, country=country, customer_id="1", occurred_at=seen, seen_at=seen, amount_cents=5)


def send(
    settings: Settings,
    records: Iterable[event.Event | event.Watermark],
    key: bytes | None = None,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> None:
    """Events where their key lies, watermarks to every partition of the orders."""
    found = topics.ensure(settings)[topics.events(settings, "orders")]
    with shop.producing(settings) as producer:
        for one in records:
            chosen = range(found.partitions) if isinstance(one, event.Watermark) else [-1]
            for partition in chosen:
                lies = event.key_of(one) if key is None else key
                producer.send(found.name, event.encode(one), lies, partition, headers)


def read(client: Any, country: Country) -> View:
    (view,) = Reader(client).read(country, ["1"], list(collect().values()))
    return view


def complete_to(settings: Settings, country: str) -> datetime | None:
    lake, connection = Lake(settings.lake_path), duckdb.connect()
    us = lake.watermark_us(connection, "orders", country, lake.version())
    return None if us is None else from_us(us)


@pytest.mark.parametrize(
    ("wrong", "key", "reason"),
    [
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), b"US:", "outside span"),
        (END + HOUR, b"US:", "outside span"),
        (shop.AT + HOUR, b"ZZ:", "key differs"),
        (shop.AT + HOUR, b"", "no key"),
    ],
)
def test_a_wrong_watermark_moves_no_clock(
    live: Settings, client: Any, wrong: datetime, key: bytes, reason: str
) -> None:
    shop.send(live, [order("US", shop.FIRST)], shop.AT)
    send(live, [event.Watermark(country="US", seen_at=wrong)], key)
    online, lake = shop.consume(live)
    assert online["dead"] == lake["dead"] == {reason: live.partitions}
    assert RowStore(client).clock("US").now == shop.AT == complete_to(live, "US") == read(client, shop.US).at


def test_on_wall_time_nothing_is_ahead_of_its_record(live: Settings, client: Any) -> None:
    """One event of a wrong year, then five good ones: they count, and the customer is read now.

    A live watermark is a tick: it says when it was recorded, whatever year it names.
    """
    country = wall_country(live)
    now = from_us(wall_us())
    later = now + timedelta(days=5 * 365)
    good = [order("AA", now - timedelta(days=5 - n), f"g{n}") for n in range(5)]
    send(live, [order("AA", later, "bad"), event.Watermark(country="AA", seen_at=later), *good])
    online, lake = shop.consume(live)
    assert online["dead"] == lake["dead"] == {"occurred after seen" if BY_BROKER else "ahead of its record": 1}
    assert (online["admitted"], online["too_late"], lake["delivered"]) == (5, 0, 5)
    view = read(client, country)
    assert view.at is not None and view.at < now + HOUR
    assert view.fetchers["orders"].values["count_28d"] == 5
    complete = complete_to(live, "AA")
    assert complete is not None and now - HOUR < complete <= from_us(wall_us())


def test_a_sender_whose_clock_is_five_minutes_ahead_is_taken(live: Settings, client: Any) -> None:
    wall_country(live)
    send(live, [order("AA", from_us(wall_us() + SKEW_US - 30_000_000))])
    online, lake = shop.consume(live)
    assert online["admitted"] == lake["delivered"] == 1


@pytest.mark.parametrize("until", [END + HOUR, END + timedelta(days=365)])
def test_a_replay_does_not_leap_beyond_the_span(live: Settings, tmp_path: Path, until: datetime) -> None:
    with History(orders(tmp_path, "US", shop.FIRST)) as history:
        with pytest.raises(UserError, match=r"beyond 2018-02-01T05:00:00.*span of US"):
            replay(history, live, until=until)
        assert replay(history, live, until=END).clock == END


def test_a_replay_of_what_is_not_seen_yet_is_refused(live: Settings, tmp_path: Path) -> None:
    """Its country's span would take it: but every record would be ahead of itself."""
    wall_country(live)
    now = from_us(wall_us())
    with History(orders(tmp_path, "AA", now + 24 * HOUR)) as history, pytest.raises(UserError, match="after now"):
        replay(history, live)
    with History(orders(tmp_path, "AA", now - HOUR)) as history, pytest.raises(UserError, match="or now"):
        replay(history, live, until=now + 24 * HOUR)


def test_each_country_of_a_replay_stands_no_later_than_its_span(live: Settings, client: Any, tmp_path: Path) -> None:
    """The spans of US and ZZ end at different instants."""
    until = midnight(date(2019, 1, 1), load("ZZ").zone)
    assert until > END
    with History(orders(tmp_path, "US", shop.FIRST, "ZZ")) as history:
        replay(history, live, until=until)
    online, lake = shop.consume(live)
    assert online["dead"] == lake["dead"] == {}
    store = RowStore(client)
    assert (store.clock("US").now, store.clock("ZZ").now) == (END, until)
    assert to_us(END) == store.clock("US").front_us


def orders(folder: Path, country: str, seen: datetime, *others: str) -> Path:
    """A file of one order of each country."""
    row = {"customer_id": "1", "kind": "placed", "occurred_at": seen, "amount_cents": 1}
    pd.DataFrame([row | {"country": code} for code in (country, *others)]).to_parquet(folder / "orders.parquet")
    return folder / "orders.parquet"
