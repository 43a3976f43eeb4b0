"""The written hazards against what then happened, counted from the events alone; and what moves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from proof.world import climate
from proof.world.climate import ClimateWeek
from proof.world.engine import live_on
from proof.world.hazards import hazards, targets
from proof.world.life import live
from proof.world.subscribers import ABSENT, ACTIVE, GONE, PAUSED, Subscribers, birth
from proof.world.world import World
from scv.events import calendar, country
from tests.simulator.making import leaving

CODES = ("ZZ", "ZY", "ZX")
WEEKS = 45
NAMES = ("cancellation", "pause", "reactivation")


class Told:
    """A chunk's truth, each row with what the events say of the week after it (NaN: the row is removed)."""

    def __init__(self, code: str) -> None:
        self.world = World(country.load(code), 5000, WEEKS, 11)
        events, truth = (table.to_pandas() for table in live(self.world, 0))
        zone = self.world.country.zone
        events["day"] = events.occurred_at.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
        truth["first"] = truth.event_timestamp.dt.tz_convert(zone).dt.tz_localize(None)
        events["first"] = events.day - pd.to_timedelta((events.day.dt.weekday - 1) % 7, "D")
        self.events, self.truth = events, truth
        ends = leaving(events)
        forced, left = (self._days(ends[ends.voluntary == freely]) for freely in (False, True))
        anew = events[events.kind == "started"].groupby("customer_id").occurred_at.rank() > 1
        back = self._days(events[(events.kind == "reactivated") | anew.reindex(events.index, fill_value=False)])
        self.truth["lost"] = forced.notna().astype(float)
        self.y = {"cancellation": left.notna().astype(float).where(forced.isna())}
        self.y |= {"reactivation": back.notna().astype(float), "pause": self._pauses(left, forced)}

    def _days(self, events: pd.DataFrame) -> pd.Series:
        """The day of the first such event in the week after each row of the truth."""
        first = events.groupby(["customer_id", "first"]).day.min().rename("on")
        return self.truth.merge(first, how="left", left_on=["customer_id", "first"], right_index=True)["on"]

    def _pauses(self, left: pd.Series, forced: pd.Series) -> pd.Series:
        """Skipped or paused at the cut-off of the box that is open, and not gone before."""
        where = self.world.country
        weekday = self.events[self.events.kind == "started"].groupby("customer_id").delivery_weekday.first()
        on = self.truth.customer_id.map(weekday)
        cut_off = self.truth["first"] + pd.to_timedelta((on - where.cut_off_days - 2) % 7 + 1, "D")
        paused = self._days(self.events[self.events.kind == "paused"])
        skips = self.events[self.events.kind.isin(["skipped", "unskipped"])].copy()
        skips["closes"] = pd.to_datetime(skips.delivery_on) - pd.Timedelta(days=where.cut_off_days)
        skips = skips[skips.occurred_at.dt.tz_convert(where.zone).dt.tz_localize(None) < skips.closes]
        newest = skips.sort_values(["occurred_at", "id"]).groupby(["customer_id", "closes"]).kind.last().rename("said")
        rows = self.truth.assign(closes=cut_off)
        said = rows.merge(newest, how="left", left_on=["customer_id", "closes"], right_index=True).said
        came = (said == "skipped") | (paused < cut_off)
        return (came & ~(left < cut_off)).astype(float).where(~(forced < cut_off))


@pytest.fixture(scope="module", params=CODES)
def told(request: pytest.FixtureRequest) -> Told:
    return Told(request.param)


def test_hazards_are_chances_for_those_at_risk(told: Told) -> None:
    truth = told.truth
    for name in (*NAMES, "involuntary"):
        given = truth[name].dropna()
        assert given.between(0, 1).all() and given.std() > 0.003
    here = truth.status.isin(["active", "paused"])
    assert set(truth.status) == {"active", "paused", "cancelled"}
    assert truth.cancellation.notna().equals(here) and truth.involuntary.notna().equals(here)
    assert truth.reactivation.notna().equals(truth.status == "cancelled")
    assert (truth.pause.notna() <= (truth.status == "active")).all()
    assert 0.7 < truth.pause.notna().sum() / (truth.status == "active").sum() < 1


def test_there_is_a_row_from_the_start_on_for_every_reference(told: Told) -> None:
    world, truth = told.world, told.truth
    started = told.events[told.events.kind == "started"].groupby("customer_id").occurred_at.min()
    count = truth.groupby("customer_id").size()
    references = np.array([calendar.to_us(world.reference(week)) for week in range(WEEKS)])
    expected = started.map(lambda at: int((references > calendar.to_us(at.to_pydatetime())).sum()))
    assert count.reindex(expected.index, fill_value=0).equals(expected)
    assert not truth.duplicated(["customer_id", "event_timestamp"]).any()


