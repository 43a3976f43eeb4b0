"""Make a history of tables as shops export them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scv import settings
from scv.errors import UserError
from terminal import listing
from terminal.bar import Bar

if TYPE_CHECKING:
    from streams.tables.importing import Imported


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the history there (.parquet).")
@click.option(
    "--map", "map_path", type=click.Path(dir_okay=False, path_type=Path), help="A map of the columns (.toml)."
)
@click.option("--set", "lines", multiple=True, metavar="NAME=VALUE", help="A line of the map, such as country=GB.")
@click.option("--anyway", is_flag=True, help="Write without the bad rows, and with events that will not count.")
def command(
    paths: tuple[Path, ...], out: Path | None, map_path: Path | None, lines: tuple[str, ...], anyway: bool
) -> None:
    """Make a history, as `cerebro replay` takes it, of FILEs as a shop system or a warehouse exports them.

    FILEs are CSV, TSV, Excel (.xlsx), JSON, JSON lines or Parquet, also with .gz, or folders of them. A map says which
    column is what. Bad rows and events that would not count stop it; without --out it only shows what would be written.

    \b
    Example:
      cerebro import orders.csv --map orders.toml
      cerebro import orders.csv --map orders.toml --set country=GB --out shop.parquet
    """
    from streams.tables import importing, mapping

    if out is not None:
        importing.refuse_taken(out)
    if map_path is None:
        raise UserError("Which column is what? Say it in a map, --map FILE.toml.")
    given = dict(line.partition("=")[::2] for line in lines)
    map = mapping.load(map_path, given)
    with Bar("Reading"):
        imported = importing.read(paths, map, settings.load())
    _show(imported)
    if (imported.tally.bad or imported.losses) and not anyway:
        raise UserError("Nothing was written. Mend the table or the map; to write the rest all the same: --anyway.")
    if out is not None:
        importing.write(imported, out)
        click.echo(f"Wrote {len(imported.events):,} events to {out}.", err=True)


def _show(imported: Imported) -> None:
    from streams.tables.importing import PREVIEW

    first = imported.events.slice(0, PREVIEW)
    listing.show(first.column_names, [["" if v is None else v for v in row.values()] for row in first.to_pylist()])
    for line in [*imported.said, *imported.tally.lines(), *imported.losses]:
        click.echo(line, err=True)
    click.echo(f"{imported.tally.rows:,} rows gave {len(imported.events):,} events.", err=True)
