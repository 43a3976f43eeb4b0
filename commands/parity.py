"""Compare every way to a value at a barrier: batch, rows, Feast online and historical, scorer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from commands.comparison import Tally
    from scv.country import Country
    from scv.figures import Figure
    from scv.settings import Settings


@click.command(short_help="Compare every way to a value at a barrier.")
@click.argument("codes", nargs=-1, metavar="[COUNTRY]...")
@click.option("-d", "--date", "date", help="The barrier: a local date or an instant; default: each country's clock.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(codes: tuple[str, ...], date: str | None, as_json: bool) -> int:
    """Recompute every variable of every customer in batch and compare it, value by value, with what is served.

    Values count only where at least one side is not missing. Exit code 1 when any differs. Also written to
    build/figures/parity.json.

    \b
    Example:
      cerebro parity US ZZ
      cerebro parity US -d 2017-09-05
    """
    from rich.console import Console

    from commands.arguments import the_countries, the_references
    from scv import figures, settings

    config = settings.load()
    console = Console(stderr=True)
    rows: list[Figure] = []
    examples: list[str] = []
    with console.status("comparing") as status:
        for country in the_countries(codes, config):
            at = the_references([date] if date else [], country, config)[0]
            tallies = measure(config, country, at, lambda text: status.update(text))
            rows += [row for tally in tallies for row in figures_of(country.code, tally)]
            examples += [example for tally in tallies for example in tally.examples]
    figures.write("parity", rows)
    show(rows, as_json)
    for example in examples:
        click.echo(example, err=True)
    compared = sum(int(row.peer or 0) for row in rows)
    wrong = sum(int(row.ours or 0) for row in rows)
    click.echo(f"{wrong} mismatches of {compared:,} compared values.", err=True)
    return 1 if wrong or not compared else 0


def measure(config: Settings, country: Country, at: datetime, progress: Callable[[str], None]) -> list[Tally]:
    """Fetch the batch side if it is not there, then compare every way with it."""
    from commands.comparison import compare
    from scv import snapshot
    from streams.connection import connect_store

    if snapshot.manifest(config.snapshots_path, country, at) is None:
        snapshot.fetch(config, {country: [at]})
    return compare(config, connect_store(config), country, at, progress)


def figures_of(country: str, tally: Tally) -> list[Figure]:
    """One row per fetcher (or model part): mismatches as ours, compared values as peer."""
    from scv.figures import Figure

    return [
        Figure(
            name=f"{country} {tally.way}: {group}",
            ours=tally.mismatches.get(group, 0),
            peer=compared,
            unit="values",
            bar="0 mismatches",
            ok=not tally.mismatches.get(group, 0),
        )
        for group, compared in sorted(tally.compared.items())
    ]


def show(rows: list[Figure], as_json: bool) -> None:
    from commands.listing import show as listed

    if as_json:
        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(rows), indent=1))
    else:
        listed(
            ("compared", "mismatches", "values", "verdict"),
            [[r.name, r.ours, r.peer, "ok" if r.ok else "DIFFERS"] for r in rows],
        )
