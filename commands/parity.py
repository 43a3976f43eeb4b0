"""Compare every way to a value at a barrier, with a cause for every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from proof.parity.comparing import Compared
    from proof.parity.tally import Tally
    from scv.events.country import Country
    from scv.figures import Figure
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
    when any value differs or none was compared. Also written to HOME/figures/parity.json.

    \b
    Example:
      cerebro parity US ZZ
      cerebro parity --country ZZ -d 2017-09-05 --sample 1000 --html parity.html
      cerebro parity US --served --since 2017-09-05
    """
    from proof.parity import report
    from scv import figures, settings
    from scv.errors import UserError

    if served and (date or sample):
        raise UserError("--served compares what was served, when it was served: leave out -d and --sample.")
    if since and not served:
        raise UserError("--since belongs to --served.")
    config = settings.load()
    named = (*codes, *more)
    found = _served(config, named, since) if served else _compared(config, named, date, sample)
    rows = [row for one in found for tally in one.tallies for row in figures_of(one.country, tally)]
    figures.write("parity_served" if served else "parity", rows, config.figures_path)
    if page:
        report.write_page(page, found)
    report.show(found, as_json)
    return 0 if report.holds(found) else 1


def _places(codes: Sequence[str], settings: Settings) -> list[Country]:
    """The countries named; where none is, all whose clock has begun. Raises UserError where none has."""
    from scv.errors import UserError
    from scv.online.rowstore import RowStore
    from store.client import connect
    from terminal.arguments import the_countries

    places = the_countries(codes, settings)
    if codes:
        return places
    with connect(settings) as client:
        store = RowStore(client)
        begun = [one for one in places if store.has_clock(one.code) and store.clock(one.code).now is not None]
    if not begun:
        raise UserError("No country's clock has begun. Replay or simulate one, or start `cerebro consume`.")
    return begun


def _compared(settings: Settings, codes: Sequence[str], date: str | None, sample: int | None) -> list[Compared]:
    """Each country, with its progress on stderr."""
    from terminal.arguments import the_references

    found = []
    for country in _places(codes, settings):
        at = the_references([date] if date else [], country, settings)[0]
        found.append(compare(settings, country, at, sample, show=True))
    return found


def _served(settings: Settings, codes: Sequence[str], since: str | None) -> list[Compared]:
    """Each country; where none is named, those of which anything was served."""
    from proof.parity.served import recompute
    from scv.events import calendar
    from terminal.arguments import the_countries
    from terminal.bar import Bar

    found = []
    for country in the_countries(codes, settings):
        first = calendar.reference(since, country) if since else None
        with Bar(f"Recomputing {country.code}") as bar:
            found.append(recompute(settings, country, first, bar.at))
    return found if codes else [one for one in found if one.customers] or found[:1]


def compare(
    settings: Settings, country: Country, at: datetime, sample: int | None = None, show: bool = False
) -> Compared:
    """Fetch the batch side if it is not there, then compare every way with it; with bars if they are to `show`.

    Raises UserError where the country's clock does not stand at `at`.
    """
    from proof.parity import standing
    from proof.parity.comparing import Comparing
    from scv.online.rowstore import RowStore
    from store.client import connect
    from terminal.bar import Bar

    notes: list[str] = []
    with connect(settings) as client:
        standing.check_clock(client, country, at)
        standing.wait(settings, client, notes.append)
        with Bar(f"Fetching {country.code}", show) as bar:
            fetched = standing.take_snapshot(settings, country, at, bar.at)
        try:
            with Bar(f"Comparing {country.code}", show) as bar:
                found = Comparing(settings, client, country, at).run(sample, bar.at)
        finally:
            if fetched and RowStore(client).clock(country.code).mode == "wall":
                standing.drop_snapshot(settings, country, at)
    found.notes[:0] = notes
    return found


def measure(settings: Settings, country: Country, at: datetime, progress: Callable[[str], None]) -> list[Tally]:
    """The tallies alone; `progress` hears which country it is."""
    progress(country.code)
    return compare(settings, country, at).tallies


def figures_of(country: str, tally: Tally) -> list[Figure]:
    """One row per fetcher (or model part): values that differ as ours, compared values as peer."""
    from scv.figures import Figure

    way = tally.way.removesuffix(" vector").removesuffix(" probability")  # the group says which
    return [
        Figure(
            name=f"{country} {way}: {group}",
            ours=counts.differing,
            peer=counts.compared,
            unit="values",
            bar="0 mismatches",
            ok=not counts.differing,
        )
        for group, counts in tally.groups()
    ]
