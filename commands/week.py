"""Run a Tuesday: wait for the log, take the snapshot, export, and say how right earlier lists were."""

from __future__ import annotations

from datetime import datetime

import click

from scv import settings as known
from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country
from scv.settings import Settings
from terminal.arguments import the_countries


@click.command()
@click.argument("codes", nargs=-1, required=True, metavar="COUNTRY…")
@click.option("-d", "--date", help="The reference: 2017-09-05 (its local midnight). Default: the newest Tuesday.")
@click.option("--wait", "wait_s", default=3600, show_default=True, help="Seconds to wait for the log.")
@click.option("-w", "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Parallel fetchers.")
@click.option("--any-day", is_flag=True, help="Also for a reference that is no Tuesday.")
@click.option("--anyway", is_flag=True, help="Publish although the log is not complete, or nobody is scored.")
def command(codes: tuple[str, ...], date: str | None, wait_s: int, workers: int, any_day: bool, anyway: bool) -> None:
    """Wait until the lake of COUNTRY is complete to the reference, then snapshot, export and feedback.

    Every step may be interrupted and run again: what is done is found and left as it is. A week that is not complete
    after the wait, or in which nobody is scored, is not published; the other countries go on.

    \b
    Example:
      cerebro week US -d 2017-09-05
      cerebro week US ZZ --wait 0
    """
    from commands.tuesday import reference_of

    settings, held = known.load(), list[str]()
    for country in the_countries(codes, settings):
        try:
            at = reference_of(date, country, settings, any_day)
            run(settings, country, at, wait_s, workers, anyway)
        except UserError as error:
            held.append(str(error))
    if held:
        raise UserError("\n".join(held))


def run(settings: Settings, country: Country, at: datetime, wait_s: float, workers: int, anyway: bool) -> None:
    """One country's Tuesday; what each step did goes to stdout, waiting to stderr."""
    from commands.export import said
    from commands.tuesday import warn_of_public_draw
    from scorer.tuesday import preparation
    from scorer.tuesday.export import Exported, export
    from scorer.tuesday.week import Folder
    from scv.offline.fetch import ensure
    from scv.offline.lake import Lake
    from scv.offline.snapshot import Snapshots

    log = Lake(settings.lake_path).version().ids
    folder = Folder(settings.exports_url, country)
    published = folder.usable(at, log, content=True)
    if published is None:
        complete = preparation.wait(settings, country, at, wait_s, lambda so_far: _waiting(country, so_far))
        if not complete and not anyway:
            stands = _said(preparation.complete_to(settings, country))
            raise UserError(
                f"{country.code} {calendar.label(at, country)} is not published: the log is complete to {stands}. "
                "Run it again when it is (do the consumers run?), or publish what there is with --anyway."
            )
        warn_of_public_draw(settings, at)
        snapshots = Snapshots(settings, country)
        ensure(settings, snapshots, [at], workers)
        exported = export(settings, country, at, snapshots.version, anyway)
    else:
        folder.finish()
        exported = Exported(published, new=False)
    click.echo(said(exported))
    judge(settings, country)


def judge(settings: Settings, country: Country) -> None:
    """Say how right the earlier lists were, and write the page."""
    from commands.tuesday import write_report
    from scorer.feedback.validation import feedback, sentence

    found = feedback(settings, country)
    for line in found.left_out:
        click.echo(f"Left out of the feedback: {line}", err=True)
    if found.judged[0].past.dates:
        click.echo(sentence(found))
        click.echo(f"  {write_report(settings, found, found.left_out)}")
    else:
        click.echo(f"  No earlier list of {country.code} has final labels yet.")


def _waiting(country: Country, complete: datetime | None) -> None:
    click.echo(f"{country.code}: waiting for the log (complete to {_said(complete)}) …", err=True)


def _said(complete: datetime | None) -> str:
    return "nobody knows where" if complete is None else f"{complete:%Y-%m-%d %H:%M} UTC"
