"""Compare every way to a value at a barrier, with a cause for every difference."""

from __future__ import annotations

import click

from scv import settings
from scv.errors import UserError
from terminal.bar import Bar


@click.command()
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
    from proof.parity import live, report
    from proof.parity import served as logged

    if served and (date or sample):
        raise UserError("--served compares what was served, when it was served: leave out -d and --sample.")
    if since and not served:
        raise UserError("--since belongs to --served.")
    config, named = settings.load(), (*codes, *more)
    with Bar() as bar:
        if served:
            found = logged.recompute_all(config, named, since, bar)
        else:
            found = live.compare_all(config, named, date, sample, bar)
    if page:
        report.write_page(page, found)
    report.show(found, as_json)
    return 0 if report.holds(found) else 1
