"""The past for live answers: a reference's snapshot as subjects, and what the file of the Tuesday before said."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from scorer.scoring import Past, past_of
from scorer.subjects import Subjects, at_reference
from scorer.tuesday.log_ids import LogIds
from scorer.tuesday.manifest import WeekManifest
from scorer.tuesday.week import Folder
from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country
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
        self._ids = LogIds(settings)  # for every caller waits meanwhile
        self._say = Seldom(log.warning)
        self._lock = threading.Lock()

    def subjects(self, country: Country, at: datetime) -> Subjects:
        """Everyone in the snapshot of a reference. Raises UserError where there is none that may be used."""
        with self._lock:
            snapshots = self._standing(country)
            made, (kept, subjects) = snapshots.usable(at), self._snapshots.get((country.code, at), (None, None))
            if subjects is None or kept != made.stamp:
                subjects = at_reference(self._settings, snapshots, at)
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
        manifest: WeekManifest | None = None
        past: Past = {}
        folder = Folder(self._settings.exports_url, country)
        try:
            week = folder.week(tuesday)
            if week is not None:
                if why := week.why_not(self._ids(), content=False):
                    raise folder.refused(tuesday, why)
                past = known.past if known and known.manifest == week.manifest else past_of(week.scores())
                manifest = week.manifest  # last: of a damaged one nothing is kept, so that its mending is seen
        except CerebroError as error:
            self._say(f"nothing is since Tuesday: {error}", country.code)
        return _List(tuesday, manifest, past, time.monotonic())