@pytest.mark.parametrize("name", [*NAMES, "involuntary"])
def test_what_happened_is_what_was_written(told: Told, name: str) -> None:
    """In ten bins by the hazard, as many as it says, within what luck allows: no bin beyond 4.5 standard errors."""
    y = told.truth.lost if name == "involuntary" else told.y[name]
    asked = told.truth[name].notna() & y.notna()
    p, y = told.truth[name][asked].to_numpy(), y[asked].to_numpy()
    assert y.sum() > (60 if name == "involuntary" else 400)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, 11)[1:-1]))
    bins = np.searchsorted(edges, p)
    for one in np.unique(bins):
        mine = bins == one
        error = np.sqrt((p[mine] * (1 - p[mine])).sum())
        assert abs(y[mine].sum() - p[mine].sum()) < max(4.5 * error, 3), (name, one, y[mine].sum(), p[mine].sum())
    assert abs(y.sum() - p.sum()) < 3.5 * np.sqrt((p * (1 - p)).sum())


# -- what moves them -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def week() -> tuple[Subscribers, ClimateWeek]:
    """A state in the middle of a world."""
    world = World(country.load("ZZ"), 3000, 30, 3)
    conditions = climate.of(world)
    state, fate = birth(world, 0), world.random(0, "fate")
    for number in range(20):
        state, _ = live_on(state, ClimateWeek(conditions, number), fate)
    return state, ClimateWeek(conditions, 20)


@pytest.mark.parametrize(
    ("name", "value", "raises"),
    [
        ("mood", -2.0, True), ("mood", 2.0, False), ("grumble", 2.0, True), ("slack", 0.9, True),
        ("unpaid", True, True), ("sting", 1.0, True), ("bereft", 1.0, True), ("comfort", 3, False),
        ("age", 60, False), ("age", 0, True), ("frailty", 3.0, True),
    ],
)  # fmt: skip
def test_what_happened_moves_the_hazard_of_leaving(
    week: tuple[Subscribers, ClimateWeek], name: str, value: float, raises: bool
) -> None:
    state, now = week
    usual = hazards(state, now).cancel
    other = hazards(replace(state, **{name: np.full_like(getattr(state, name), value)}), now).cancel
    changed = (state.status == ACTIVE) & (getattr(state, name) != value) & (usual < 0.8)
    assert changed.sum() > 100
    ratio = (
        (other[changed].mean() / usual[changed].mean()) if raises else (usual[changed].mean() / other[changed].mean())
    )
    assert ratio > 1.15


def test_a_contact_lowers_the_rate_by_the_markets_factor(week: tuple[Subscribers, ClimateWeek]) -> None:
    state, now = week
    without = replace(state, comfort=np.zeros_like(state.comfort))
    reached = replace(state, comfort=np.ones_like(state.comfort))
    rates = [-np.log1p(-hazards(one, now).cancel) for one in (without, reached)]
    here = (state.status == ACTIVE) & (rates[0] < 1.5)
    assert np.allclose(rates[1][here] / rates[0][here], np.exp(-now.market.contact_effect))


def test_a_price_rise_drives_out_those_who_mind() -> None:
    world = World(country.load("ZZ"), 3000, 40, 3)
    conditions = climate.of(world)
    rising = int(np.flatnonzero(conditions.rise)[0])
    state, fate = birth(world, 0), world.random(0, "fate")
    for number in range(rising):
        state, _ = live_on(state, ClimateWeek(conditions, number), fate)
    calm = ClimateWeek(conditions, rising)
    calm.rise = 0.0
    now, otherwise = (hazards(state, one).cancel for one in (ClimateWeek(conditions, rising), calm))
    here = (state.status == ACTIVE) & (otherwise < 0.5)
    mind, care_less = (here & side for side in (state.thrift > 1.5, state.thrift < 0.5))
    assert now[mind].sum() / otherwise[mind].sum() > 1.3 > now[care_less].sum() / otherwise[care_less].sum() > 1.0


def test_hazards_never_fail_whatever_the_state(week: tuple[Subscribers, ClimateWeek]) -> None:
    state, now = week
    rng = np.random.default_rng(1)
    wild = {name: rng.normal(0, 40, len(state)) for name in ("mood", "frailty", "busy", "taste")}
    wild |= {name: rng.exponential(40, len(state)) for name in ("grumble", "sting", "thrift")}
    found = hazards(replace(state, **wild, status=rng.choice([ABSENT, ACTIVE, PAUSED, GONE], len(state))), now)
    for name, values in found._asdict().items():
        assert np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1, name
    for name, values in targets(state, now, hazards(state, now)).items():
        asked = values[~np.isnan(values)]
        assert len(asked) and asked.min() >= 0 and asked.max() <= 1, name
