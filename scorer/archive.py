"""The past: a reference's snapshot as subjects, and what the file of the Tuesday before an instant said."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow.compute as pc

from scorer.scoring import Past
from scorer.subjects import Subjects, of_snapshot
from scorer.tuesday.manifest import WeekManifest
from scorer.tuesday.week import Folder, Week
from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.offline import snapshot
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from scv.stamp import Stamp
from scv.talk import Seldom

log = logging.getLogger("cerebro.scorer")

KEPT = 2
"""Snapshots held in memory: an agent who looks back asks again about the same Tuesday."""
LOOK_S = 5.0
"""How old the knowledge of published weeks and of the lake may be."""


@dataclass(frozen=True)
class _List:
    """What one Tuesday's published week said, as of a moment."""

    tuesday: datetime
    manifest: WeekManifest | None
    past: Past
    looked: float


class Archive:
    """Snapshots and published weeks, read once and kept; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._snapshots: OrderedDict[tuple[str, datetime], tuple[Stamp, Subjects]] = OrderedDict()
        self._standings: dict[Country, tuple[float, Snapshots]] = {}
        self._lists: dict[Country, _List] = {}
        self._say = Seldom(log.warning)
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
        """The probabilities of the newest Tuesday before an instant; empty where no week of it may be used."""
        tuesday = calendar.last_tuesday(at - calendar.MICROSECOND, country.zone)
        with self._lock:
            known = self._lists.get(country)
            if known is None or known.tuesday != tuesday or time.monotonic() - known.looked >= LOOK_S:
                known = self._lists[country] = self._look(country, tuesday, known)
            return known.past

    def _look(self, country: Country, tuesday: datetime, known: _List | None) -> _List:
        """What is published now of a Tuesday. A call is answered without it where it may not be used."""
        past: Past = {}
        manifest: WeekManifest | None = None
        try:
            week = Folder(self._settings.exports_url, country).usable(tuesday, self._standing(country).version.ids)
            if week is not None:
                manifest = week.manifest
                past = known.past if known is not None and known.manifest == manifest else past_of(week)
        except CerebroError as error:
            self._say(f"nothing is since Tuesday: {error}", country.code)
        return _List(tuesday, manifest, past, time.monotonic())


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


def watermarks(made: snapshot.SnapshotManifest) -> Mapping[str, datetime | None]:
    """Per family, how far the lake of a snapshot was complete, never beyond its reference; None: unknown."""
    marks = made.stamp.complete_to
    return {family: min(made.at, marks[family]) if family in marks else None for family in made.stamp.lake}
