"""A table of features on stdout: CSV for a pipe, the variables of the first customers for a person."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def show(table: pa.Table, customers: int = 4) -> None:
    """CSV for a pipe; for a person the variables of the first customers, one line each."""
    import pyarrow.csv as csv

    from scv.offline.csv_text import inert

    if not sys.stdout.isatty():
        if table.num_columns:
            csv.write_csv(inert(table), sys.stdout.buffer)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, names = Console(), [name for name in table.column_names if name not in ("country", "customer_id")]
    columns = [_column(row, names) for row in table.slice(0, customers).to_pylist()]
    fit = _fitting([names, *columns], console.width)
    shown = Table(title=f"{len(table)} rows × {table.num_columns} columns; the first {len(columns[:fit])}")
    shown.add_column("variable", overflow="fold")
    for column in columns[:fit]:
        shown.add_column(Text(column[0]), justify="right", overflow="fold")
    for name, *values in zip(names, *(column[1:] for column in columns[:fit]), strict=True):
        shown.add_row(name, *map(Text, values))
    console.print(shown)


def _column(row: dict[str, object], names: list[str]) -> list[str]:
    """A customer's column: who it is, then the value of each variable."""
    values = (row[name] for name in names)
    return [
        f"{row['country']}:{row['customer_id']}",
        *("" if v is None else f"{v:%Y-%m-%d %H:%M}" if isinstance(v, datetime) else str(v) for v in values),
    ]


def _fitting(columns: list[list[str]], width: int) -> int:
    """How many columns beside the first fit a terminal; one at least, whatever its width."""
    taken = [max(map(len, column), default=0) + len(" │ ") for column in columns]
    return max(1, sum(sum(taken[: n + 1]) < width for n in range(1, len(taken))))
