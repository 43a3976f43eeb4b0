"""Past lists beside what then happened: the rows of published weeks with mature labels."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.contact import season
from scorer.feedback.lists import CONTACTS
from scorer.tuesday.contact_list import SCHEMA
from scorer.tuesday.week import Folder, Week
from scv.errors import NoWeek, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.fetchers import roles
from scv.offline.lake import Lake, whole_to
from scv.settings import Settings
from scv.targets import labels
from scv.targets.target import Target, families_of, mature, of_country

WEEKDAY = "delivery_weekday"
NO_THEME = "no theme"
SEED = 20170905
"""Of every draw of customers in the feedback."""
PLACES = ("contact_status", "would_list")
NEEDED = (
    "customer_id", "phase", "probability", *PLACES, "days_since_order", WEEKDAY, "reason_theme", "value_cents",
)  # fmt: skip


@dataclass(frozen=True)
class Hindsight:
    """n scored rows of one target over the Tuesdays in `dates`, pooled; a customer may have one row per Tuesday.

    `y` 1 or 0; `p` the published probability; `week` the index into `dates`, `season` the number
    of the one that the held out were drawn for; `recency` days since the last order (NaN: none); `value` the money of
    91 days, in the smallest unit (0 where none is known); `group` the phase and what the reason is about; `contacted`:
    reached out to between reference and decision. `removed`: rows without a usable label, by reason. `outcomes`: the
    rows by what happened, where that is more than yes or no. `waiting`: dates whose labels are not final yet, left out.
    """

    target: Target
    dates: Sequence[str]
    waiting: Sequence[str]
    customers: np.ndarray
    week: np.ndarray
    season: np.ndarray
    y: np.ndarray
    p: np.ndarray
    phase: np.ndarray
    status: np.ndarray
    would_list: np.ndarray
    recency: np.ndarray
    value: np.ndarray
    group: np.ndarray
    contacted: np.ndarray
    removed: Mapping[str, int]
    outcomes: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def households(self) -> int:
        return len(np.unique(self.customers))


def collect(
    settings: Settings,
    country: Country,
    references: Sequence[datetime] | None = None,
    until: datetime | None = None,
) -> tuple[list[Hindsight], list[str]]:
    """The outcomes of the country's targets over published Tuesdays, and why some of those were left out.

    Without `references` all are taken that may be used. Nothing is read that was seen from `until` on. Raises UserError
    where a named week is no Tuesday's, was not published or may not be used.
    """
    targets, lake = of_country(country), Lake(settings.lake_path)
    version = lake.version()
    weeks, left_out = _published(Folder(settings.exports_url, country), version.ids, references)
    scores = functools.cache(Week.scores)
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory}) as connection:
        families = families_of(targets)
        queries = {family: lake.query(family, country, version) for family in {*families, CONTACTS}}
        marks = lake.complete_to(country.code, version, families)
        happened, pasts = labels.prepare(connection, queries, country, until), []
        for target in targets:
            mark = _earlier(whole_to(marks, target.families), until)
            ready = [week for week in weeks if mark is not None and mature(target, week.at, country, mark)]
            waiting = [week.manifest.date for week in weeks if week not in ready]
            pasts.append(_pooled(happened, target, [(week, scores(week)) for week in ready], waiting))
    return pasts, left_out


def _earlier(mark: datetime | None, until: datetime | None) -> datetime | None:
    return mark if mark is None or until is None else min(mark, until)


def _published(
    folder: Folder, log: Mapping[str, str], references: Sequence[datetime] | None
) -> tuple[list[Week], list[str]]:
    if references is not None:
        return [_week(folder, log, at) for at in sorted(set(references))], []
    weeks, left_out = list[Week](), list[str]()
    for at in (one for one in folder.references() if _counts(folder, one)):
        try:
            if week := folder.usable(at, log, content=True):
                weeks.append(week)
        except NoWeek as error:
            left_out.append(f"{error}")
    return weeks, left_out


def _week(folder: Folder, log: Mapping[str, str], at: datetime) -> Week:
    code, date = folder.country.code, calendar.label(at, folder.country)
    if not _counts(folder, at):
        raise UserError(f"{date} is no Tuesday of {code}: feedback judges each customer once a week.")
    week = folder.usable(at, log)
    if week is None:
        raise UserError(f"No published week {date} in {folder.path}. Run `cerebro export {code} -d {date}`.")
    return week


def _counts(folder: Folder, at: datetime) -> bool:
    """Only a Tuesday's: the same people again within a week would count twice."""
    return calendar.last_tuesday(at, folder.country.zone) == at


