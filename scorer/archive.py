"""The past: a reference's snapshot as subjects, and what the last Tuesday's file said before an instant."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

import pyarrow.compute as pc

from scorer.scoring import Past
from scorer.subjects import Subjects, of_snapshot
from scorer.tuesday.week import Folder, Week
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.offline.snapshot import Manifest, Snapshots
from scv.settings import Settings
from scv.stamp import Stamp

KEPT = 2
"""Snapshots held in memory: an agent who looks back asks again about the same Tuesday."""
LOOK_S = 5.0
"""How old the knowledge of published weeks and of the lake may be."""


class Archive:
    """Snapshots and published weeks, read once and kept; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._snapshots: OrderedDict[tuple[str, datetime], tuple[Stamp, Subjects]] = OrderedDict()
        self._standings: dict[Country, tuple[float, Snapshots]] = {}
        self._dates: dict[str, tuple[float, list[str]]] = {}
        self._pasts: dict[tuple[str, str], Past] = {}
        self._lock = threading.Lock()

    def subjects(self, country: Country, at: datetime) -> Subjects:
        """Everyone in the snapshot of a reference. Raises UserError where there is none that may be used."""
        with self._lock:
            snapshots = self._standing(country)
            made, (kept, subjects) = snapshots.usable(at), self._snapshots.get((country.code, at), (None, None))
            if subjects is None or kept != made.stamp:
                subjects = subjects_of(self._settings, snapshots, at)
            self._snapshots[country.code, at] = (made.stamp, subjects)
            self._snapshots.move_to_end((country.code, at))
            while len(self._snapshots) > KEPT:
                self._snapshots.popitem(last=False)
            return subjects

    def _standing(self, country: Country) -> Snapshots:
        """The country's snapshots by a look at the lake that is not old."""
        looked, snapshots = self._standings.get(country, (-LOOK_S, None))
        if snapshots is None or time.monotonic() - looked >= LOOK_S:
            snapshots = Snapshots(self._settings, country)
            self._standings[country] = (time.monotonic(), snapshots)
        return snapshots

    def past(self, country: Country, at: datetime) -> Past:
        """The probabilities of the newest week published before an instant; empty where there is none."""
        with self._lock:
            label = calendar.label(at, country)
            earlier = [date for date in self._published(country) if date < label]
            if not earlier:
                return {}
            key = (country.code, earlier[-1])
            if key not in self._pasts:
                week = Folder(self._settings.exports_url, country.code).week(earlier[-1])
                self._pasts = {one: past for one, past in self._pasts.items() if one[0] != country.code}
                self._pasts[key] = past_of(week)
            return self._pasts[key]

    def _published(self, country: Country) -> list[str]:
        looked, dates = self._dates.get(country.code, (-LOOK_S, []))
        if time.monotonic() - looked >= LOOK_S:
            dates = Folder(self._settings.exports_url, country.code).dates()
            self._dates[country.code] = (time.monotonic(), dates)
        return dates


def past_of(week: Week | None) -> Past:
    """Target → customer → probability of a published week."""
    if week is None:
        return {}
    scores = week.scores()
    scores = scores.filter(pc.equal(scores["status"], "SCORED"))
    found: dict[str, dict[str, float]] = {}
    columns = (scores[name].to_pylist() for name in ("target", "customer_id", "probability"))
    for target, customer_id, probability in zip(*columns, strict=True):
        found.setdefault(target, {})[customer_id] = probability
    return found


def subjects_of(settings: Settings, snapshots: Snapshots, at: datetime) -> Subjects:
    """Everyone in the snapshot of a reference. Raises UserError where there is none that may be used."""
    marks = watermarks(snapshots.usable(at))
    by_fetcher = {name: marks.get(one.family) for name, one in fetcher.collect().items()}
    return of_snapshot(snapshots.read(at), at, by_fetcher, settings.stale_after_s)


def watermarks(made: Manifest) -> Mapping[str, datetime | None]:
    """Per family, how far the lake of a snapshot was complete, never beyond its reference; None: unknown."""
    marks = made.stamp.complete_to
    return {family: min(made.at, marks[family]) if family in marks else None for family in made.stamp.lake}
