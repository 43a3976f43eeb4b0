"""A sampled share of live scores, kept with their vectors so that `cerebro parity --served` can recompute them.

A view says of which prefix of the log its rows are. Vectors are made again and written in a thread of its own, which
gets the sampled customers alone: an answer that waited for it would keep its hundreds of rows. What there is no time
for is left out and counted.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from scorer.champions import Champions
from scorer.scoring import Score
from scorer.served.vector_file import ModelRecord, Scored, ServedRecord, VectorFile
from scorer.subjects import Subjects, plain
from scv.events.country import Country
from scv.features import fetcher
from scv.model.bundle import Bundle
from scv.model.champion import SHADOW
from scv.online.reader import View
from scv.settings import Settings

WAITING = 1_000
"""Customers who may wait to be written."""
log = logging.getLogger("cerebro.scorer")


@dataclass(frozen=True)
class Answer:
    """One call: what was read of whom, and what each of them was told. A snapshot's subjects have no views."""

    country: Country
    views: Sequence[View]
    subjects: Subjects
    models: Mapping[str, Bundle | None]
    scores: Sequence[Score]


class SampledCustomer(NamedTuple):
    """Of one call, one customer whose vector is kept: one value of each feature."""

    country: Country
    view: View
    features: Mapping[str, Sequence[Any]]
    models: Mapping[str, Bundle | None]
    score: Score


class VectorLog:
    """Safe to share between threads. `kept` and `dropped` count customers."""

    def __init__(self, settings: Settings) -> None:
        self.kept = self.dropped = 0
        self._share = settings.vector_log_share
        self._file = VectorFile(settings.vectors_path, settings.vector_log_mb * 2**20, settings.vector_days)
        self._queue: queue.Queue[SampledCustomer | None] = queue.Queue(WAITING)
        self._dice, self._lock = random.Random(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._told: set[type[Exception]] = set()
        self._shadows = Champions(settings, SHADOW)

    def keep(self, answer: Answer) -> None:
        """Let a share of an answer be written when there is time."""
        sampled = [i for i in range(len(answer.views)) if self._dice.random() < self._share]
        if not sampled:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vectors", daemon=True)
                self._thread.start()
        for i in sampled:
            try:
                self._queue.put_nowait(_sampled(answer, i))
            except queue.Full:
                self.dropped += 1

    def close(self, wait_s: float = 5.0) -> None:
        """Write what waits."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(wait_s)

    def _run(self) -> None:
        while (one := self._queue.get()) is not None:
            try:
                self._write(one)
            except Exception as error:  # whatever it is, scores go on; its text may name a customer
                self.dropped += 1
                if type(error) not in self._told:
                    self._told.add(type(error))
                    log.warning("served vectors not kept: %s (told once)", type(error).__name__)
        self._file.close()

    def _write(self, one: SampledCustomer) -> None:
        beside = {name: self._shadows.of(one.country, name) for name, model in one.models.items() if model}
        asked = [*one.models.items(), *beside.items()]
        of = {(name, model.info.id): model.columns for name, model in asked if model}
        if record := _record(one, beside):
            code, named = one.country.code, [(scored.target, scored.model) for scored in record.scores]
            models = [ModelRecord(id=id, country=code, target=name, columns=of[name, id]) for name, id in named]
            self._file.write(record, models)
            self.kept += 1


def _sampled(answer: Answer, i: int) -> SampledCustomer:
    features = {name: [plain(column)[i]] for name, column in answer.subjects.features.items()}
    return SampledCustomer(answer.country, answer.views[i], features, answer.models, answer.scores[i])


def _scored(target: str, model: Bundle, matrix: np.ndarray, probability: float) -> Scored:
    vector = [None if value != value else value for value in matrix[0].tolist()]
    return Scored(target=target, model=model.info.id, vector=vector, probability=probability)


def _record(one: SampledCustomer, shadows: Mapping[str, Bundle | None]) -> ServedRecord | None:
    """What one customer was told, of which rows, and what shadows would have said; None where no model was asked."""
    scored = []
    for told in one.score.targets:
        model = one.models[told.target]
        if told.probability is not None and model is not None:
            scored.append(_scored(told.target, model, model.matrix(one.features), told.probability))
            if shadow := shadows.get(told.target):
                matrix = shadow.matrix(one.features)
                scored.append(_scored(told.target, shadow, matrix, float(shadow.score(matrix)[0])))
    if one.view.at is None or not scored:
        return None
    families = {name: fetched.family for name, fetched in fetcher.collect().items()}
    readings = one.view.fetchers.items()
    return ServedRecord(
        country=one.view.country, customer_id=one.view.customer_id, at=one.view.at, scores=scored,
        places={families[name]: reading.position for name, reading in readings if reading.position},
        upto={name: reading.held.next - 1 if reading.held else None for name, reading in readings},
    )  # fmt: skip
