"""The single customer view over HTTP: the same table in four forms, at a reference and now; the catalogue beside it."""

from __future__ import annotations

import csv
import io
import time
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from console.recent_lake import RecentLake
from scv.features import derived, fetcher
from scv.fetchers import roles
from scv.offline import lake_version, snapshot
from scv.offline.csv_text import csv_of
from scv.offline.snapshot import Snapshots
from tests.console.desk import LIVELY, Desk, child, desk
from tests.hostile import TAKEN
from tests.scorer.shop import AT, US, Shop

ADDRESS = "/api/v1/scv/US?at=2017-09-05"


@pytest.fixture
def whole(live: Shop) -> pa.Table:
    """What the snapshot says."""
    table = snapshot.join(Snapshots(live.settings, US).read(AT))
    return table.select(["customer_id", *fetcher.all_features()])


def test_four_forms_are_one_table(open_shop: Desk, whole: pa.Table) -> None:
    told = open_shop.ask("GET", ADDRESS)
    assert told.body["rows"] == whole.to_pylist() and told.body["reference"] == "2017-09-05"
    assert told.headers["cerebro-reference"] == "2017-09-05" and told.headers["content-type"] == "application/json"
    arrow = open_shop.ask("GET", ADDRESS, Accept="application/vnd.apache.arrow.stream")
    assert pa.ipc.open_stream(arrow.bytes).read_all().equals(whole)
    parquet = open_shop.ask("GET", f"{ADDRESS}&format=parquet", Accept="text/csv")
    assert (
        pq.read_table(io.BytesIO(parquet.bytes)).equals(whole)
        and "attachment" in parquet.headers["content-disposition"]
    )
    text = open_shop.ask("GET", ADDRESS, Accept="text/csv, */*;q=0.1")
    assert text.bytes == csv_of(whole, US) and text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert {"'=1+1", "'@x"} <= {row["customer_id"] for row in rows}, "no cell is a formula"


def test_columns_and_customers_are_chosen(open_shop: Desk, whole: pa.Table) -> None:
    some = [LIVELY, TAKEN[0]]
    query = "".join(f"&customer={one.replace('+', '%2B')}" for one in some)
    told = open_shop.ask("GET", f"{ADDRESS}&columns={roles.SILENCE},rhythm{query}").body
    wanted = [roles.SILENCE, *(one.full_name for one in fetcher.get("rhythm").features)]
    kept = whole.select(["customer_id", *wanted]).to_pylist()
    assert told["rows"] == [row for row in kept if row["customer_id"] in some] and len(told["rows"]) == 2
    now = open_shop.ask("GET", f"/api/v1/scv/US?at=now&columns={roles.SILENCE}{query}&customer=nobody").body
    assert now["rows"] == [{one: row[one] for one in ("customer_id", roles.SILENCE)} for row in told["rows"]]
    newest = open_shop.ask("GET", f"/api/v1/scv/US?columns={roles.SILENCE}")
    assert newest.headers["cerebro-reference"] == "2017-09-05"


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("at=2017-01-31", 404, "cerebro fetch US -d 2017-01-31"),
        ("at=05/09/2017", 422, "is no date"),
        ("at=now", 422, "name up to 500"),
        ("columns=order", 422, "Did you mean 'orders'?"),
        ("format=xml", 422, "format"),
        ("customer=%20", 422, "no customer id"),
    ],
)
def test_what_cannot_be_had_is_told(open_shop: Desk, query: str, status: int, told: str) -> None:
    reply = open_shop.ask("GET", f"/api/v1/scv/US?{query}")
    assert reply.status == status and told in reply.body["detail"], reply.text
    assert open_shop.ask("GET", ADDRESS, Accept="image/png").status == 406


def test_many_tables_at_once_give_their_turns_back(live: Shop) -> None:
    from console.routes import scv

    with desk(live.settings, child()) as console:
        for _ in range(2 * scv.AT_ONCE):
            assert console.ask("GET", ADDRESS).status == 200
            assert console.ask("GET", "/api/v1/scv/US?at=2017-01-31").status == 404


def test_the_catalogue_says_how_variables_lie(open_shop: Desk, whole: pa.Table) -> None:
    bare = open_shop.ask("GET", "/api/v1/catalogue").body
    assert [one["name"] for one in bare["variables"]] == [*fetcher.all_features(), *derived.collect()]
    assert bare["reference"] is None
    told = open_shop.ask("GET", "/api/v1/catalogue?country=US").body
    by_name = {one["name"]: one for one in told["variables"]}
    assert told["customers"] == len(whole) and told["reference"] == "2017-09-05"
    for name in roles.SHOWN:
        known = len(whole) - whole[name].null_count
        assert sum(by_name[name]["counts"]) == known and by_name[name]["missing"] == pytest.approx(
            1 - known / len(whole)
        )
        assert len(by_name[name]["edges"]) == len(by_name[name]["counts"]) + 1
    assert by_name[roles.SILENCE]["models"] == ["lapse", "skip"]
    nowhere = open_shop.ask("GET", "/api/v1/catalogue?country=ZZ").body
    assert "No snapshot of ZZ" in nowhere["trouble"] and nowhere["variables"]


def test_the_lake_is_looked_at_seldom_and_let_go(live: Shop) -> None:
    folder = live.settings.lake_path / lake_version.FOLDER
    before, recent = set(folder.glob("*.json")), RecentLake(live.settings, fresh_s=0.3)
    assert recent.version() is recent.version() and len(set(folder.glob("*.json")) - before) == 1
    assert recent.complete_to(US) == AT + timedelta(days=90)
    deadline = time.monotonic() + 20
    while set(folder.glob("*.json")) - before:
        assert time.monotonic() < deadline, "a page that nobody looks at keeps files from the vacuum"
        time.sleep(0.05)
