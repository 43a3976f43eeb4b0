"""How champions and published weeks stand, as an operator scrapes them: read from disk, at most twice a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from scorer.live.meter import Meter
from scorer.tuesday.week import Folder
from scv.events import country as countries
from scv.events.country import Country
from scv.model import bundle, champion
from scv.model.bundle import BundleInfo
from scv.model.spread import psi
from scv.online.rowstore import RowStore
from scv.settings import Settings
from telemetry.sample import Sample

EVERY_S = 30.0
LEAST = 200
"""So many scores say something of how scores spread; fewer are left out."""


class Condition:
    """Of every country that has a champion. Ages are by the country's clock, from the instant a model or list is of."""

    def __init__(self, settings: Settings, client: Any, meter: Meter) -> None:
        self._settings, self._store, self._meter = settings, RowStore(client), meter
        self._lock = threading.Lock()
        self._infos: dict[tuple[str, str], BundleInfo] = {}
        self._read_at = -EVERY_S
        self._standing: list[tuple[Country, list[BundleInfo], float | None]] = []

    def samples(self) -> Iterator[Sample]:
        """Raises what store, disk or the share of the exports raise."""
        with self._lock:
            if time.monotonic() - self._read_at >= EVERY_S:
                self._standing = list(self._read())
                self._read_at = time.monotonic()
            standing = list(self._standing)
        clocks = self._store.clocks([country.code for country, _, _ in standing])
        for country, infos, week_us in standing:
            now_us = clocks[country.code].now_us()
            if now_us is None:
                continue
            if week_us is not None:
                yield Sample("cerebro_week_age_seconds", (country.code,), (now_us - week_us) / 1e6)
            for info in infos:
                yield from self._of_model(info, now_us)

    def _of_model(self, info: BundleInfo, now_us: int) -> Iterator[Sample]:
        labels = (info.country, info.target)
        yield Sample("cerebro_model_age_seconds", labels, now_us / 1e6 - info.reference.timestamp())
        ratio = info.metrics.get("out_of_fold", {}).get("ratio")
        if ratio is not None:
            yield Sample("cerebro_model_calibration_ratio", labels, ratio)
        newest = self._meter.newest(*labels, info.id)
        if info.spread is not None and len(newest) >= LEAST:
            yield Sample("cerebro_score_drift_psi", labels, psi(info.spread, newest))

    def _read(self) -> Iterator[tuple[Country, list[BundleInfo], float | None]]:
        """Countries with a champion: what these say of themselves, and the newest published reference (us)."""
        for country in countries.known(self._settings.countries_path).values():
            infos = [info for target in country.targets if (info := self._info(country, target))]
            if infos:
                weeks = Folder(self._settings.exports_url, country).references()
                yield country, infos, weeks[-1].timestamp() * 1e6 if weeks else None

    def _info(self, country: Country, target: str) -> BundleInfo | None:
        """Of the champion; its hashes are checked once, when its pointer has moved."""
        path, key = champion.champion(self._settings, country.code, target), (country.code, target)
        if path is not None and (key not in self._infos or self._infos[key].id != path.name):
            self._infos[key] = bundle.read_info(path)
        return None if path is None else self._infos[key]
