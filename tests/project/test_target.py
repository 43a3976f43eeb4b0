"""The target that `cerebro init` brings, from an invented lake to a live score with its reasons and Tuesday's file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.flow.session import linux
from tests.project.shop import Project, init

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(500)]
DAY = "2017-09-05"
LARGE, MEALS, ACTIVE_DAYS = 5000, 4, 28


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """With a country whose history is invented, a champion of each of its targets, and everything running."""
    made = init(tmp_path_factory.mktemp("at") / "shop")
    path = made.folder / "countries" / "NL.toml"
    path.write_text(
        path.read_text("utf-8").replace("2025-01-01", "2015-01-01").replace("2030-01-01", "2019-01-01"), "utf-8"
    )
    made.run("simulate", "--country", "NL", "--customers", "800", "--weeks", "44", "--clean", "--to", "lake")
    made.run("train", "NL", "-d", DAY, "--default", "--no-report")
    try:
        made.run("up", "--all", "--detach")
        yield made
    finally:
        made.run("down")


@pytest.fixture(scope="module")
def table(project: Project) -> dict[str, dict[str, str]]:
    out = project.folder / "scv.csv"
    project.run("fetch", "NL", "-d", DAY, "--derived", "--out", str(out))
    with out.open(encoding="utf-8") as file:
        return {row["customer_id"]: row for row in csv.DictReader(file)}


def asked(row: dict[str, str]) -> str:
    """Why somebody is not asked about, said a second time."""
    if not row["orders__days_since"] or int(row["orders__days_since"]) > ACTIVE_DAYS:
        return "no order in the last 28 days"
    if not row["baskets__meals"] or int(row["baskets__meals"]) < MEALS:
        return "gets the small box, which never costs as much"
    largest = row["baskets__largest_28d"]
    return "" if largest and int(largest) < LARGE else "has ordered as much in the last four weeks"


@pytest.fixture(scope="module")
def week(project: Project) -> Path:
    project.run("week", "NL", "-d", DAY, "--wait", "120")
    return project.folder / "var" / "exports" / "NL" / DAY


def test_the_file_asks_about_whom_the_target_means(week: Path, table: dict[str, dict[str, str]]) -> None:
    (path,) = week.glob("scores*.parquet")
    rows = [row for row in pq.read_table(path).to_pylist() if row["target"] == "upgrade"]
    assert {row["customer_id"] for row in rows} == set(table)
    wrong = [row for row in rows if (row["status"] == "SCORED") != (asked(table[row["customer_id"]]) == "")]
    assert wrong == [] and sum(row["status"] == "SCORED" for row in rows) > 5
    reasons = {row["customer_id"]: row["status_reason"] for row in rows if row["status"] == "NOT_APPLICABLE"}
    assert {name: asked(table[name]) for name in reasons} == reasons
    assert {row["probability"] is not None for row in rows if row["status"] == "SCORED"} == {True}


def scored(table: dict[str, dict[str, str]]) -> str:
    return next(name for name, row in table.items() if asked(row) == "")


def test_a_reference_is_scored_and_explained(project: Project, week: Path, table: dict[str, dict[str, str]]) -> None:
    name = scored(table)
    reply = json.loads(project.run("score", "NL", name, "--target", "upgrade", "-d", DAY, "--json").stdout)
    (one,) = reply["targets"]
    assert (one["target"], one["status"]) == ("upgrade", "SCORED") and 0 < one["probability"] < 1
    (path,) = week.glob("scores*.parquet")
    listed = [
        row for row in pq.read_table(path).to_pylist() if (row["customer_id"], row["target"]) == (name, "upgrade")
    ]
    assert [row["probability"] for row in listed] == [one["probability"]], "to the last digit"
    made = json.loads(project.run("explain", "NL", name, "--target", "upgrade", "-d", DAY, "--json").stdout)
    columns = {each["column"] for each in made["explanations"][0]["contributions"]}
    assert {column for column in columns if column.startswith(("baskets__", "derived__basket"))}


def test_it_is_scored_live(project: Project, table: dict[str, dict[str, str]]) -> None:
    reply = json.loads(project.run("score", "NL", *list(table)[:1], "--json").stdout)
    assert [one["target"] for one in reply["targets"]] == ["cancellation", "upgrade"]
    fetchers = {name for one in reply["freshness"] for name in one.get("fetchers", [])}
    assert "baskets" in fetchers


def test_every_way_to_its_values_is_the_same(project: Project) -> None:
    """Batch, rows, Feast online and historical, the scorer's vectors and probabilities."""
    found = json.loads(project.run("parity", "NL", "--sample", "150", "--json").stdout)
    assert "baskets__largest_28d" in json.dumps(found)
