"""The past: a reference's snapshot as subjects, and what the last Tuesday's file said before an instant."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow.compute as pc

from scorer.scoring import Past
from scorer.subjects import Subjects, of_snapshot
from scorer.tuesday.week import Folder, Week
from scv.errors import LakeConflict, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.offline import snapshot
from scv.offline.lake import Lake, LakeVersion
from scv.settings import Settings

KEPT = 2
"""Snapshots held in memory: an agent who looks back asks again about the same Tuesday."""
LOOK_S = 5.0
"""How old the knowledge of published weeks may be."""


class Archive:
    """Snapshots and published weeks, read once and kept; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._snapshots: OrderedDict[tuple[str, datetime, str], Subjects] = OrderedDict()
        self._dates: dict[str, tuple[float, list[str]]] = {}
        self._pasts: dict[tuple[str, str], Past] = {}
        self._lock = threading.Lock()

    def subjects(self, country: Country, at: datetime) -> Subjects:
        """Everyone in the snapshot of a reference. Raises UserError where there is none."""
        manifest = snapshot.manifest(self._settings.snapshots_path, country, at)
        key = (country.code, at, manifest.lake_hash if manifest else "")
        with self._lock:
            if manifest is None or key not in self._snapshots:
                self._snapshots[key] = read_snapshot(self._settings, country, at)
                while len(self._snapshots) > KEPT:
                    self._snapshots.popitem(last=False)
            self._snapshots.move_to_end(key)
            return self._snapshots[key]

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


def read_snapshot(settings: Settings, country: Country, at: datetime) -> Subjects:
    """Everyone in the snapshot of a reference. Raises UserError where there is none."""
    tables = snapshot.read(settings.snapshots_path, country, at)
    marks = watermarks(settings, country, at)
    by_fetcher = {name: marks.get(one.family) for name, one in fetcher.collect().items()}
    return of_snapshot(tables, at, by_fetcher, settings.stale_after_s)


def watermarks(settings: Settings, country: Country, at: datetime) -> Mapping[str, datetime | None]:
    """Per family, how far the lake of a snapshot was complete, never beyond its reference; None: unknown."""
    manifest = snapshot.manifest(settings.snapshots_path, country, at)
    if manifest is None:
        raise UserError(f"No snapshot of {country.code} at {calendar.label(at, country)}.")
    lake, version = Lake(settings.lake_path), LakeVersion(manifest.lake)
    connection = duckdb.connect()
    try:
        found = {name: _watermark(lake, connection, name, country.code, version) for name in manifest.lake}
    finally:
        connection.close()
    return {name: None if us is None else min(at, calendar.from_us(us)) for name, us in found.items()}


def _watermark(
    lake: Lake, connection: duckdb.DuckDBPyConnection, family: str, country: str, version: LakeVersion
) -> int | None:
    try:
        return lake.watermark_us(connection, family, country, version)
    except LakeConflict:  # that version has been vacuumed since: the snapshot stands, its completeness is not known
        return None
