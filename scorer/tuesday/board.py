"""The published Tuesdays of countries as plain values, for whoever shows them: which there are, one's list, and what
all of them said of one customer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from scorer.tuesday import manifest as manifests
from scorer.tuesday.contact_list import SCHEMA
from scorer.tuesday.log_ids import LogIds
from scorer.tuesday.recheck import recheck
from scorer.tuesday.sheet import cut_off, movers
from scorer.tuesday.week import Folder, Week
from scv.errors import NoWeek, look_up
from scv.events import calendar
from scv.events.country import Country
from scv.settings import Settings

ORDER = {"LISTED": 0, "HELD_OUT": 1, "NOT_LISTED": 2, "SUPPRESSED": 3}
"""Whose rows come first."""
SAID = ("target", "status", "probability", "times_average", "risk_band", "contact_status", "contact_reason", "rank",
        "weeks_on_list", "reason_1", "model")  # fmt: skip
"""What a past week tells of one customer."""


class Board:
    """Reads what is published each time it is asked. Safe to share between threads.

    `connect` opens a client of the store for whoever looks at a list once more.
    """

    def __init__(self, settings: Settings, connect: Callable[[], Any]) -> None:
        self._settings, self._connect = settings, connect
        self._ids = LogIds(settings)

    def weeks(self, country: Country) -> list[dict[str, Any]]:
        """Every week, the newest first: what its manifest says, and `why_not` it may be used ("": it may)."""
        folder, ids = self._folder(country), self._ids()
        return [self._week(folder, at, ids) for at in reversed(folder.references())]

    def _week(self, folder: Folder, at: datetime, ids: Mapping[str, str]) -> dict[str, Any]:
        told: dict[str, Any] = {"country": folder.country.code, "date": calendar.label(at, folder.country)}
        try:
            week = folder.week(at)
        except NoWeek as error:
            return told | {"why_not": str(error), "files": {}, "counts": {}, "models": {}}
        if week is None:  # taken back this moment
            return told | {"why_not": "it was taken back", "files": {}, "counts": {}, "models": {}}
        made = week.manifest
        return told | {
            "reference": made.reference,
            "list_id": made.list_id,
            "target": made.target,
            "models": dict(made.models),
            "counts": dict(made.counts),
            "data_complete_to": made.data_complete_to,
            "files": {name: one.bytes for name, one in made.files.items()},
            "why_not": manifests.why_not(made, folder.country, at, ids),
        }

    def rows(self, country: Country, at: datetime) -> list[dict[str, Any]]:
        """The rows of the target that a week's list is by: the listed by rank, the held out, the others by probability.

        Raises UserError for a week that is not published, NoWeek for one that may not be used.
        """
        week = self._usable(country, at)
        scores = week.scores()
        mine = scores.filter(pc.equal(scores["target"], week.manifest.target)).to_pylist()
        for row in mine:
            closes = cut_off(country, row["reference"], row["delivery_weekday"])
            row["cut_off_local"] = closes and closes.strftime("%Y-%m-%d %H:%M")
        return sorted(mine, key=_place)

    def movers(self, country: Country, at: datetime) -> list[dict[str, Any]]:
        """Who rose most, then who fell most, since the week before. Raises as `rows`."""
        return movers(self.rows(country, at))

    def past(self, country: Country, customer_id: str, most: int) -> list[dict[str, Any]]:
        """What the newest weeks said of a customer, oldest first: a row for each target. Weeks that may not be used
        are passed over."""
        folder, found, ids = self._folder(country), list[dict[str, Any]](), self._ids()
        for at in folder.references()[-most:]:
            with contextlib.suppress(NoWeek):
                week = folder.usable(at, ids)
                found += [] if week is None else _of(week, customer_id)
        return found

    def file(self, country: Country, at: datetime, name: str) -> bytes:
        """A file of a week as it was published. Raises UserError for one that it has not, NoWeek for a damaged one."""
        week = self._usable(country, at)
        look_up("file of this week", name, week.manifest.files)
        return week.file(name)

    def recheck(self, country: Country, at: datetime) -> dict[str, str]:
        """Customers of a week's list who must not be contacted any more → why, by what is known now.

        Raises UserError, NoWeek, or the store client's error.
        """
        listed = [row["customer_id"] for row in self.rows(country, at) if row["contact_status"] == "LISTED"]
        with self._connect() as client:
            return recheck(self._settings, country, sorted(listed), client)

    def withdraw(self, country: Country, at: datetime) -> dict[str, Any]:
        """Take a week back: `new` is False where it was before; `newest` is the date that `latest.json` names now."""
        done = self._folder(country).withdraw(at)
        newest = None if done.newest is None else calendar.label(done.newest, country)
        return {"date": calendar.label(at, country), "new": done.new, "newest": newest}

    def _usable(self, country: Country, at: datetime) -> Week:
        week = self._folder(country).usable(at, self._ids())
        if week is None:
            when = calendar.label(at, country)
            raise NoWeek(
                f"No week {when} of {country.code} is published. `cerebro week {country.code} -d {when}` does."
            )
        return week

    def _folder(self, country: Country) -> Folder:
        return Folder(self._settings.exports_url, country)


def _place(row: dict[str, Any]) -> tuple[int, int, float, str]:
    """Where a row stands in the list."""
    order = ORDER.get(row["contact_status"], len(ORDER))
    return order, row["rank"] or 0, -(row["probability"] or 0.0), row["customer_id"]


def _of(week: Week, customer_id: str) -> Iterator[dict[str, Any]]:
    """A customer's rows of one week; of a week of an earlier release what it says."""
    wanted = [one for one in ("customer_id", *SAID) if one in SCHEMA.names and one in week.manifest.schema]
    for row in week.scores(columns=wanted, filters=[("customer_id", "=", customer_id)]).to_pylist():
        yield {"date": week.manifest.date, "list_id": week.manifest.list_id} | {name: row.get(name) for name in SAID}
