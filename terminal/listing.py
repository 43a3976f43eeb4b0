"""A list on stdout: a table for a person, tab-separated lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click


def show(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their column names; nothing is cut off in either form."""
    cells = [[", ".join(map(str, cell)) if isinstance(cell, tuple) else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in [list(columns), *cells]:
            click.echo("\t".join(line))
        return
    from rich.box import SIMPLE  # only here: a pipe needs none of it
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in cells:
        table.add_row(*map(Text, line))  # no word in brackets is a colour
    Console().print(table)
