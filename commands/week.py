"""Run a Tuesday: wait for the log, take the snapshot, export, and say how right earlier lists were."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scv.events.country import Country
    from scv.settings import Settings

LOOK_S = 1.0


@click.command(short_help="Run a Tuesday: wait, snapshot, export, feedback.")
@click.argument("codes", nargs=-1, required=True, metavar="COUNTRY…")
@click.option("-d", "--date", help="The reference: 2017-09-05 (its local midnight). Default: the newest Tuesday.")
@click.option("--wait", "wait_s", default=3600, show_default=True, help="Seconds to wait for the log.")
@click.option("-w", "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Parallel fetchers.")
def command(codes: tuple[str, ...], date: str | None, wait_s: int, workers: int) -> None:
    """Wait until the lake of COUNTRY is complete to the reference, then snapshot, export and feedback.

    Every step may be interrupted and run again: what is done is found and left as it is.

    \b
    Example:
      cerebro week US -d 2017-09-05
      cerebro week US ZZ --wait 0
    """
    from commands.tuesday import reference_of
    from scv import settings as known
    from terminal.arguments import the_countries

    settings = known.load()
    for country in the_countries(codes, settings):
        run(settings, country, reference_of(date, country, settings), wait_s, workers)


def run(settings: Settings, country: Country, at: datetime, wait_s: float = 0, workers: int = 1) -> None:
    """One country's Tuesday; what each step did goes to stdout, waiting to stderr."""
    from commands.export import said
    from commands.tuesday import references_of, write_report
    from scorer.feedback.validation import feedback, sentence
    from scorer.tuesday.export import export
    from scv.events import calendar

    date = calendar.label(at, country)
    if not wait(settings, country, at, wait_s):
        click.echo(f"{country.code}: the log is not complete to {date}; the files will say how far it is.", err=True)
    take(settings, country, at, workers)
    click.echo(said(export(settings, country, at)))
    found = feedback(settings, country, references_of([], country, settings))
    if found.judged[0].past.dates:
        click.echo(sentence(found))
        click.echo(f"  {write_report(settings, found, [])}")
    else:
        click.echo(f"  No earlier list of {country.code} has final labels yet.")


def wait(settings: Settings, country: Country, at: datetime, wait_s: float) -> bool:
    """Is the lake complete to `at` in every family? Looks until it is, or for so many seconds."""
    deadline, said = time.monotonic() + wait_s, False
    while (complete := complete_to(settings, country)) is None or complete < at:
        if not said and wait_s > 0:
            stands = "not known" if complete is None else f"{complete:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{country.code}: waiting for the log (complete to: {stands}) …", err=True)
            said = True
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))
    return True


def complete_to(settings: Settings, country: Country) -> datetime | None:
    """The instant up to which the lake holds every family of a country; None: unknown."""
    import duckdb

    from scv.events import calendar
    from scv.events.event import FAMILIES
    from scv.offline.lake import Lake

    lake = Lake(settings.lake_path)
    version = lake.version()
    with duckdb.connect() as connection:
        marks = [lake.watermark_us(connection, family, country.code, version) for family in FAMILIES]
    known = [us for us in marks if us is not None]
    return calendar.from_us(min(known)) if len(known) == len(marks) else None


def take(settings: Settings, country: Country, at: datetime, workers: int) -> None:
    """The snapshot of a reference, unless a whole one stands that knew everything, or the week is published.

    Raises CerebroError, naming each fetcher that failed.
    """
    from scorer.archive import watermarks
    from scorer.tuesday.week import Folder
    from scv.errors import CerebroError
    from scv.events import calendar
    from scv.offline import snapshot

    if snapshot.manifest(settings.snapshots_path, country, at) is not None:
        published = Folder(settings.exports_url, country.code).week(calendar.label(at, country)) is not None
        if published or set(watermarks(settings, country, at).values()) == {at}:
            return
    done = snapshot.fetch(settings, {country: [at]}, workers=workers)
    failed = [f"{one.job.fetcher}: {one.error}" for one in done if one.error]
    if failed:
        raise CerebroError(f"No snapshot of {country.code} at {calendar.label(at, country)}: {'; '.join(failed)}.")
