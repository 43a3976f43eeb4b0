"""Show a country's clock and what is complete, or set it back where a record moved it too far ahead."""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from scv import settings
from scv.events import calendar
from terminal import consumers, listing
from terminal.arguments import the_countries


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.option("--set", "back_to", metavar="INSTANT", help="Set it back: a date (local midnight) or an instant.")
@click.option("--live", is_flag=True, help="Go over from a replay to wall time, for good.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(code: str, back_to: str | None, live: bool, as_json: bool) -> None:
    """Show the clock of COUNTRY, and up to when each family is complete in the rows and in the lake.

    Where a watermark with a wrong time moved the clock ahead, --set takes it back, in the store and in the lake, and
    removes the snapshots of references after INSTANT. docs/wrong-times.md says more, and how a customer is healed.

    \b
    Example:
      cerebro clock US
      cerebro clock US --set 2017-09-05
      cerebro clock DE --live
    """
    from local.services.running import starting
    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from store.client import connect
    from streams.positions import clock

    found = settings.load()
    (country,) = the_countries([code], found)
    with connect(found) as client:
        store = RowStore(client)
        if back_to is not None:
            at = calendar.reference(back_to, country)
            if not consumers.wait(found, client, lambda: starting(found.home_path)):
                talk = "The consumers do not run: what they have not taken yet may move it on. Look again then."
                click.echo(talk, err=True)
            done = clock.set_back(found, store, country, at)
            talk = f"Set back, with {done.watermarks} watermarks of the lake; {done.snapshots} snapshots removed."
            click.echo(talk, err=True)
        if live:
            clock.go_live(store, country)
        stands = clock.read(store, Lake(found.lake_path), country)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(stands), indent=2).decode())
        return
    lives = "on wall time" if stands.mode == "wall" else "in a replay"
    click.echo(f"{stands.country} lives {lives}; its clock: {_said(stands.now, 'not begun')}.", err=True)
    rows = [(name, _said(one.rows), _said(one.lake)) for name, one in stands.families.items()]
    listing.show(("family", "rows complete to", "lake complete to"), rows)


def _said(at: datetime | None, otherwise: str = "not known") -> str:
    return otherwise if at is None else at.isoformat()
