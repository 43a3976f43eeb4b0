"""List the events that do not count, each with the reason."""

from __future__ import annotations

import json

import click

from scv import settings
from scv.errors import UserError
from scv.events import event
from terminal import listing
from terminal.arguments import the_countries


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.option("--customer", help="Only this customer's.")
@click.option("--family", "families", multiple=True, help="Only this event family's; may be repeated.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(0), help="How many of each reason.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(code: str, customer: str | None, families: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the events of COUNTRY that are in the lake and do not count, the first of each reason, and say how many.

    Repeated: an event with the same id and instant counts already, and says the same. Changed: it says something else;
    the first one counts, a correction needs an id of its own. Too late: newer ones of this customer and family had
    been seen more than lateness_days before. Before an erasure: it came after its customer's erasure and happened
    before. What is no event at all is in the dead-letter topics; `cerebro health lake` counts it.

    \b
    Example:
      cerebro refused US
      cerebro refused US --customer 900 --family orders
    """
    import duckdb

    from scv.offline.lake import Lake
    from scv.offline.refused import refused

    config = settings.load()
    (country,) = the_countries([code], config)
    for name in families:
        event.kinds(name)
    with duckdb.connect(config={"threads": config.threads, "memory_limit": config.memory}) as connection:
        found = refused(connection, Lake(config.lake_path), country, families or event.FAMILIES, customer, limit)
    if customer is not None and not found.verdicts:
        raise UserError(f"The lake holds no event of customer {customer!r} in {code}.")
    if as_json:
        first = [one._asdict() | {name: getattr(one, name).isoformat() for name in _TIMES} for one in found.first]
        click.echo(json.dumps({"country": country.code, "verdicts": found.verdicts, "first": first}))
        return
    columns = ("reason", "family", "customer", "kind", "id", "occurred at", "seen at")
    rows = [
        (one.reason, one.family, one.customer_id, one.kind, one.id, *(getattr(one, at).isoformat() for at in _TIMES))
        for one in found.first
    ]
    listing.show(columns, rows)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in found.verdicts.items() if reason != "admitted")
    click.echo(f"{country.code}: {found.verdicts['admitted']:,} events count. Not: {reasons or 'none'}.", err=True)


_TIMES = ("occurred_at", "seen_at")
