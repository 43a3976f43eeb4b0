"""The invented world as a table of events: repeatable, complete, valid, dirty on purpose, and it makes sense."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from proof.naive.oracle import Fact
from proof.naive.oracle_subscriptions import RUNS, is_skipped, own, subscriptions
from proof.naive.world import family_of
from proof.world.life import simulate
from proof.world.world import ENDS
from scv.errors import UserError
from scv.events import calendar, country, event
from streams.replay.columns import SCHEMA
from streams.replay.history import History, write_parquet

CODES = ("ZZ", "ZY", "ZX")
ZZ = country.load("ZZ")
CUSTOMERS, WEEKS = 300, 40


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """ZZ as it is delivered: dirty."""
    return simulate(ZZ, CUSTOMERS, WEEKS, 7).to_pandas()


@pytest.fixture(scope="module", params=CODES)
def clean(request: pytest.FixtureRequest) -> pd.DataFrame:
    """One invented country as it happened, with `local` times (naive), its settings in `attrs`."""
    where = country.load(request.param)
    found = simulate(where, CUSTOMERS, WEEKS, 7, clean=True).to_pandas()
    found["local"] = found.occurred_at.dt.tz_convert(where.time_zone).dt.tz_localize(None)
    found.attrs["country"] = where
    return found


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (write_parquet(simulate(ZZ, 60, 12, 5), tmp_path / name) for name in ("1.parquet", "2.parquet"))
    assert first.read_bytes() == second.read_bytes()
    other = write_parquet(simulate(ZZ, 60, 12, 6), tmp_path / "3.parquet")
    assert other.read_bytes() != first.read_bytes()


def test_every_family_kind_and_field_is_there(clean: pd.DataFrame) -> None:
    kinds = {event.tag(kind) for members in event.FAMILIES.values() for kind in members}
    assert set(clean.kind) == kinds
    for family in event.FAMILIES:
        for field in event.fields(family):
            assert clean[field].notna().any(), f"{family}: {field} is never filled"


@pytest.mark.parametrize("code", CODES)
def test_every_record_is_valid(code: str, tmp_path: Path) -> None:
    where = country.load(code)
    with History(write_parquet(simulate(where, 200, 30, 7), tmp_path / f"{code}.parquet")) as history:
        assert history.check({code: where}) > 10_000


def test_the_dirt_is_there(events: pd.DataFrame) -> None:
    whole = simulate(ZZ, CUSTOMERS, WEEKS, 7, clean=True).to_pandas().set_index("id").seen_at
    delay = events.seen_at - events.occurred_at
    assert delay.min() == timedelta(0)
    later = events.seen_at - events.id.map(whole) > timedelta(minutes=30)
    assert 0.01 < later.mean() < 0.06
    assert (delay > timedelta(days=36)).sum() >= 3
    content = [name for name in events.columns if name != "seen_at"]
    same = events.duplicated(["id", "occurred_at"], keep=False)
    exact = events.duplicated(content, keep=False)
    assert exact.sum() >= 6 and (same & ~exact).sum() >= 6


def test_clean_means_none(clean: pd.DataFrame) -> None:
    """Reports come when they would: at once, or later as the phone and the courier have it, never too late."""
    delay = clean.seen_at - clean.occurred_at
    assert clean.id.is_unique and (delay >= timedelta(0)).all()
    at_once = ~clean.kind.isin(["session", "delivered", "outcome", "sent"])
    assert (delay[at_once] == timedelta(0)).all()
    app = delay[clean.kind == "session"]
    assert app.median() < timedelta(hours=1) < app.quantile(0.9) < timedelta(days=2) < app.max() < timedelta(days=35)
    scans = delay[clean.kind == "delivered"]
    assert timedelta(hours=1) < scans.median() < timedelta(hours=6) and scans.max() <= timedelta(days=1)


def test_the_table_is_the_wide_one_in_order_of_seeing() -> None:
    found = simulate(ZZ, 50, 20, 3, clean=True)
    assert found.schema == SCHEMA
    keys = found.select(["seen_at", "occurred_at", "id"]).to_pandas()
    assert keys.equals(keys.sort_values(["seen_at", "occurred_at", "id"], ignore_index=True))


def test_the_weeks_lie_inside_the_span(events: pd.DataFrame) -> None:
    end = pd.Timestamp(calendar.midnight(ENDS, ZZ.zone))
    assert end - timedelta(days=1) < events.seen_at.max() < end
    assert end - timedelta(weeks=WEEKS, hours=1) <= events.occurred_at.min() < end - timedelta(weeks=WEEKS - 1)
    for weeks in (2, 47, 60, 206):
        found = simulate(ZZ, 3, weeks, 1).to_pandas()
        assert found.seen_at.max() < pd.Timestamp(calendar.midnight(ZZ.ends_on, ZZ.zone))
        assert found.seen_at.min() >= pd.Timestamp(calendar.midnight(ZZ.starts_on, ZZ.zone))
    with pytest.raises(UserError, match="at most 206 weeks"):
        simulate(ZZ, 3, 207, 1)
    with pytest.raises(UserError, match="customers >= 1"):
        simulate(ZZ, 0, 30, 1)


def test_boxes_come_on_the_delivery_day_and_are_ordered_at_their_cut_off(clean: pd.DataFrame) -> None:
    where = clean.attrs["country"]
    weekday = clean[clean.kind == "started"].groupby("customer_id").delivery_weekday.first()
    assert set(weekday) <= set(where.delivery_weekdays)
    placed = clean[clean.kind == "placed"]
    due = (placed.local + timedelta(days=where.cut_off_days)).dt.weekday
    assert (due == placed.customer_id.map(weekday)).all()
    assert placed.local.dt.hour.max() <= 3
    came = clean[clean.kind == "delivered"].merge(weekday.rename("on"), left_on="customer_id", right_index=True)
    off = (came.local.dt.weekday - came.late_days - came.on) % 7
    assert (off == 0).mean() > 0.9 and set(off) <= {0, 6}, "on a holiday it comes the day before"


def facts(clean: pd.DataFrame) -> dict[str, list[Fact]]:
    """Customer → what was said of subscriptions, in order, as the oracle reads it."""
    found: dict[str, list[Fact]] = {}
    told = clean[clean.kind.map(family_of) == "subscription"].sort_values(["occurred_at", "id"])
    for row in told.astype(object).where(told.notna(), None).to_dict("records"):
        at = row["occurred_at"].to_pydatetime()
        fact = Fact(row["kind"], row["id"], at, at, row["seen_at"].to_pydatetime(), row["local"].date(), row)
        found.setdefault(row["customer_id"], []).append(fact)
    return found


def test_lifecycles_make_sense(clean: pd.DataFrame) -> None:
    """Each subscription starts first, or anew once it is over; is cancelled only while here, resumed only after a pause
    that is not over; boxes are skipped only where they would come."""
    runs, over = {"started", "reactivated", "resumed"}, {"cancelled", "ending"}
    after = {"started": {None, *over}, "cancelled": {*runs, "paused"}, "reactivated": over, "paused": runs,
             "resumed": {"paused", "resumed"}, "skipped": runs, "unskipped": runs}  # fmt: skip
    count = Counter[str]()
    for who, told in facts(clean).items():
        for n, fact in enumerate(told):
            name = fact.payload["subscription_id"] or ""
            stood = {one.name: one.word for one in subscriptions(told[:n], fact.day)}.get(name)
            assert stood in after[fact.kind], f"{who}: {fact.kind} while {stood}"
            if fact.kind in ("skipped", "unskipped"):
                off = is_skipped(told[:n], name, fact.payload["delivery_on"])
                assert off == (fact.kind == "unskipped")
            count.update([fact.kind, f"{fact.kind} while {stood}"])
            count["ahead"] += fact.kind == "cancelled" and fact.payload["ends_on"] is not None
    assert count["cancelled"] > 100 and count["reactivated"] > 20 and count["paused"] > 10 and count["unskipped"] > 10
    assert count["started while cancelled"] > 5 and count["ahead"] > 20
    assert 0.5 < clean[clean.kind == "cancelled"].voluntary.astype(bool).mean() < 1


def test_a_box_is_placed_unless_it_was_skipped_or_nobody_was_there(clean: pd.DataFrame) -> None:
    """Said by the events alone, at each cut-off of each customer's own weekday."""
    where = clean.attrs["country"]
    ends, shift = calendar.to_day(ENDS), timedelta(days=where.cut_off_days)
    first = calendar.to_date(ends - 7 * WEEKS + 1)
    placed = clean[clean.kind == "placed"]
    orders = set(zip(placed.customer_id, placed.local.dt.date, strict=True))
    checked = 0
    for who, told in list(facts(clean).items())[:80]:
        weekday = told[0].payload["delivery_weekday"]
        day = first + timedelta(days=(weekday - (first + shift).weekday()) % 7)
        while calendar.to_day(day) < ends:
            known = [fact for fact in told if fact.day < day]
            mine = own(known, day)
            comes = mine is not None and (mine.word in RUNS or (mine.word == "ending" and mine.over > day + shift))
            comes = comes and not is_skipped(known, mine.name, day + shift)
            assert comes == ((who, day) in orders), f"{who}, cut off on {day}"
            day, checked = day + timedelta(days=7), checked + 1
    assert checked > 80 * (WEEKS - 2)
