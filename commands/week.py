"""Run a Tuesday: wait for the log, take the snapshot, export, and say how right earlier lists were."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scv.events.country import Country
    from scv.offline.lake import LakeVersion
    from scv.settings import Settings

LOOK_S = 1.0


@click.command(short_help="Run a Tuesday: wait, snapshot, export, feedback.")
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
    from scv import settings as known
    from scv.errors import UserError
    from terminal.arguments import the_countries

    settings, held = known.load(), list[str]()
    for country in the_countries(codes, settings):
        try:
            at = reference_of(date, country, settings, any_day)
            run(settings, country, at, wait_s, workers, anyway)
        except UserError as error:
            held.append(str(error))
    if held:
        raise UserError("\n".join(held))


def run(
    settings: Settings, country: Country, at: datetime, wait_s: float = 0, workers: int = 1, anyway: bool = False
) -> None:
    """One country's Tuesday; what each step did goes to stdout, waiting to stderr."""
    from commands.export import said
    from scorer.tuesday.export import Exported, export
    from scorer.tuesday.week import Folder
    from scv.errors import UserError
    from scv.events import calendar
    from scv.offline.lake import Lake

    folder, version = Folder(settings.exports_url, country), Lake(settings.lake_path).version()
    published = folder.week(at)
    if published is None:
        if not wait(settings, country, at, wait_s) and not anyway:
            raise UserError(
                f"{country.code} {calendar.label(at, country)} is not published: the log is complete to "
                f"{_said(complete_to(settings, country))}. Run it again when it is (do the consumers run?), or publish "
                "what there is with --anyway."
            )
        exported = export(settings, country, at, take(settings, country, at, workers), anyway)
    elif why := folder.why_not(at, version.ids):
        raise folder.refused(at, why)
    else:
        exported = Exported(published, new=False)
    click.echo(said(exported))
    judge(settings, country)


def judge(settings: Settings, country: Country) -> None:
    """Say how right the earlier lists were, and write the page."""
    from commands.tuesday import published_tuesdays, write_report
    from scorer.feedback.validation import feedback, sentence

    references, left_out = published_tuesdays(country, settings)
    for line in left_out:
        click.echo(f"Left out of the feedback: {line}", err=True)
    found = feedback(settings, country, references)
    if found.judged[0].past.dates:
        click.echo(sentence(found))
        click.echo(f"  {write_report(settings, found, left_out)}")
    else:
        click.echo(f"  No earlier list of {country.code} has final labels yet.")


def wait(settings: Settings, country: Country, at: datetime, wait_s: float) -> bool:
    """Is the lake complete to `at` in every family? Looks until it is, or for so many seconds."""
    deadline, said = time.monotonic() + wait_s, False
    while (complete := complete_to(settings, country)) is None or complete < at:
        if not said and wait_s > 0:
            click.echo(f"{country.code}: waiting for the log (complete to {_said(complete)}) …", err=True)
            said = True
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))
    return True


def _said(complete: datetime | None) -> str:
    return "nobody knows where" if complete is None else f"{complete:%Y-%m-%d %H:%M} UTC"


def complete_to(settings: Settings, country: Country) -> datetime | None:
    """The instant up to which the lake holds every family of a country; None: unknown."""
    from scv.offline.lake import Lake

    lake = Lake(settings.lake_path)
    version = lake.version()
    marks = lake.complete_to(country.code, version)
    return min(marks.values()) if len(marks) == len(version.families) else None


def take(settings: Settings, country: Country, at: datetime, workers: int) -> LakeVersion:
    """The snapshot of a reference, unless one stands that may be used; by which version of the lake.

    Raises CerebroError, naming each fetcher that failed.
    """
    from scv.errors import CerebroError
    from scv.events import calendar
    from scv.offline.fetch import fetch
    from scv.offline.lake import Lake
    from scv.offline.snapshot import Snapshots

    version = Lake(settings.lake_path).version()
    if not Snapshots(settings, country, version).why_not(at):
        return version
    done = fetch(settings, {country: [at]}, workers, version)
    failed = [f"{one.job.fetcher}: {one.error}" for one in done if one.error]
    if failed:
        raise CerebroError(f"No snapshot of {country.code} at {calendar.label(at, country)}: {'; '.join(failed)}.")
    return version
