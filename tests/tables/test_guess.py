"""`cerebro import FILE --guess` writes a map that is refused until its questions are answered, and works then."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

import cli
from scv.errors import UserError
from scv.settings import Settings
from streams.tables import guess, importing, mapping
from tests.tables import dresses, test_presets
from tests.tables.dresses import SoldLine

SUPERSTORE = """Row ID,Order ID,Order Date,Ship Date,Customer ID,Customer Name,Sales,Quantity,Status
1,CA-1,11/8/2017,11/11/2017,CG-12520,Ann,261.96,2,paid
2,CA-1,11/8/2017,11/11/2017,CG-12520,Ann,731.94,3,paid
3,CA-2,6/12/2017,6/10/2017,,Bob,14.62,2,paid
4,CA-3,6/12/2017,6/10/2017,DV-13045,Cy,-14.62,-2,returned
5,CA-4,6/12/2017,6/10/2017,DV-13045,Cy,10.00,1,test
"""
ANSWERS = {
    "country": '"US"', "zone": '"America/New_York"', "dates": '"month first"', "rows": '"lines"', "decimal": '"."',
    "negative": '"returned"', '"paid"': '["placed"]', '"returned"': '["placed"]', '"test"': "[]",
}  # fmt: skip


def answered(text: str) -> str:
    """With the answers instead of the questions."""
    return re.sub(r'^("?\w+"?) = "\?"', lambda found: f"{found[1]} = {ANSWERS[found[1]]}", text, flags=re.M)


def test_a_guess_asks_and_then_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "superstore.csv"
    path.write_text(SUPERSTORE, encoding="utf-8")
    assert cli.main(["import", str(path), "--guess"]) == 0
    text = capsys.readouterr().out
    assert cli.main(["import", "--guess", str(path), "--out", str(tmp_path / "map.toml")]) == 0
    assert (tmp_path / "map.toml").read_text(encoding="utf-8") == text
    assert cli.main(["import", "--guess", str(path), "--out", str(tmp_path / "map.toml")]) == 2
    assert '#   Order Date: 5 filled, 2 different, times, such as "6/12/2017"' in text
    with pytest.raises(UserError) as refused:
        mapping.load(tmp_path / "map.toml", {})
    for question in ("country", "zone", "dates", "rows", "negative", "status.words.paid", "status.words.test"):
        assert f"`{question}`" in str(refused.value)
    (tmp_path / "map.toml").write_text(answered(text), encoding="utf-8")
    done = importing.read([path], mapping.load(tmp_path / "map.toml", {}), Settings(home=str(tmp_path)))
    rows = done.events.select(["kind", "id", "customer_id", "amount_cents", "items"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("returned", "CA-3:returned", "DV-13045", 1_462, 2),
        ("placed", "CA-1", "CG-12520", 99_390, 5),
    ]
    assert done.tally.left_out == {"Customer ID: empty": 1, "Status: test": 1} and not done.stops


@pytest.mark.parametrize("name", test_presets.CASES)
def test_a_layout_that_is_known_is_known(tmp_path: Path, name: str) -> None:
    case = test_presets.CASES[name]
    (tmp_path / case.name).write_bytes(case.body)
    assert f"# It looks like the preset {name}:\n" in guess.guess(tmp_path / case.name, {})


def test_of_several_sheets_one_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(dresses.sheets(tmp_path / "book.xlsx"))
    assert cli.main(["import", path, "--guess"]) == 2
    assert "several sheets: People, Orders" in capsys.readouterr().err
    assert cli.main(["import", path, "--guess", "--set", "sheet=Order"]) == 2
    assert "Did you mean 'Orders'?" in capsys.readouterr().err
    assert cli.main(["import", path, "--guess", "--set", "sheet=Orders", "--set", "country=US"]) == 0
    said = capsys.readouterr().out
    assert 'sheet = "Orders"\ncountry = "US"\n' in said and 'country = "?"' not in said


@pytest.mark.parametrize("name", dresses.DRESSES)
def test_every_dress_is_seen_as_what_it_is(tmp_path: Path, name: str) -> None:
    at = datetime(2017, 6, 13, 8, 26)
    lines = [SoldLine(f"A{n // 2}", 7, at, Decimal("12.50"), 2, "paid") for n in range(3)]
    text = guess.guess(dresses.write(tmp_path, name, lines), {})
    for line in ('id = "Order ID"', 'customer_id = "Customer ID"', 'occurred_at = "Order Date"', '"paid" = "?"'):
        assert line in text
    assert 'amount_cents = { column = "Price", times = "Qty" }' in text and 'dates = "?"' not in text
