"""Make a history of tables as shops export them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from scv import atomic, settings
from scv.errors import UserError
from scv.events import hashed_id
from terminal import listing
from terminal.bar import Bar

if TYPE_CHECKING:
    from streams.tables.importing import Imported

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--out", type=_FILE, help="Write the history there (.parquet), or the guess (.toml). Default: show it.")
@click.option("--map", "map_path", type=_FILE, help="A map of the columns (.toml).")
@click.option("--preset", help="A map that is ready: shopify, woocommerce, stripe, online-retail, app-sessions.")
@click.option("--set", "lines", multiple=True, metavar="NAME=VALUE", help="A line of the map, such as country=GB.")
@click.option("--guess", is_flag=True, help="Write a first map of FILE instead, with what it wants to know.")
@click.option("--anyway", is_flag=True, help="Write without the bad rows, and with events that will not count.")
@click.option("--json", "as_json", is_flag=True, help="Say what became of the rows as JSON.")
@click.option("--hash-ids", is_flag=True, help="Write a keyed hash in the place of each customer id.")
def command(  # noqa: PLR0913 - one parameter per option
    paths: tuple[Path, ...],
    out: Path | None,
    map_path: Path | None,
    preset: str | None,
    lines: tuple[str, ...],
    guess: bool,
    anyway: bool,
    as_json: bool,
    hash_ids: bool,
) -> None:
    """Make a history, as `cerebro replay` takes it, of FILEs as a shop system or a warehouse exports them.

    FILEs are CSV, TSV, Excel (.xlsx), JSON, JSON lines or Parquet, also with .gz, or folders of them. A map says which
    column is what. Bad rows and events that would not count stop it.

    \b
    Example:
      cerebro import orders.csv --guess > orders.toml
      cerebro import orders.csv --map orders.toml --out shop.parquet
      cerebro import orders_export.csv --preset shopify --set country=GB --out shop.parquet
    """
    from streams.tables import importing, mapping

    if out is not None:
        importing.refuse_taken(out, ".toml" if guess else ".parquet")
    if guess:
        _guess(paths[0], mapping.given(lines), out)
        return
    map, found = mapping.load(_map(map_path, preset), mapping.given(lines)), settings.load()
    with Bar("Looking") as bar:
        imported = importing.read(paths, map, found, hashed_id.key_of(found) if hash_ids else None, bar)
    _show(imported, as_json)
    if imported.stops and not anyway:
        raise UserError("Nothing was written. Mend the table or the map; to write the rest all the same: --anyway.")
    if out is not None:
        importing.write(imported, out)
        click.echo(f"Wrote {len(imported.events):,} events to {out}.", err=True)


def _map(path: Path | None, preset: str | None) -> Path:
    from streams.tables import mapping

    if (path is None) == (preset is None):
        raise UserError(
            "Which column is what? Say it in one map: --map FILE.toml, or --preset NAME. --guess writes one."
        )
    return path or mapping.preset(preset or "")


def _show(imported: Imported, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(imported.facts()).decode())
    else:
        listing.show(*imported.preview())
    click.echo("\n".join(imported.said()), err=True)


def _guess(path: Path, given: dict[str, str], out: Path | None) -> None:
    from streams.tables import guess

    text = guess.guess(path, given)
    if out is None:
        click.echo(text, nl=False)
    else:
        atomic.write(out, text.encode())
        click.echo(f"Wrote {out}. Answer every question that it has.", err=True)
