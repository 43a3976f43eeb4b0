"""Make rows again from the lake, beside live streams or for an empty store."""

from __future__ import annotations

import click

from scv import settings
from scv.errors import UserError
from scv.features import fetcher
from terminal.arguments import the_countries
from terminal.bar import Bar


@click.command()
@click.argument("countries", nargs=-1)
@click.option("--fetcher", "names", multiple=True, help="Only this fetcher; may be repeated.")
@click.option("--afresh", is_flag=True, help="Distrust every row: build all of them, in all countries.")
def command(countries: tuple[str, ...], names: tuple[str, ...], afresh: bool) -> None:
    """Make the rows of COUNTRIES (default: all) again from the newest version of the lake.

    Rows that are at the lake's position already, or ahead of it, are kept; so it may run at any time, and again when
    it was interrupted. When topics were created anew the next epoch begins: stop the consumers first.

    \b
    Example:
      cerebro rebuild
      cerebro rebuild US ZZ --fetcher orders
    """
    from scv.online.rowstore import RowStore
    from store.client import connect
    from streams.positions.epoch import rebuild

    if afresh and (countries or names):
        raise UserError("--afresh makes all rows again: name no country and no fetcher beside it.")
    found = settings.load()
    chosen = {country.code: country for country in the_countries(countries, found)}
    fetchers = [fetcher.get(name) for name in names]
    with connect(found) as client, Bar("Rebuilding") as bar:
        done = rebuild(found, RowStore(client), chosen, fetchers, afresh, bar.at)
    click.echo(
        f"{done.customers:,} customers, {done.arrivals:,} arrivals: {done.written:,} rows written, {done.kept:,} kept."
    )
