"""The same rows in every dress in which tables come: CSV in eight variants, JSON lines, JSON, Parquet, Excel, `.gz`."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

NAMES = ("Order ID", "Customer ID", "Order Date", "Price", "Qty", "Status")


class SoldLine(NamedTuple):
    """One row: `at` is a local time, None in fields that a further line of an order leaves out."""

    order: str
    customer: int | None
    at: dt.datetime | None
    price: Decimal
    quantity: int
    status: str | None


def _csv(
    lines: list[SoldLine], separator: str, point: str, at: str, encoding: str = "utf-8", float_ids: bool = False
) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n" if separator == ";" else "\n")
    writer.writerow(NAMES)
    for line in lines:
        customer = "" if line.customer is None else f"{line.customer}.0" if float_ids else str(line.customer)
        when = "" if line.at is None else line.at.strftime(at)
        price = f"{line.price:,.2f}".translate({44: "." if point == "," else ",", 46: point})
        writer.writerow([line.order, customer, when, price, line.quantity, line.status or ""])
    return out.getvalue().encode(encoding)


def _records(lines: list[SoldLine]) -> list[dict[str, Any]]:
    values = [
        (line.order, line.customer, line.at and line.at.isoformat(), float(line.price), line.quantity, line.status)
        for line in lines
    ]
    return [{k: v for k, v in zip(NAMES, row, strict=True) if v is not None} for row in values]


def _parquet(lines: list[SoldLine]) -> bytes:
    columns = dict(zip(NAMES, map(list, zip(*lines, strict=True)), strict=True))
    columns["Customer ID"] = [None if one is None else float(one) for one in columns["Customer ID"]]
    sink = io.BytesIO()
    table = pa.table(columns)
    at = table.column_names.index("Order Date")
    table = table.set_column(at, "Order Date", table["Order Date"].cast(pa.timestamp("ns")))
    pq.write_table(table, sink)
    return sink.getvalue()


def _excel(lines: list[SoldLine]) -> bytes:
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "default_date_format": "dd/mm/yyyy hh:mm"})
    sheet = book.add_worksheet("Orders")
    sheet.write_row(0, 0, NAMES)
    for n, line in enumerate(lines, start=1):
        for column, value in enumerate(line):
            if isinstance(value, dt.datetime):
                sheet.write_datetime(n, column, value)
            elif value is not None and column != 0:
                sheet.write(n, column, float(value) if isinstance(value, Decimal) else value)
        sheet.write_string(n, 0, line.order)
    book.close()
    return sink.getvalue()


DRESSES: dict[str, Callable[[list[SoldLine]], bytes]] = {
    "plain.csv": lambda lines: _csv(lines, ",", ".", "%Y-%m-%d %H:%M:%S"),
    "german.csv": lambda lines: _csv(lines, ";", ",", "%d.%m.%Y %H:%M:%S", "utf-8-sig"),
    "windows.csv": lambda lines: _csv(lines, ";", ",", "%d.%m.%Y %H:%M:%S", "cp1252"),
    "american.txt": lambda lines: _csv(lines, "|", ".", "%m/%d/%y %I:%M:%S %p", float_ids=True),
    "excel.tsv": lambda lines: _csv(lines, "\t", ".", "%d-%b-%Y %H:%M:%S", "utf-16"),
    "told.csv": lambda lines: b"sep=;\n" + _csv(lines, ";", ".", "%Y/%m/%d %H:%M:%S"),
    "packed.csv.gz": lambda lines: gzip.compress(_csv(lines, ",", ".", "%Y-%m-%dT%H:%M:%S")),
    "lines.jsonl": lambda lines: "\n".join(map(json.dumps, _records(lines))).encode(),
    "list.json": lambda lines: json.dumps({"orders": _records(lines)}).encode(),
    "typed.parquet": _parquet,
    "sheet.xlsx": _excel,
}
"""File name → its bytes. Only lines of cp1252's letters are for all of them."""
NEEDS = {
    "german.csv": {"dates": "day first", "decimal": ","},
    "windows.csv": {"dates": "day first", "decimal": ","},
    "american.txt": {"dates": "month first", "decimal": "."},
}
"""What has to be said of a dress where its rows do not say it."""


def sheets(path: Path) -> Path:
    """An Excel file with two sheets."""
    book = xlsxwriter.Workbook(path)
    for name in ("People", "Orders"):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, NAMES)
        sheet.write_row(1, 0, ["A1", 7, "2017-06-13 08:26", 12.5, 2, "paid"])
    book.close()
    return path


def write(folder: Path, name: str, lines: list[SoldLine]) -> Path:
    path = folder / name
    path.write_bytes(DRESSES[name](lines))
    return path
