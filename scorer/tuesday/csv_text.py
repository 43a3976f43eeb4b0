"""A table as CSV text for spreadsheets and machines: RFC 4180, in a country's own separators, safe from formulas."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from scv.events.country import Country

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a text cell for a formula, or drop what stands before one (CWE-1236)."""


def csv_of(table: pa.Table, country: Country) -> bytes:
    """UTF-8 with a header and CRLF; a missing value is an empty field.

    Numbers have all their digits and the country's decimal mark; instants are local with their offset. A text that
    begins like a formula gets an apostrophe in front: Parquet is the exact form.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=country.separator, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        writer.writerow([cell(value, country) for value in row])
    return out.getvalue().encode()


def cell(value: Any, country: Country) -> str:
    """One field.

    >>> from scv.events import country
    >>> [cell(value, country.load("ZZ")) for value in ("=1+1", -0.5, "-7", None, True)]
    ["'=1+1", '-0,5', "'-7", '', 'true']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace(".", country.decimal)
    if isinstance(value, datetime):
        return value.astimezone(country.zone).isoformat()
    if isinstance(value, int | date):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
