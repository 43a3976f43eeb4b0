"""`cerebro import` from the command line: what it shows, what stops it, what it writes, and that a replay takes it."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

import cli
from scv.events import country
from scv.settings import Settings
from streams.replay.history import History
from streams.tables import files, importing, mapping
from tests.tables.shop import ORDERS

LINES = """Order ID;Customer ID;Order Date;Sales
#1001;ann;2017-05-11T09:55:16-04:00;10,00
#1001;;;24,95
#1001;;;600,00
#1001;;;"1.025,00"
#1002;ann;2017-05-18T09:55:16-04:00;729,95
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path / "var"))
    (tmp_path / "orders.csv").write_text(LINES, encoding="utf-8")
    (tmp_path / "map.toml").write_text('rows = "lines"' + ORDERS, encoding="utf-8")
    return tmp_path


def run(shop: Path, *more: str) -> int:
    return cli.main(["import", str(shop / "orders.csv"), "--map", str(shop / "map.toml"), *more])


def test_order_lines_are_summed_and_a_replay_takes_them(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One row per order line: half of the money was lost."""
    out = shop / "events.parquet"
    assert run(shop, "--out", str(out)) == 0
    rows = pq.read_table(out).to_pylist()
    assert [(row["id"], row["customer_id"], row["amount_cents"]) for row in rows] == [
        ("#1001", "ann", 165_995),
        ("#1002", "ann", 72_995),
    ]
    with History(out) as history:
        places = [country.load(code) for code in history.spans()]
        assert history.check({place.code: place for place in places}) == 2
        assert history.forecast(places).uncounted == {}
    said = capsys.readouterr()
    assert (
        "#1001\tUS\tann\tplaced" in said.out
        and "5 rows gave 2 events, all of which a replay into an empty log counts." in said.err
    )
    assert "Sales: decimal comma" in said.err


def test_without_summing_it_says_what_would_be_lost(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled = LINES.replace(";;;", ";ann;2017-05-11T09:55:16-04:00;")
    (shop / "orders.csv").write_text(filled, encoding="utf-8")
    out = shop / "events.parquet"
    assert run(shop, "--set", "rows=events", "--out", str(out)) == 2
    assert "3 of 5 events have the id and the instant of another one" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_is_never_written_over(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shop / "events.parquet"
    out.write_bytes(b"mine")
    assert run(shop, "--out", str(out)) == 2
    assert "is there already" in capsys.readouterr().err and out.read_bytes() == b"mine"


def test_bad_rows_are_counted_by_reason_and_stop_it(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = "".join(f"{n};nan;2017-06-01T10:00:00Z;1,00\n" for n in range(12)) + "13;bob;soon;1,00\n"
    (shop / "orders.csv").write_text(LINES + bad, encoding="utf-8")
    out = shop / "events.parquet"
    assert run(shop, "--out", str(out)) == 2
    said = capsys.readouterr().err
    assert "Bad: customer_id: empty: 12 rows, the first 10 of them" in said
    assert f"{shop / 'orders.csv'}, row 18: 'soon'" in said and not out.exists()
    assert run(shop, "--out", str(out), "--anyway") == 0
    assert pq.read_table(out).num_rows == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('zonee = "UTC"', "Did you mean 'zone'?"),
        ('[events.plced]\nid = "Order ID"', "Did you mean 'placed'?"),
        (
            '[columns]\nid = "Order ID"\ncustomer_id = "Customer"\noccurred_at = "Order Date"',
            "Did you mean 'Customer ID'?",
        ),
        ('zone = "Europe/Londn"', "Did you mean 'Europe/London'?"),
        ('zone = "?"', "`zone` still wants an answer"),
    ],
)
def test_a_slip_in_a_map_is_named(shop: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = ORDERS.replace('zone = "America/New_York"', "") if line.startswith("zone =") else ORDERS
    whole = whole.partition("[columns]")[0] + line if line.startswith("[columns]") else line + whole
    (shop / "map.toml").write_text(whole, encoding="utf-8")
    assert run(shop) == 2
    assert said in capsys.readouterr().err


def test_what_no_consumer_takes_is_said_of_the_row_that_it_came_from(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = "#1003;bob;1989-06-01T10:00:00Z;1,00\n#1004;bob;2017-06-01T10:00:00Z;\n#1005;bob;2017-06-02T10:00:00Z;5,00\n"
    (shop / "orders.csv").write_text(LINES + more, encoding="utf-8")
    out = shop / "events.parquet"
    assert run(shop, "--out", str(out)) == 2
    said = capsys.readouterr().err
    assert f"Bad: outside the span of US: 1 row\n  {shop / 'orders.csv'}, row 6: 1989-06-01T10:00:00+00:00 is" in said
    assert f"Bad: amount_cents: empty: 1 row\n  {shop / 'orders.csv'}, row 7: ''" in said
    assert run(shop, "--out", str(out), "--anyway") == 0
    assert pq.read_table(out)["id"].to_pylist() == ["#1001", "#1002", "#1005"]


def test_a_load_time_as_seen_at_is_said_with_its_row(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """95 of 100 orders would be dropped."""
    (shop / "map.toml").write_text(ORDERS.replace("[events", 'seen_at = "Loaded"\n[events'), encoding="utf-8")
    rows = [f"{n};ann;2017-{n:02}-01T10:00:00Z;1.50;2017-11-14T03:00:00Z" for n in range(1, 12)]
    (shop / "orders.csv").write_text("\n".join(["Order ID;Customer ID;Order Date;Sales;Loaded", *rows]), "utf-8")
    assert run(shop) == 2
    said = capsys.readouterr().err
    assert "9 of 11 events come too late to count" in said and f"{shop / 'orders.csv'}, row 2." in said


def test_json_says_what_became_of_every_row(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "orders.csv").write_text(LINES + "13;bob;soon;1,00\n", encoding="utf-8")
    assert run(shop, "--json") == 2
    assert msgspec.json.decode(capsys.readouterr().out) == {
        "rows": 6,
        "events": {"placed": 2},
        "left_out": {},
        "bad": {
            "occurred_at: no time": {
                "rows": 1,
                "first": [{"file": str(shop / "orders.csv"), "row": 6, "value": "'soon'"}],
            }
        },
        "repeated": 0,
        "losses": [],
        "read": ["Sales: decimal comma"],
    }


def test_what_a_map_leaves_open_can_be_given(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "map.toml").write_text('rows = "lines"' + ORDERS.replace('"US"', '"?"'), encoding="utf-8")
    assert run(shop) == 2 and "`country` still wants an answer" in capsys.readouterr().err
    assert run(shop, "--set", "country=US") == 0
    assert run(shop, "--set", "contry=US") == 2 and "Did you mean 'country'?" in capsys.readouterr().err
    assert run(shop, "--set", "US") == 2 and "write NAME=VALUE" in capsys.readouterr().err
    assert run(shop, "--preset", "shopify") == 2 and "in one map" in capsys.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_files_progress_is_told_and_its_letters_are_looked_up_once(
    shop: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both passes tell the bar how much of what lies on disk is behind, up to the whole of it."""
    lines = "".join(f"{n};ann {n};2017-05-11T09:55:16-04:00;10,00\n" for n in range(4000))
    body = (LINES + lines + "4000;Zo\xe9;2017-05-11T09:55:16-04:00;10,00\n").encode("cp1252")
    paths = [shop / "a.csv", shop / ("b.csv.gz" if packed else "b.csv")]
    for path in paths:
        path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    total = sum(path.stat().st_size for path in paths) // 1000
    heard: list[tuple[str, int, int]] = []
    looked: list[Path] = []
    look = files._encoding
    monkeypatch.setattr(files, "_encoding", lambda table: looked.append(table.path) or look(table))
    done = importing.read(
        paths, mapping.load(shop / "map.toml", {}), Settings(home=str(shop)), report=lambda *at: heard.append(at)
    )
    assert looked == paths and any("read as cp1252" in line for line in done.said())
    for stage in ("Looking, kB", "Reading, kB"):
        told = [(now, of) for what, now, of in heard if what == stage]
        assert told == sorted(told) and told[-1] == (total, total) and len(set(told)) > 4
    assert heard[-1] == ("Judging", 0, 0)
