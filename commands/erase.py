"""Forget one customer everywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from operation.erasing import Receipt
    from scv.events.country import Country
    from scv.settings import Settings


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("customer_id", metavar="CUSTOMER")
@click.option("--yes", is_flag=True, help="Do not ask. Nothing brings a customer back.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def command(code: str, customer_id: str, yes: bool, as_json: bool) -> int:
    """Forget CUSTOMER of COUNTRY: rows, lake, snapshots, training sets, served vectors, the weeks that are kept, and
    the console's audit log.

    An `erased` goes to every topic; once both consumers hold it, what is kept on disk is written anew without them. The
    receipt on stdout says what was done where, and what remains until when: the log keeps its records for
    CEREBRO_EVENT_DAYS. Events of before that come later bring nobody back. Exit 1 where something had to be left.

    \b
    Example:
      cerebro erase US 326 --yes
    """
    from dataclasses import asdict

    from operation import erasing
    from scv import settings as known
    from scv.errors import UserError
    from scv.offline.lake import Lake
    from terminal import listing
    from terminal.arguments import the_countries

    settings = known.load()
    (country,) = the_countries([code], settings)
    if not erasing.wanted(Lake(settings.lake_path), country, customer_id):
        raise UserError(f"Nothing is known of customer {customer_id!r} in {code}: is the id whole, with its zeros?")
    if not yes:
        click.confirm(f"Forget customer {customer_id} of {code} for good?", abort=True, err=True)
    receipt = _forgotten(settings, country, customer_id)
    if as_json:
        click.echo(json.dumps(asdict(receipt), default=str, indent=2))
    else:
        listing.show(("place", "done", "remains"), [(one.place, one.done, one.remains) for one in receipt.places])
    for why in receipt.left:
        click.echo(why, err=True)
    return 1 if receipt.left else 0


def _forgotten(settings: Settings, country: Country, customer_id: str) -> Receipt:
    """Say it in the log, wait for both consumers, and take away what is kept."""
    from local.services.running import starting
    from operation import erasing
    from scv.errors import CerebroError, UserError
    from scv.online.rowstore import RowStore
    from store.client import connect
    from streams import erasing as sending
    from terminal import consumers

    with connect(settings) as client:
        clock = RowStore(client).clock(country.code)
        if clock.now is None:
            raise UserError(f"The replay of {country.code} has not begun.")
        sending.send(settings, country.code, customer_id, clock.now, clock.mode == "replay")
        if not consumers.wait(settings, client, lambda: starting(settings.home_path)):
            raise CerebroError(
                "The erasure is in the log, but the consumers do not run, so nothing is gone yet. Start them with "
                "`cerebro up`, then run this again."
            )
        return erasing.forgotten(settings, country, customer_id, clock.now, client)
