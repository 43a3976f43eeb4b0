"""Invent subscribers: a file of events of every family, to be replayed."""

from __future__ import annotations

from pathlib import Path

import click

from scv import country, settings
from scv.errors import UserError


@click.command()
@click.option("--customers", type=int, default=200, show_default=True, help="How many customers.")
@click.option("--weeks", type=int, default=30, show_default=True, help="How many weeks of their life.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another world.")
@click.option("--country", "code", default="ZZ", show_default=True, help="Whose time zone, span and delivery days.")
@click.option("--out", type=click.Path(path_type=Path), help="The Parquet file. Default: HOME/events/COUNTRY.parquet.")
@click.option("--clean", is_flag=True, help="No late, duplicate or conflicting deliveries.")
def command(customers: int, weeks: int, seed: int, code: str, out: Path | None, clean: bool) -> None:
    """Invent subscribers: a file of events of every family, to be replayed. Nothing in it is real.

    Prints the file's path.

    \b
    Example:
      cerebro simulate --customers 200 --weeks 30 --seed 7
      cerebro replay "$(cerebro simulate --seed 8 --out other.parquet)"
    """
    found = settings.load()
    target = out or found.home_path / "events" / f"{code}.parquet"
    if target.suffix != ".parquet":
        raise UserError(f"--out {target} must end in .parquet.")
    where = country.load(code, found.countries_path)

    from streams.history import write_parquet  # only here: --help needs no Arrow
    from streams.simulator import simulate

    events = simulate(where, customers, weeks, seed, clean)
    write_parquet(events, target)
    click.echo(f"Invented {events.num_rows:,} events of {customers:,} customers of {where.name}.", err=True)
    click.echo(str(target))
