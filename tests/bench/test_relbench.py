"""RelBench's user-churn as our lapse: a small stand-in of rel-hm keeps the way to it alive."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench import relbench
from bench.world import QUICK, World

PEOPLE, FIRST, LAST = 250, date(2020, 5, 1), date(2020, 9, 22)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of baskets, in RelBench's form: some customers buy often, and more lately when they are about to go on."""
    random = np.random.default_rng(4)
    days = (LAST - FIRST).days + 1
    lines = []
    for customer in range(PEOPLE):
        rate = random.gamma(1.5, 0.12)
        for day in np.flatnonzero(random.random(days) < rate):
            for _ in range(random.integers(1, 4)):
                lines.append((pd.Timestamp(FIRST + timedelta(days=int(day))), customer, random.uniform(0.005, 0.08)))
    folder = tmp_path_factory.mktemp("db")
    table = pd.DataFrame(lines, columns=["t_dat", "customer_id", "price"]).assign(article_id=7, sales_channel_id=2)
    table.to_parquet(folder / relbench.TABLE)
    return folder


def test_lines_of_a_day_are_one_order(data: Path, tmp_path: Path) -> None:
    from scv.settings import Settings

    with pytest.raises(Exception, match="is not there"):
        relbench.shop(tmp_path, 1.0)
    path = relbench._events(data / relbench.TABLE, 1.0, World(QUICK), Settings(home=str(tmp_path)))
    lines, events = pd.read_parquet(data / relbench.TABLE), pd.read_parquet(path)
    assert len(events) == len(lines.drop_duplicates(["t_dat", "customer_id"])) and events["id"].is_unique
    assert events["items"].sum() == len(lines)
    assert events["amount_cents"].sum() == pytest.approx(100_000 * lines.price.sum(), rel=1e-3)
    assert set(events.occurred_at.dt.hour) == {12} and events.occurred_at.dt.date.max() == LAST
    half = pd.read_parquet(relbench._events(data / relbench.TABLE, 0.5, World(QUICK), Settings(home=str(tmp_path))))
    assert 0.35 * PEOPLE < half.customer_id.nunique() < 0.65 * PEOPLE


def churn(data: Path) -> tuple[int, int]:
    """(customers, churned) of user-churn at its test instant, by its own words."""
    lines = pd.read_parquet(data / relbench.TABLE)
    at, week = pd.Timestamp("2020-09-14"), pd.Timedelta(days=7)
    bought = set(lines[(lines.t_dat > at - week) & (lines.t_dat <= at)].customer_id)
    stay = set(lines[(lines.t_dat > at) & (lines.t_dat <= at + week)].customer_id)
    return len(bought), len(bought - stay)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_asks_what_relbench_asks(data: Path, tmp_path: Path) -> None:
    words = ["--data", str(data), "--share", "1", "--trials", "1", "--figures", str(tmp_path)]
    done = CliRunner().invoke(relbench.main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows, positives = churn(data)
    names = [row["name"] for row in json.loads((tmp_path / "relbench.json").read_text(encoding="utf-8"))]
    assert f"lapse: log loss on {rows} rows ({positives} positive)" in names
    assert any(name.startswith("lapse: AUC") for name in names)
