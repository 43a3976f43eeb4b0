"""What is due, by each country's own clock: Monday's training, Tuesday's file. What was missed is due until it is done.

A list of before a country's first model is not: nobody could have made it then. Nor is one that somebody took back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Literal

import duckdb
import msgspec

from scorer.tuesday.week import Folder
from scv.errors import CerebroError, CorruptBundle, UserError
from scv.events import calendar
from scv.events import country as countries
from scv.events.country import Country
from scv.model import bundle, champion
from scv.offline.lake import Lake
from scv.settings import Settings
from scv.targets import labels
from scv.targets import target as targets
from terminal.arguments import known_clock

TUESDAYS = 4
"""How many missed Tuesdays are caught up; a training that was missed is done once, as of the newest Monday."""
WAIT_S = 120
"""How long a week waits for the log: on wall time it is complete to an instant a minute later at most."""
Work = Literal["train", "week"]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: `train` these targets as of a Monday, or publish the `week` of a Tuesday.

    `date` is the local day, `at` its midnight in UTC.
    """

    country: str
    work: Work
    date: date
    at: datetime
    targets: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The command that does it, without `cerebro`."""
        words = [self.work, self.country, "-d", self.date.isoformat()]
        if self.work == "week":
            return [*words, "--wait", f"{WAIT_S}"]
        return words + [word for target in self.targets for word in ("--target", target)]

    @property
    def line(self) -> str:
        """The same as it is typed."""
        return f"cerebro {' '.join(self.words)}"

    def same(self, other: Due) -> bool:
        """Are both about one country's same day? Targets may be fewer when it is tried again."""
        return (self.country, self.work, self.date) == (other.country, other.work, other.date)


class Fulfilled(msgspec.Struct, frozen=True, kw_only=True):
    """What a country has: when each target's usable champion was frozen (None: there is none; one about which nothing
    can be learned yet is left out), when the first model of the list's target was (None: never any), and the
    references whose week nobody has to publish any more.
    """

    champions: Mapping[str, datetime | None]
    first: datetime | None
    weeks: Collection[datetime]


class _Frozen(msgspec.Struct):
    """Of a bundle only when it was frozen: a country has one for every week."""

    reference: datetime


def slots(country: Country, now: datetime, done: Fulfilled) -> list[Due]:
    """What is due at an instant of the country's clock, oldest first."""
    found, frozen = list[Due](), _last_monday(now, country)
    old = tuple(name for name, at in done.champions.items() if at is None or at < frozen)
    if old:
        date = frozen.astimezone(country.zone).date()
        found.append(Due(country=country.code, work="train", date=date, at=frozen, targets=old))
    first = frozen if done.first is None and country.targets[0] in old else done.first
    tuesday = calendar.last_tuesday(now, country.zone).astimezone(country.zone).date()
    for weeks in range(TUESDAYS):
        day = tuesday - timedelta(days=7 * weeks)
        at = calendar.midnight(day, country.zone)
        if first is not None and at >= first and at not in done.weeks:
            found.append(Due(country=country.code, work="week", date=day, at=at))
    return sorted(found, key=lambda slot: slot.at)


def _last_monday(now: datetime, country: Country) -> datetime:
    """Local midnight of the newest Monday that has begun."""
    tuesday = calendar.last_tuesday(now, country.zone).astimezone(country.zone).date()
    either = [calendar.midnight(tuesday + timedelta(days=days), country.zone) for days in (6, -1)]
    return next(at for at in either if at <= now)


def of_country(settings: Settings, country: Country) -> list[Due]:
    """What is due in a country now, by its own clock; nothing in one without events, or after its span.

    Raises CerebroError where lake or pointers cannot be read.
    """
    now = clock(settings, country)
    return [] if now is None else slots(country, now, done(settings, country, now))


def clock(settings: Settings, country: Country) -> datetime | None:
    """The instant that a country lives in, at most the end of its span; None where the lake holds nothing of it."""
    lake = Lake(settings.lake_path)
    with duckdb.connect() as connection:
        if lake.front_us(connection, country.code, lake.version()) is None:
            return None
    return min(known_clock(country, settings), calendar.midnight(country.ends_on, country.zone))


def done(settings: Settings, country: Country, now: datetime) -> Fulfilled:
    """What a country has. A champion that may not answer any more is none."""
    folder, monday = Folder(settings.exports_url, country), _last_monday(now, country)
    champions = {name: frozen(settings, country, name) for name in country.targets}
    kept = {name: at for name, at in champions.items() if at or _decided(settings, country, name, monday)}
    published = folder.references()
    weeks = {*(published if folder.is_pointed() else published[:-1]), *folder.taken_back()}
    return Fulfilled(champions=kept, first=_first(settings, country), weeks=weeks)


def _decided(settings: Settings, country: Country, target: str, monday: datetime) -> bool:
    """Is any label of a target final on a Monday? Before, there is nothing to learn about it."""
    lake, asked = Lake(settings.lake_path), targets.get(target)
    with duckdb.connect() as connection:
        try:
            begin = labels.begins(connection, lake, lake.version(), country, [asked])
        except UserError:
            return False
    week = calendar.add_days(begin, 7, country.zone) - calendar.MICROSECOND
    return targets.mature(asked, calendar.last_tuesday(week, country.zone), country, monday)


def frozen(settings: Settings, country: Country, target: str) -> datetime | None:
    """When a target's champion was frozen; None where none can answer."""
    try:
        path = champion.champion(settings, country.code, target)
        info = None if path is None else bundle.read_info(path)
    except CorruptBundle:
        return None
    return None if info is None or bundle.why_not(info, country) else info.reference


def _first(settings: Settings, country: Country) -> datetime | None:
    """When the first model of the list's target was frozen."""
    folder = champion.folder(settings, country.code, country.targets[0])
    known = list[datetime]()
    for manifest in folder.glob(f"[!.]*/{bundle.MANIFEST}"):
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):  # a damaged one is told where it is to answer
            known.append(msgspec.json.decode((manifest.parent / bundle.INFO).read_bytes(), type=_Frozen).reference)
    return min(known, default=None)


def everywhere(settings: Settings, codes: Iterable[str]) -> tuple[list[Due], dict[str, str]]:
    """What is due in all of these countries, oldest first; and by country why it cannot be told."""
    found, unknown = list[Due](), dict[str, str]()
    for code in codes:
        try:
            found += of_country(settings, countries.load(code, settings.countries_path))
        except CerebroError as error:
            unknown[code] = str(error)
    return sorted(found, key=lambda slot: (slot.at, slot.country)), unknown
