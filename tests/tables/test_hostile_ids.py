"""Hostile customer ids in tables: what an import writes is the id that stood in the cell, whatever the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import xlsxwriter

from tests.hostile import REFUSED, TAKEN
from tests.tables.shop import ORDERS, events, imported

NOT_MEANT = ("1e5", "#N/A")
"""A spreadsheet that cut digits off, and its word for nothing."""
WANTED = [one for one in TAKEN if one not in NOT_MEANT]
HEAD = ("Order ID", "Customer ID", "Order Date", "Sales")
AT = "2017-05-11T09:55:16-04:00"


def as_csv(ids: list[str], separator: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([HEAD, *((f"#{n}", one, AT, "10.00") for n, one in enumerate(ids))])
    return out.getvalue().encode()


def as_xlsx(ids: list[str]) -> bytes:
    out = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, {"in_memory": True, **plain}) as book:
        page = book.add_worksheet()
        for i, row in enumerate([HEAD, *((f"#{n}", one, AT, "10.00") for n, one in enumerate(ids))]):
            for j, cell in enumerate(row):
                page.write_string(i, j, cell)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["comma.csv", "semicolon.csv", "tab.tsv", "book.xlsx"])
def test_an_id_is_what_stood_in_the_cell(tmp_path: Path, kind: str) -> None:
    separator = {"comma.csv": ",", "semicolon.csv": ";", "tab.tsv": "\t"}.get(kind)
    body = as_xlsx(WANTED) if separator is None else as_csv(WANTED, separator)
    found = events(tmp_path / "in", {kind: body})
    assert sorted(row["customer_id"] for row in found) == sorted(WANTED)


def test_what_is_no_id_is_a_bad_row(tmp_path: Path) -> None:
    """Space around a cell is no part of it; everything else that is no id is told with its row."""
    bad = [one for one in REFUSED if one.strip() == one and not {"\n", "\x00"} & set(one)]
    done = imported(tmp_path / "in", {"o.csv": as_csv(["ann", *bad], ",")}, ORDERS)
    assert done.events["customer_id"].to_pylist() == ["ann"]
    assert sum(done.tally.bad.values()) == len(bad)
