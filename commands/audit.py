"""Who did what in the console: changed something, or looked at a customer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from console.audit_file import AuditLine


@click.command()
@click.option("--who", help="Only this caller's.")
@click.option("--customer", help="Only about this customer, by id.")
@click.option("--country", help="Only about this country.")
@click.option("--day", help="Only of this day (UTC), such as 2026-11-27.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def command(who: str | None, customer: str | None, country: str | None, day: str | None, as_json: bool) -> int:
    """List who did what in the console, oldest first: every change, and every customer that was looked at.

    It is kept for CEREBRO_AUDIT_DAYS. Of a customer it holds the id alone; whom `cerebro erase` forgot has none here.
    Exit 1 where a line cannot be read; stderr names it.

    \b
    Example:
      cerebro audit --who anna --day 2026-11-27
      cerebro audit --customer 326 --json
    """
    import msgspec

    from console import audit_file
    from scv import settings as known
    from terminal import listing

    wanted, bad = _day(day), list[str]()

    def lines() -> Iterator[AuditLine]:
        for one in audit_file.read(known.load().audit_path):
            if isinstance(one, str):
                bad.append(one)
            elif _is_wanted(one, who, customer, country) and wanted in (None, one.at.date()):
                yield one

    if as_json:
        for one in lines():
            click.echo(msgspec.json.encode(one).decode())
    else:
        columns = ("at", "who", "roles", "what", "country", "customer", "result")
        listing.show(columns, [[_shown(one, name) for name in columns] for one in lines()])
    for place in bad:
        click.echo(f"{place} of the audit log cannot be read.", err=True)
    return 1 if bad else 0


def _is_wanted(one: AuditLine, who: str | None, customer: str | None, country: str | None) -> bool:
    return (
        who in (None, one.who)
        and customer in (None, one.customer)
        and (country is None or country in one.country.split())
    )


def _shown(one: AuditLine, name: str) -> str:
    if name == "customer":
        return {None: "-", "": "(erased)"}.get(one.customer, one.customer or "")
    if name == "at":
        return f"{one.at:%Y-%m-%dT%H:%M:%SZ}"
    return str(getattr(one, name)) or "-"


def _day(text: str | None) -> date | None:
    """Raises BadReference."""
    from scv.errors import BadReference

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise BadReference(f"{text!r} is no day. Write it as 2026-11-27.") from error
