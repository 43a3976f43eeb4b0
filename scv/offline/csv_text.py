"""A table as CSV text for spreadsheets and machines: RFC 4180, in a country's own separators, safe from formulas."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scv.events.country import Country

FORMULA = r"\A(['=@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|[+-](?:\D|\d+\D|$))"
"""What makes a spreadsheet take a text cell for a formula, or drop what stands before one (CWE-1236), the full-width
signs among it; and an apostrophe, so that taking one away always gives the text. A sign before digits is a number."""


def inert(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before every text that begins like a formula; Parquet is the exact form.

    Whoever takes one apostrophe away from the beginning of a text has it as it was.

    >>> inert(pa.table({"a": ["=1+1", "-7", "-d", "'", None, "box"]}))["a"].to_pylist()
    ["'=1+1", '-7', "'-d", "''", None, 'box']
    """
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = pc.replace_substring_regex(table.column(index), FORMULA, r"'\1")
            table = table.set_column(index, field.name, column)
    return table


def csv_of(table: pa.Table, country: Country) -> bytes:
    """UTF-8 with a header and CRLF; a missing value is an empty field.

    Numbers have all their digits and the country's decimal mark; instants are local with their offset; texts are
    `inert`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=country.separator, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for row in zip(*(column.to_pylist() for column in inert(table).columns), strict=True):
        writer.writerow([cell(value, country) for value in row])
    return out.getvalue().encode()


def cell(value: Any, country: Country) -> str:
    """One field.

    >>> from scv.events import country
    >>> [cell(value, country.load("ZZ")) for value in ("box", -0.5, None, True)]
    ['box', '-0,5', '', 'true']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace(".", country.decimal)
    if isinstance(value, datetime):
        return value.astimezone(country.zone).isoformat()
    return str(value)
