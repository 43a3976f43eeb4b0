"""Hostile customer ids through the whole shop: the id that comes out of every path is the id that went in."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import cli
from local.services.store import Store
from pages.page import Table, page
from rpc.client import ScorerClient
from scorer.feedback.outcomes import collect
from scorer.live.server import Server
from scorer.tuesday.export import Exported, export
from scv.events.event import Erased, Event, Outcome
from scv.offline import snapshot
from streams.alert import Alert, Risk, StandingAlerts
from streams.reactor import _of_key
from terminal import listing, variables
from tests.hostile import REFUSED, TAKEN
from tests.keys import client
from tests.scorer import shop
from tests.scorer.shop import AT, US, Shop

GONE, STAY = TAKEN[::2], TAKEN[1::2]
EVERYONE = msgspec.structs.replace(US, capacity=len(TAKEN), held_out_share=0.0, quiet_days=0)


def said(kind: type[Event], customer: str, **fields: object) -> Event:
    at = AT + timedelta(days=1)
    return kind(id=f"x-{customer}"[:99], country="US", customer_id=customer, occurred_at=at, seen_at=at, **fields)


@pytest.fixture(scope="module")
def hostile(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Everybody has a hostile id; half of them are contacted after the reference."""
    found = made_of(
        store, tmp_path_factory.mktemp("hostile"), [said(Outcome, one, channel="phone", reached=True) for one in STAY]
    )
    found.fetch(shop.TRAINED, AT)
    found.train("lapse", rounds=3)
    yield found


def made_of(store: Store, home: Path, more: list[Event]) -> Shop:
    settings = msgspec.structs.replace(
        shop.Settings(home=str(home), store=store.url, wait_s=0), exports=str(home / "out")
    )
    events = shop.history(len(TAKEN), AT + timedelta(days=90), named=TAKEN)
    events = [one for one in events if one.customer_id in TAKEN]
    found = Shop(settings, client(store.url), sorted([*events, *more], key=lambda one: (one.seen_at, one.id)))
    found.fill_lake(AT + timedelta(days=90))
    return found


@pytest.fixture
def asked(hostile: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    hostile.rewind()
    server = Server(hostile.settings, "127.0.0.1:0", insecure=True)
    server.start()
    for name, value in (("HOME", hostile.settings.home), ("STORE", hostile.settings.store), ("SCORER", server.address)):
        monkeypatch.setenv(f"CEREBRO_{name}", value)
    try:
        yield server
    finally:
        server.stop(1)


@pytest.fixture(scope="module")
def exported(hostile: Shop) -> Exported:
    return export(hostile.settings, EVERYONE, AT)


def test_the_scorer_answers_about_each(asked: Server) -> None:
    with ScorerClient(asked.address) as scorer:
        replies = scorer.score_batch("US", TAKEN, ["lapse"])
        assert [(one.customer_id, one.known) for one in replies] == [(one, True) for one in TAKEN]
        assert scorer.score("US", TAKEN[0], ["lapse"]).customer_id == TAKEN[0]


def test_a_person_asks_for_each_on_the_command_line(asked: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["score", "US", "--target", "lapse", "--json", "--", *TAKEN]) == 0
    assert [json.loads(line)["customer_id"] for line in capsys.readouterr().out.splitlines()] == list(TAKEN)
    assert cli.main(["score", "US", "--", *TAKEN]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("US ")]
    assert [line.startswith(f"US {one}, ") for line, one in zip(printed, TAKEN, strict=True)] == [True] * len(TAKEN)
    for one in (*REFUSED, "\udcff"):
        assert cli.main(["score", "US", "--", "900", one]) == 2
        assert "is no customer id: it " in capsys.readouterr().err


def test_snapshots_hold_each_until_it_is_erased(hostile: Shop, store: Store, tmp_path: Path) -> None:
    erased = made_of(store, tmp_path, [said(Erased, one) for one in GONE])
    erased.fetch(AT)
    for one, left in ((hostile, TAKEN), (erased, STAY)):
        there = snapshot.join(snapshot.Snapshots(one.settings, US).read(AT))["customer_id"].to_pylist()
        assert set(there) == set(left)


def test_tuesdays_files_hold_each_and_no_formula(hostile: Shop, exported: Exported) -> None:
    folder = Path(hostile.settings.exports) / "US/2017-09-05"
    parquet = pq.read_table(folder / "scores_US_2017-09-05.parquet")["customer_id"].to_pylist()
    assert set(parquet) == set(TAKEN)
    text = (folder / "scores_US_2017-09-05.csv").read_bytes().decode()
    cells = [row["customer_id"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert [one.removeprefix("'") for one in cells] == parquet
    assert not [one for one in cells if one[0] in "=+-@" and not one[1:].isdigit()]
    book = openpyxl.load_workbook(folder / "contacts_US_2017-09-05.xlsx")
    column = [cell for (cell,) in book["Contacts"].iter_rows(min_row=2, min_col=2, max_col=2)]
    assert {cell.data_type for cell in column} == {"s"}
    listed = exported.week.scores().filter(exported.week.scores()["rank"].is_valid())["customer_id"].to_pylist()
    assert {cell.value for cell in column} == set(listed) and len(listed) > 10


def test_a_week_comes_back_with_who_was_contacted(hostile: Shop, exported: Exported) -> None:
    (past, *_), _ = collect(hostile.settings, EVERYONE, [AT])
    assert set(past.customers) <= set(TAKEN)
    contacted = set(np.asarray(past.customers)[past.contacted])
    assert contacted and contacted == set(past.customers) & set(STAY)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_fetched_table_holds_each(
    asked: Server, tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"scv.{ending}"
    assert cli.main(["fetch", "US", "-d", "2017-09-05", "-f", "orders", "--out", str(out)]) == 0
    if ending == "parquet":
        assert set(pq.read_table(out)["customer_id"].to_pylist()) == set(TAKEN)
        return
    capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"), newline="")))
    assert {one["customer_id"].removeprefix("'") for one in rows} == set(TAKEN)


def test_pages_and_terminals_show_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = page("Ids", [Table([(one, 1) for one in TAKEN], ("customer", "count"))])
    for one in TAKEN:
        assert f"<td>{html.escape(one, quote=False)}</td>" in shown.replace("&#39;", "'").replace("&#34;", '"'), one
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("rich.console.Console", lambda: Console(width=400))
    listing.show(("customer", "count"), [(one, 1) for one in TAKEN])
    told = capsys.readouterr().out
    assert [one for one in TAKEN if one not in told] == []
    for one in TAKEN:
        variables.show(snapshot.pa.table({"country": ["US"], "customer_id": [one], "orders__count_ever": [1]}))
        assert f"US:{one}" in capsys.readouterr().out


def test_alerts_stand_for_each(hostile: Shop) -> None:
    standing = StandingAlerts(hostile.client)
    for one in TAKEN:
        risk = Risk(country="US", customer_id=one, target="lapse", band="high", reason="")
        standing.keep(Alert(change="raised", risk=risk))
    assert set(standing.of("US", TAKEN)) == {(one, "lapse") for one in TAKEN}
    assert set(standing.everyone(["US"])) == {("US", one) for one in TAKEN}
    assert [_of_key(f"US:{one}".encode()).customer_id for one in TAKEN] == list(TAKEN)
