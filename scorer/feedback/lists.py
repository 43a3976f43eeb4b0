"""Published lists by their ids, and what was taken of each: who was contacted comes back by the id on every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.compute as pc

from scorer.tuesday.week import Folder
from scv import atomic, machine, stamp
from scv.errors import NoWeek, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.offline.lake import Lake
from scv.settings import Settings
from scv.stamp import Sealed, Written

CONTACTS = "contacts"


@dataclass(frozen=True)
class PublishedList:
    """Whose list it is, its reference, and the customers on it."""

    country: Country
    reference: datetime
    customers: frozenset[str]


class TakenOutcomes(Sealed, frozen=True, kw_only=True):
    """What was taken of a list: event id → digest of the outcome. Ids name nobody."""

    country: str
    list_id: str
    outcomes: dict[str, str]


def find(settings: Settings, countries: Mapping[str, Country], list_id: str) -> PublishedList:
    """Raises UserError for an id that no published week has, and for a week that was taken back."""
    code, _, rest = list_id.partition("-")
    country, date = countries.get(code), rest.partition("-")[2]
    at = calendar.of_label(date, country) if country else None
    if country is None or at is None:
        raise UserError(f"no list of ours has the id {list_id!r}")
    folder = Folder(settings.exports_url, country)
    week = folder.week(at)
    if week is None or week.manifest.list_id != list_id:
        if at in folder.taken_back():
            raise UserError(f"the list {list_id} was taken back")
        raise UserError(f"no published list has the id {list_id!r}")
    scores = week.scores()
    listed = scores.filter(pc.equal(scores["contact_status"], "LISTED"))
    return PublishedList(country, at, frozenset(listed["customer_id"].to_pylist()))


def acted_on(settings: Settings, country: Country) -> tuple[dict[datetime, frozenset[str]], list[str]]:
    """The lists of which anybody was contacted, as far as the lake knows: reference → everybody on it; and why some
    lists cannot be looked at any more.

    Everybody: who of a list was reached, or left before they were called, is no matter of chance; who stood on it is.
    """
    lake = Lake(settings.lake_path)
    named = lake.query(CONTACTS, country, lake.version())
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory}) as connection:
        rows = connection.execute(
            f"SELECT DISTINCT list_id FROM ({named}) WHERE kind = 'outcome' AND list_id IS NOT NULL ORDER BY 1"
        ).fetchall()
    found, gone = dict[datetime, frozenset[str]](), list[str]()
    for (list_id,) in rows:
        try:
            one = find(settings, {country.code: country}, list_id)
            found[one.reference] = found.get(one.reference, frozenset()) | one.customers
        except (UserError, NoWeek) as error:
            gone.append(str(error))
    return found, gone


def taken(settings: Settings, code: str, list_id: str) -> Mapping[str, str]:
    """What was taken of a list before. Raises Damaged where its file is not what was written."""
    path = _path(settings, code, list_id)
    try:
        return stamp.opened(path.read_bytes(), TakenOutcomes).outcomes
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise machine.damaged(
            path, f"{error}; once it is removed the same rows are sent again, and count once"
        ) from error


def take(settings: Settings, code: str, list_id: str, outcomes: Mapping[str, str]) -> None:
    """Remember what was taken."""
    path = _path(settings, code, list_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.alone(path.parent):
        every = dict(taken(settings, code, list_id)) | dict(outcomes)
        made = TakenOutcomes(country=code, list_id=list_id, outcomes=dict(sorted(every.items())))
        atomic.write(path, stamp.sealed(made))


def written(settings: Settings, country: Country) -> Iterator[Written]:
    """Every file of what was taken."""
    for path in sorted((settings.home_path / "feedback" / country.code).glob("*.json")):
        try:
            stamp.opened(path.read_bytes(), TakenOutcomes)
            why = ""
        except ValueError as error:
            why = f"{error}"
        yield stamp.judged("feedback", country.code, str(path), why, "Remove it: the same rows then count once")


def _path(settings: Settings, code: str, list_id: str) -> Path:
    return settings.home_path / "feedback" / code / f"{list_id}.json"
