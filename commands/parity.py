"""Compare every way to a value at a barrier, with a cause for every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proof.parity.tally import Comparison
    from scv.settings import Settings


@click.command(short_help="Compare every way to a value at a barrier.")
@click.argument("codes", nargs=-1, metavar="[COUNTRY]...")
@click.option("--country", "more", multiple=True, metavar="COUNTRY", help="The same; may be repeated. Default: all.")
@click.option("-d", "--date", "date", help="The barrier: a local date or an instant; default: each country's clock.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="N customers of each country; default: all.")
@click.option("--served", is_flag=True, help="Recompute the vectors that the scorer served and logged instead.")
@click.option("--since", help="With --served: only those read since then, a local date or an instant.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--html", "page", type=click.Path(dir_okay=False, writable=True), help="Also write one page.")
def command(  # noqa: PLR0913 - one parameter per option
    codes: tuple[str, ...],
    more: tuple[str, ...],
    date: str | None,
    sample: int | None,
    served: bool,
    since: str | None,
    as_json: bool,
    page: str | None,
) -> int:
    """Recompute every variable of every customer in batch and compare it, value by value, with what is served.

    Values count only where at least one side is not missing. Each that differs is looked into and gets a cause; JSON
    and page show one customer's id per cause, as an example. On a large country look at a sample first. Exit code 1
    when any value differs or none was compared.

    \b
    Example:
      cerebro parity US ZZ
      cerebro parity --country ZZ -d 2017-09-05 --sample 1000 --html parity.html
      cerebro parity US --served --since 2017-09-05
    """
    from proof.parity import report
    from scv import settings
    from scv.errors import UserError

    if served and (date or sample):
        raise UserError("--served compares what was served, when it was served: leave out -d and --sample.")
    if since and not served:
        raise UserError("--since belongs to --served.")
    config, named = settings.load(), (*codes, *more)
    found = _served(config, named, since) if served else _live(config, named, date, sample)
    if page:
        report.write_page(page, found)
    report.show(found, as_json)
    return 0 if report.holds(found) else 1


def _live(settings: Settings, codes: Sequence[str], date: str | None, sample: int | None) -> list[Comparison]:
    """The countries named, with their progress on stderr; where none is, all whose clock has begun."""
    from proof.parity.live import compare
    from scv.errors import UserError
    from scv.online.rowstore import RowStore
    from store.client import connect
    from terminal.arguments import the_countries, the_references
    from terminal.bar import Bar

    places = the_countries(codes, settings)
    if not codes:
        with connect(settings) as client:
            store = RowStore(client)
            places = [one for one in places if store.has_clock(one.code) and store.clock(one.code).now is not None]
    if not places:
        raise UserError("No country's clock has begun. Replay or simulate one, or start `cerebro consume`.")
    found = []
    with Bar() as bar:
        for country in places:
            (at,) = the_references([date] if date else [], country, settings)
            found.append(compare(settings, country, at, sample, bar))
    return found


def _served(settings: Settings, codes: Sequence[str], since: str | None) -> list[Comparison]:
    """The countries named; where none is, those of which anything was served."""
    from proof.parity.served import recompute
    from scv.events import calendar
    from terminal.arguments import the_countries
    from terminal.bar import Bar

    places = the_countries(codes, settings)
    with Bar() as bar:
        found = [recompute(settings, one, calendar.reference(since, one) if since else None, bar) for one in places]
    return found if codes else [one for one in found if one.customers] or found[:1]
