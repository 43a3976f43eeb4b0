"""docs/wrong-times.md: a clock that leapt is set back, a customer who leapt is healed, and batch = rows afterwards."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import cli
from proof.naive import world
from scv.events import calendar, event
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.features.fetcher import collect
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.online.reader import Reader, View
from scv.settings import Settings
from streams.kafka.record import REPLAYED
from streams.lake.writer import set_back
from streams.replay.history import History
from tests.flow import pages
from tests.parity import lakes
from tests.streams import shop
from tests.streams.histories import records_of
from tests.streams.test_bounded_time import END, order, send, wall_country

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
LEAP = END - DAY
"""Inside the span, and long before its record."""


pytestmark = pytest.mark.usefixtures("here")


def clock(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, set[str]]:
    """What `cerebro clock` says: the clock, and up to when rows and tables of all families are complete."""
    capsys.readouterr()
    assert cli.main(["clock", *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    return said["now"], {instant for known in said["families"].values() for instant in known.values()}


def at(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def fetched(live: Settings, reference: str) -> dict[str, dict[str, Any]]:
    """Customer → values of orders in the snapshot that `cerebro fetch` leaves."""
    assert cli.main(["fetch", "US", "-d", reference, "-w", "1"]) == 0
    table = snapshot.Snapshots(live, shop.US).read(calendar.reference(reference, shop.US))["orders"]
    keys = ("country", "customer_id", "event_timestamp")
    return {row["customer_id"]: {n: v for n, v in row.items() if n not in keys} for row in table.to_pylist()}


def views(client: Any, country: Country, *customers: str) -> list[View]:
    return Reader(client).read(country, customers, list(collect().values()))


def test_a_clock_that_a_watermark_moved_is_set_back(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    events, reference = shop.log(21, 300), "2017-06-20"
    first, later = events[:200], events[200:]
    known, end = first[-1].seen_at + TICK, calendar.reference(reference, shop.US)
    assert later[-1].seen_at < end < LEAP
    shop.send(live, first, known)
    shop.send(live, [], LEAP)
    shop.consume(live)
    assert clock(capsys, "US") == (at(LEAP), {at(LEAP)})
    early = fetched(live, reference)
    assert f"The clock of US stands at {LEAP.isoformat()}" in refused(capsys, at(LEAP + TICK))
    assert f"Events of US were seen at {first[-1].seen_at.isoformat()} or later: of " in refused(
        capsys, at(first[-1].seen_at)
    )
    assert clock(capsys, "US", "--set", at(known)) == (at(known), {at(known)})
    assert snapshot.manifest(live.snapshots_path, shop.US, end) is None
    shop.send(live, later, end)
    shop.consume(live)
    assert clock(capsys, "US") == (at(end), {at(end)})
    shop.compare(live, client, end)
    late = fetched(live, reference)
    assert late != early
    for view, customer in zip(views(client, shop.US, *late), late, strict=True):
        assert view.fetchers["orders"].values == late[customer]


def test_the_lake_is_set_back_beside_a_writer_that_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    country, lake = world.country("Europe/Berlin"), Lake(tmp_path / "sea")
    lakes.fill(lake.path, country, seed=4, customers=2, complete_to=shop.AT)
    before, stale = lake.complete_to(country.code, lake.version()), lake.table("orders")
    assert stale is not None and set(before.values()) == {shop.AT}
    assert set_back(lake, "orders", country.code, shop.AT - DAY) == lakes.PARTITIONS
    tables = itertools.chain([stale], itertools.repeat(lake.table("orders")))
    with monkeypatch.context() as patch:
        patch.setattr(lake, "table", lambda family: next(tables))
        assert set_back(lake, "orders", country.code, shop.AT - 2 * DAY) == lakes.PARTITIONS
    assert lake.complete_to(country.code, lake.version()) == before | {"orders": shop.AT - 2 * DAY}


def refused(capsys: pytest.CaptureFixture[str], instant: str) -> str:
    capsys.readouterr()
    assert cli.main(["clock", "US", "--set", instant]) == 2
    return capsys.readouterr().err


# -- customers -----------------------------------------------------------------------------------------------
def heal(path: Path, events: Sequence[event.Event]) -> None:
    """As docs/wrong-times.md says: one file, the erasure before all that is true, sent from its own start."""
    erased = event.Erased(**{name: getattr(events[0], name) for name in event.ENVELOPE})
    path.write_bytes(b"\n".join(map(event.encode, [erased, *events])))
    assert cli.main(["replay", str(path), "--from", at(events[0].seen_at)]) == 0


def test_the_page_shows_a_file_that_a_replay_takes(tmp_path: Path) -> None:
    (block,) = pages.blocks("docs/wrong-times.md", "jsonl")
    (tmp_path / "heal.jsonl").write_text(block.text, "utf-8")
    with History(tmp_path / "heal.jsonl") as history:
        assert history.check({"US": shop.US}) == len(event.FAMILIES) + 2
        kinds = [json.loads(record.value)["kind"] for record in records_of(history)]
    assert kinds == ["erased"] * len(event.FAMILIES) + ["placed", "rating"]


def orders(country: str, customer: str, first: datetime, count: int) -> list[event.Event]:
    """One a week."""
    made = [order(country, first + 7 * n * DAY, f"{customer}-{n}") for n in range(count)]
    return [msgspec.structs.replace(one, customer_id=customer) for one in made]


def test_a_customer_whom_an_event_moved_ahead_is_erased_and_sent_again(
    live: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Customer 2 is as 1 would be without the bad event."""
    good, twin = (orders("US", customer, shop.FIRST, 14) for customer in ("1", "2"))
    bad = order("US", LEAP, "bad")
    shop.send(live, [*good[:4], bad, *good[4:13], *twin[:13]])
    online, _ = shop.consume(live)
    assert (online["too_late"], clock(capsys, "US")[0]) == (9, at(LEAP + TICK))
    assert "or later: of 1 customer (1)." in refused(capsys, at(shop.AT))
    heal(tmp_path / "heal.jsonl", good[:13])
    shop.consume(live)
    assert clock(capsys, "US", "--set", at(shop.AT)) == (at(shop.AT), {at(shop.AT)})
    shop.send(live, [good[13], twin[13]], None)
    online, _ = shop.consume(live)
    assert (online["admitted"], online["too_late"]) == (2, 0)
    healed, as_it_would_be = views(client, shop.US, "1", "2")
    assert healed.at == as_it_would_be.at == shop.AT
    assert healed.fetchers["orders"].values == as_it_would_be.fetchers["orders"].values
    assert cli.main(["rebuild", "--afresh"]) == 0
    assert clock(capsys, "US")[0] == at(shop.AT)
    shop.compare(live, client)


def test_what_leapt_on_wall_time_before_there_were_bounds(
    live: Settings, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    country, now = wall_country(live), from_us(wall_us())
    later = now + 5 * 365 * DAY
    good = orders("AA", "1", now - 30 * DAY, 4)
    with monkeypatch.context() as before:
        before.setattr("scv.events.arrival.SKEW_US", 2**60)
        leap: list[event.Event | event.Watermark] = [
            order("AA", later, "bad"),
            event.Watermark(country="AA", seen_at=later),
        ]
        # Of a history: what is live is seen when the broker says so, and cannot leap.
        send(live, [*good[:2], *leap, *good[2:]], headers=[(REPLAYED, b"")])
        shop.consume(live)
    assert views(client, country, "1")[0].fetchers["orders"].values["count_28d"] == 1
    heal(tmp_path / "heal.jsonl", good)
    shop.consume(live)
    stands, complete = clock(capsys, "AA", "--set", at(now))
    assert datetime.fromisoformat(stands) - now < timedelta(minutes=5) and at(later) not in complete
    (view,) = views(client, country, "1")
    assert view.at is not None and view.at - now < timedelta(minutes=5)
    assert view.fetchers["orders"].values["count_28d"] == 3