def _pooled(
    happened: labels.Outcomes, target: Target, ready: Sequence[tuple[Week, pa.Table]], waiting: Sequence[str]
) -> Hindsight:
    """The scored rows of some weeks, given with their scores, beside what happened."""
    tables = [_scored(scores, week.manifest.target, target) for week, scores in ready]
    schema = pa.schema([(name, pa.string()) for name in NEEDED])
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    week = np.repeat(np.arange(len(tables)), np.array([len(one) for one in tables], dtype=np.int64))
    at_us = np.array([calendar.to_us(one.manifest.reference) for one, _ in ready], dtype=np.int64)[week]
    ids = table["customer_id"].to_pylist()
    found = happened.labels(target, at_us, ids, {roles.DELIVERY_WEEKDAY: table[WEEKDAY]})
    contacted = _contacted(happened, target, at_us, ids)
    kept = found.kept

    def column(name: str, kind: type) -> np.ndarray:
        return np.array(table[name].to_pylist(), dtype=kind)[kept]

    return Hindsight(
        target=target,
        dates=[one.manifest.date for one, _ in ready],
        waiting=list(waiting),
        customers=column("customer_id", object).astype(str),
        week=week[kept],
        season=np.array([season(one.at, happened.country) for one, _ in ready], dtype=np.int64)[week][kept],
        y=found.y[kept],
        p=column("probability", float),
        phase=column("phase", object).astype(str),
        status=column("contact_status", object).astype(str),
        would_list=column("would_list", bool),
        recency=column("days_since_order", float),
        value=np.nan_to_num(column("value_cents", float)),
        group=_groups(table)[kept],
        contacted=contacted[kept],
        removed=found.counts(),
        outcomes=found.outcomes(),
    )


def _scored(scores: pa.Table, listed_by: str, target: Target) -> pa.Table:
    for name in NEEDED:  # a week of an earlier release says less: none of its targets needs it
        if name not in scores.column_names:
            scores = scores.append_column(name, pa.nulls(len(scores), SCHEMA.field(name).type))
    listing = scores.filter(pc.equal(scores["target"], listed_by)).combine_chunks()
    asked = pc.and_(pc.equal(scores["target"], target.name), pc.equal(scores["status"], "SCORED"))
    rows = scores.filter(asked).select([name for name in NEEDED if name not in PLACES])
    where = pc.index_in(rows["customer_id"], value_set=listing["customer_id"].combine_chunks())
    for name in PLACES:  # they stand on the rows of the target that the list is by
        rows = rows.append_column(name, listing[name].take(where))
    return rows.select(list(NEEDED))


def group_of(phase: str | None, theme: str | None) -> str:
    """The group of a score: its phase and what its first reason is about."""
    return f"{phase}, {theme or NO_THEME}"


def _groups(table: pa.Table) -> np.ndarray:
    pairs = zip(table["phase"].to_pylist(), table["reason_theme"].to_pylist(), strict=True)
    return np.array([group_of(*pair) for pair in pairs], dtype=object)


def _contacted(happened: labels.Outcomes, target: Target, at_us: np.ndarray, customers: Sequence[str]) -> np.ndarray:
    """bool[n]: an outcome of a contact between the reference and the end of what the label reads."""
    country = happened.country
    ends = {int(us): calendar.to_us(target.decided_at(calendar.from_us(int(us)), country)) for us in np.unique(at_us)}
    given = pa.table(
        {
            "i": pa.array(np.arange(len(at_us))),
            "at_us": pa.array(at_us, pa.int64()),
            "end_us": pa.array([ends[int(us)] for us in at_us], pa.int64()),
            "customer_id": pa.array(customers, pa.string()),
        }
    )
    happened.connection.register("contact_rows", given)
    found = happened.connection.execute(
        f"""SELECT DISTINCT r.i FROM contact_rows r JOIN {happened.events[CONTACTS]} c
            ON c.customer_id = r.customer_id AND c.kind = 'outcome'
            AND c.occurred_us >= r.at_us AND c.occurred_us < r.end_us"""
    ).fetchnumpy()
    flags = np.zeros(len(at_us), dtype=bool)
    flags[np.asarray(found["i"], dtype=np.int64)] = True
    return flags


def first_listed(past: Hindsight) -> np.ndarray:
    """bool[n]: the first row of a customer in a season on which they would have been listed."""
    rows = np.flatnonzero(past.would_list)
    order = rows[np.argsort(past.week[rows], kind="stable")]
    keys = np.stack([np.unique(past.customers[order], return_inverse=True)[1], past.season[order]], axis=1)
    first = np.zeros(len(past), dtype=bool)
    if len(order):
        first[order[np.unique(keys, axis=0, return_index=True)[1]]] = True
    return first
