"""List the countries: the ones that ship and your own, which win."""

from __future__ import annotations

import click
import msgspec

from scv import settings
from scv.events import country
from terminal import listing

COLUMNS = ("code", "name", "time_zone", "starts_on", "ends_on", "basis", "targets")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print everything about each country as JSON.")
def command(as_json: bool) -> None:
    """List the countries: the ones that ship and your own, which win.

    A country is a file XX.toml in HOME/countries (or in the folder that CEREBRO_COUNTRIES names).

    \b
    Example:
      cerebro countries
      cerebro countries --json
    """
    found = country.known(settings.load().countries_path)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(list(found.values())), indent=2).decode())
        return
    listing.show(COLUMNS, [[getattr(one, column) for column in COLUMNS] for one in found.values()])
