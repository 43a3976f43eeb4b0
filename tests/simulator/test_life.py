"""What the invented company lives through, seen from its events: newcomers, contacts, prices, holidays, strikes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proof.world import climate, market
from proof.world.life import live
from proof.world.world import World
from scv.events import calendar, country
from tests.simulator.making import leaving

CODES = ("ZZ", "ZY", "ZX")
WEEKS = 60
MOVES = ["started", "paused", "resumed", "reactivated", "cancelled"]
AFTER = ["order_cancelled", "refunded", "returned"]
KINDS = [*MOVES, *AFTER, "placed", "skipped", "delivered", "outcome", "voucher_redeemed"]
COLUMNS = ["id", "customer_id", "kind", "occurred_at", "amount_cents", "discount_cents", "box_size", "delivery_on",
           "late_days", "reached", "voluntary", "voucher", "order_id", "subscription_id"]  # fmt: skip


@cache
def lived(code: str, seed: int = 7, chunk: int = 0, weeks: int = WEEKS) -> pd.DataFrame:
    """The clean events of a chunk that these tests read, with their local `day` (since 1970)."""
    world = World(country.load(code), 5000 * (chunk + 1), weeks, seed)
    events = live(world, chunk).events
    read = pc.is_in(events["kind"], value_set=pa.array(KINDS))
    found: pd.DataFrame = events.select(COLUMNS).filter(read).to_pandas()
    local = found.occurred_at.dt.tz_convert(world.country.zone).dt.tz_localize(None).dt.normalize()
    found["day"] = (local - pd.Timestamp("1970-01-01")).dt.days
    found.attrs["world"] = world
    return found


def of(events: pd.DataFrame, kind: str) -> pd.DataFrame:
    return events[events.kind == kind]


def second_period(events: pd.DataFrame) -> float:
    """Of those with a first order, and watched for long enough: how many order 35 to 69 days after it."""
    placed = of(events, "placed")
    since = placed.day - placed.customer_id.map(placed.groupby("customer_id").day.min())
    first = placed.groupby("customer_id").day.min()
    world = events.attrs["world"]
    watched = first.index[first + 70 <= world.first_day + 7 * world.weeks]
    again = set(placed.customer_id[(since >= 35) & (since < 70)])
    return float(np.mean([who in again for who in watched]))


def standing(events: pd.DataFrame, weeks: int) -> np.ndarray:
    """float64[weeks]: the share of starters not yet cancelled after so many weeks, by the product-limit estimate."""
    world = events.attrs["world"]
    start = of(events, "started").groupby("customer_id").day.min()
    end = leaving(events).groupby("customer_id").day.min().reindex(start.index)
    tenure, watched = (end - start) // 7, (world.first_day + 7 * world.weeks - start) // 7
    hazard = []
    for week in range(weeks):
        risk = (watched > week) & ~(tenure < week)
        hazard.append((risk & (tenure == week)).sum() / risk.sum())
    return np.cumprod(1 - np.array(hazard))


def test_of_new_customers_52_in_100_order_in_their_second_five_weeks() -> None:
    """The published 52.3 %, ± 2 points over three worlds; no world is far from it, and the countries differ."""
    shares = [second_period(lived("ZZ", seed)) for seed in (7, 8, 9)]
    assert abs(np.mean(shares) - 0.523) < 0.02 and max(abs(share - 0.523) for share in shares) < 0.04
    assert second_period(lived("ZY")) < np.mean(shares) - 0.03 < np.mean(shares) + 0.01 < second_period(lived("ZX"))


@pytest.mark.parametrize("code", CODES)
def test_half_leave_in_the_first_weeks_and_ever_fewer_later(code: str) -> None:
    left = standing(lived(code), 27)
    assert 0.35 < left[3] < 0.6 and 0.1 < left[25] < 0.4
    weekly = 1 - left[1:] / left[:-1]
    early, middle, late = weekly[:3].mean(), weekly[5:9].mean(), weekly[14:26].mean()
    assert early > 2 * middle > 3 * late


def test_customers_differ_by_more_than_luck() -> None:
    orders = of(lived("ZZ"), "placed").groupby("customer_id").size()
    assert orders.var() / orders.mean() > 8
    rates = of(lived("ZZ"), "skipped").groupby("customer_id").size().reindex(orders.index[orders > 15], fill_value=0)
    assert rates.var() / rates.mean() > 3


def test_a_contact_that_reaches_someone_keeps_him() -> None:
    """Whom a call reaches is luck, so the rates of leaving afterwards, of reached and not, differ by its effect."""
    effect = market.of(country.load("ZZ"))
    calls = pd.concat([_after_calls(lived("ZZ", 7, chunk), effect.contact_weeks) for chunk in range(3)])
    arms = calls.groupby("reached")[["gone", "weeks"]].sum()
    rate = np.log(arms.gone / arms.weeks)
    found, error = rate[False] - rate[True], np.sqrt((1 / arms.gone).sum())
    assert error < 0.11 and found > 3.5 * error
    assert abs(found - effect.contact_effect) < 3 * error + 0.1


def _after_calls(events: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """A row per call to someone who is still here on the Tuesday after it: `reached`, the `weeks` watched from then
    on, and whether he was `gone` by his own wish at their end."""
    calls = of(events, "outcome")[["customer_id", "day", "reached"]]
    calls = calls.assign(begins=calls.day - (calls.day - 5) % 7 + 7).sort_values("begins")  # 1970-01-06 was a Tuesday
    moves = events[(events.kind.isin(MOVES)) & (events.kind != "cancelled") | events.index.isin(leaving(events).index)]
    moves = moves.sort_values(["occurred_at", "id"])[["customer_id", "kind", "day", "voluntary"]]
    before = moves[["customer_id", "kind", "day"]].rename(columns={"day": "begins"})
    asof = {"on": "begins", "by": "customer_id"}
    calls = pd.merge_asof(calls, before, allow_exact_matches=False, **asof)
    left = moves[(moves.kind == "cancelled") & (moves.voluntary == True)]  # noqa: E712
    left = left.assign(begins=left.day, left=left.day)[["customer_id", "begins", "left"]]
    calls = pd.merge_asof(calls, left, direction="forward", **asof)
    world = events.attrs["world"]
    ends = np.minimum(calls.begins + 7 * weeks, world.first_day + 7 * world.weeks)
    found = calls.assign(gone=calls.left < ends, weeks=(np.fmin(calls.left, ends) - calls.begins) / 7)
    return found[(calls.kind != "cancelled") & (ends > calls.begins)]


def test_prices_rise_on_the_day_that_the_market_says() -> None:
    events = lived("ZZ")
    placed = of(events, "placed").assign(price=lambda one: one.amount_cents + one.discount_cents)
    small = placed[placed.box_size == "small"].set_index("day").price.sort_index()
    for day, share in market.of(country.load("ZZ")).rises:
        first = calendar.to_day(day)
        before, after = small.loc[first - 28 : first - 1], small.loc[first + 8 : first + 28]
        if len(before) and len(after):
            assert before.nunique() == after.nunique() == 1
            assert after.iloc[0] / before.iloc[0] == pytest.approx(1 + share, abs=0.002)
            break
    else:
        pytest.fail("no price rise inside the world")


@pytest.mark.parametrize("code", CODES)
def test_what_comes_after_an_order_is_of_one_and_never_gives_back_more_than_it_cost(code: str) -> None:
    events = lived(code)
    orders, after = of(events, "placed").set_index("id"), events[events.kind.isin(AFTER)]
    assert events[~events.kind.isin(AFTER)].order_id.isna().all() and set(after.kind) == set(AFTER)
    of_order = orders.loc[after.order_id]
    assert (of_order.customer_id.to_numpy() == after.customer_id.to_numpy()).all()
    assert (of_order.occurred_at.to_numpy() < after.occurred_at.to_numpy()).all()
    back = after.groupby("order_id").amount_cents.sum()
    assert (back <= orders.amount_cents.loc[back.index]).all()
    whole, part = (back == orders.amount_cents.loc[back.index]).mean(), (back > 0).mean()
    assert 0.05 < whole < 0.4 and 0.8 < part <= 1
    shares = after.kind.value_counts() / len(orders)
    assert shares["refunded"] > shares["order_cancelled"] > shares["returned"] > 0.002 and shares.sum() < 0.1


def test_what_was_called_off_whole_never_comes_and_late_boxes_are_sent_back_more_often() -> None:
    events = lived("ZZ")
    orders, called_off = of(events, "placed"), of(events, "order_cancelled")
    ordered, came, whole = (
        one.groupby("customer_id").size()
        for one in (orders, of(events, "delivered"), called_off[called_off.amount_cents == 0])
    )
    last = orders.groupby("customer_id").day.max()
    long_ago = last.index[last < last.max() - 28]  # the last boxes of the others are still on their way
    missing = (ordered - came.reindex(ordered.index, fill_value=0)).loc[long_ago]
    assert missing.equals(whole.reindex(long_ago, fill_value=0)) and missing.sum() > 100
    boxes = of(events, "delivered")[["customer_id", "occurred_at", "late_days"]].sort_values("occurred_at")
    returned = of(events, "returned")[["customer_id", "occurred_at"]].sort_values("occurred_at")
    of_box = pd.merge_asof(returned, boxes, on="occurred_at", by="customer_id", allow_exact_matches=False)
    assert (of_box.late_days > 0).mean() > 1.5 * (boxes.late_days > 0).mean()


@pytest.mark.parametrize(("code", "other", "day"), [("ZZ", "ZY", "2016-12-26"), ("ZY", "ZZ", "2017-10-19")])
def test_holidays_are_seen(code: str, other: str, day: str) -> None:
    """Many skip the boxes around a holiday, and on the day itself none comes; abroad it is a week like any other."""
    middle = int(np.datetime64(day).astype("datetime64[D]").astype(int))
    assert _skipping(lived(code), middle) > 2.5 * _skipping(lived(code), middle - 35)
    assert _skipping(lived(other), middle) < 1.7 * _skipping(lived(other), middle - 35)
    came = of(lived(code), "delivered").day
    assert not came[of(lived(code), "delivered").late_days == 0].eq(middle).any()
    assert came.between(middle - 7, middle + 7).sum() > 300


def test_summer_is_elsewhere_in_the_south() -> None:
    january, july = (int(np.datetime64(day).astype(int)) for day in ("2017-01-12", "2017-07-28"))
    north, south = (lived(code) for code in ("ZZ", "ZX"))
    assert _skipping(south, january) > 1.3 * _skipping(south, july)
    assert _skipping(north, july) > 1.3 * _skipping(north, january)


def _skipping(events: pd.DataFrame, middle: int) -> float:
    """The share of the boxes due within three days of a day that were skipped."""
    shift = events.attrs["world"].country.cut_off_days
    due = (pd.to_datetime(of(events, "skipped").delivery_on) - pd.Timestamp("1970-01-01")).dt.days
    skipped = due.between(middle - 3, middle + 3).sum()
    taken = (of(events, "placed").day + shift).between(middle - 3, middle + 3).sum()
    return float(skipped / (skipped + taken))


@pytest.mark.parametrize("code", CODES)
def test_days_have_weather_of_their_own(code: str) -> None:
    """Late boxes come by the day, not one by one: their daily number varies far more than a coin's."""
    came = of(lived(code), "delivered")
    due = came.day - came.late_days
    days = pd.DataFrame({"due": due, "late": came.late_days > 0}).groupby("due").late.agg(["sum", "count"])
    days = days[days["count"] > 30]
    share = days["sum"].sum() / days["count"].sum()
    chi2 = ((days["sum"] - share * days["count"]) ** 2 / (days["count"] * share * (1 - share))).mean()
    assert 0.02 < share < 0.2 and chi2 > 3
    assert (days["sum"] / days["count"]).max() > 0.4, "a strike"


def test_new_customers_come_in_waves() -> None:
    events = lived("ZZ")
    world = events.attrs["world"]
    started = of(events, "started")
    weekly = np.bincount((started.day - world.first_day) // 7, minlength=WEEKS)
    waves = climate.of(world).wave[: WEEKS - 1]
    assert waves.sum() >= 4 and weekly[:-1][waves].mean() > 1.8 * np.median(weekly[3:-1])
    vouchers = of(events, "voucher_redeemed")
    assert {"WELCOME", "WAVE", "EXTRA10", "COMEBACK"} == set(vouchers.voucher)


def test_phones_are_kept_and_sometimes_changed() -> None:
    world = World(country.load("ZZ"), 400, 40, 7)
    events = live(world, 0).events
    sessions = events.filter(pc.equal(events["kind"], "session")).to_pandas()
    models = sessions.groupby("customer_id").device_model
    assert 0.03 < (models.nunique() > 1).mean() < 0.4
    changes = models.apply(lambda one: (one != one.shift()).sum() - 1)
    assert changes.max() <= 4
    brands = sessions.groupby("device_model").device_brand.nunique()
    assert (brands == 1).all() and len(brands) >= 8
