"""What a Tuesday needs before it is exported: a log that is complete to the reference, and the reference's snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country
from scv.offline.fetch import fetch
from scv.offline.lake import Lake, LakeVersion
from scv.offline.snapshot import Snapshots
from scv.settings import Settings

LOOK_S = 1.0


def complete_to(settings: Settings, country: Country) -> datetime | None:
    """The instant up to which the lake holds every family of a country; None: unknown."""
    lake = Lake(settings.lake_path)
    version = lake.version()
    marks = lake.complete_to(country.code, version)
    return min(marks.values()) if len(marks) == len(version.families) else None


def wait(
    settings: Settings, country: Country, at: datetime, wait_s: float, waiting: Callable[[datetime | None], None]
) -> bool:
    """Is the lake complete to `at` in every family? Looks until it is, or for so many seconds.

    `waiting` is told once, where it is complete to instead.
    """
    deadline, told = time.monotonic() + wait_s, False
    while (complete := complete_to(settings, country)) is None or complete < at:
        if not told and wait_s > 0:
            waiting(complete)
            told = True
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))
    return True


def take(settings: Settings, country: Country, at: datetime, workers: int) -> LakeVersion:
    """The snapshot of a reference, unless one stands that may be used; by which version of the lake.

    Raises CerebroError, naming each fetcher that failed.
    """
    version = Lake(settings.lake_path).version()
    if not Snapshots(settings, country, version).why_not(at):
        return version
    done = fetch(settings, {country: [at]}, workers, version)
    failed = [f"{one.job.fetcher}: {one.error}" for one in done if one.error]
    if failed:
        raise CerebroError(f"No snapshot of {country.code} at {calendar.label(at, country)}: {'; '.join(failed)}.")
    return version
