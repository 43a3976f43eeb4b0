"""A sampled share of live scores, kept with their vectors so that `cerebro parity --served` can recompute them.

Who is asked about looks at the sampled customers' prefixes before the read; everything else happens in a thread of
its own: rows that moved meanwhile, and what there is no time for, are left out and counted.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scorer.scoring import Score
from scorer.served.prefix import Prefix, Prefixes
from scorer.served.vector_file import ModelRecord, Scored, ServedRecord, VectorFile
from scorer.subjects import Subjects, plain
from scv.events.country import Country
from scv.model.bundle import Bundle
from scv.settings import Settings

WAITING = 1_000
"""Answers that may wait to be written."""
log = logging.getLogger("cerebro.scorer")


@dataclass(frozen=True)
class Answer:
    """One call: whom of its subjects to keep, and what each of them was told."""

    country: Country
    sampled: Mapping[str, Prefix]
    subjects: Subjects
    models: Mapping[str, Bundle | None]
    scores: Sequence[Score]


class VectorLog:
    """Safe to share between threads. `kept`, `moved` and `dropped` count customers."""

    def __init__(self, settings: Settings, client: Any) -> None:
        self.kept = self.moved = self.dropped = 0
        self._share, self._prefixes = settings.vector_log_share, Prefixes(client)
        self._file = VectorFile(settings.vectors_path, settings.vector_log_mb * 2**20)
        self._queue: queue.Queue[Answer | None] = queue.Queue(WAITING)
        self._dice, self._lock = random.Random(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._told: set[type[Exception]] = set()

    def sample(self, country: Country, customers: Sequence[str]) -> Mapping[str, Prefix]:
        """Whom of these to keep; call it before they are read. Raises what the read that follows would raise."""
        if self._share <= 0:
            return {}
        chosen = [one for one in dict.fromkeys(customers) if self._dice.random() < self._share]
        return self._prefixes.of(country.code, chosen) if chosen else {}

    def keep(self, answer: Answer) -> None:
        """Let an answer be written when there is time."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vectors", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(answer)
        except queue.Full:
            self.dropped += len(answer.sampled)

    def close(self, wait_s: float = 5.0) -> None:
        """Write what waits."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(wait_s)

    def _run(self) -> None:
        while (answer := self._queue.get()) is not None:
            try:
                self._write(answer)
            except Exception as error:  # whatever it is, scores go on; its text may name a customer
                self.dropped += len(answer.sampled)
                if type(error) not in self._told:
                    self._told.add(type(error))
                    log.warning("served vectors not kept: %s (told once)", type(error).__name__)
        self._file.close()

    def _write(self, answer: Answer) -> None:
        after = self._prefixes.of(answer.country.code, list(answer.sampled))
        for i, customer in enumerate(answer.subjects.customer_ids):
            if customer not in answer.sampled:
                continue
            if after[customer].upto != answer.sampled[customer].upto:
                self.moved += 1
            elif record := _record(answer, i):
                models = [_model(answer, one.target) for one in record.scores]
                self._file.write(record, models)
                self.kept += 1


def _record(answer: Answer, i: int) -> ServedRecord | None:
    """What one customer was told; None where no model was asked."""
    customer, at = answer.subjects.customer_ids[i], answer.subjects.at[i]
    features = {name: [plain(column)[i]] for name, column in answer.subjects.features.items()}
    scored = []
    for one in answer.scores[i].targets:
        model = answer.models[one.target]
        if one.probability is not None and model is not None:
            vector = [None if value != value else value for value in model.matrix(features)[0].tolist()]
            scored.append(Scored(target=one.target, model=model.info.id, vector=vector, probability=one.probability))
    if at is None or not scored:
        return None
    prefix = answer.sampled[customer]
    return ServedRecord(
        country=answer.country.code, customer_id=customer, at=at, places=dict(prefix.places), upto=dict(prefix.upto),
        scores=scored,
    )  # fmt: skip


def _model(answer: Answer, target: str) -> ModelRecord:
    model = answer.models[target]
    assert model is not None
    return ModelRecord(id=model.info.id, country=answer.country.code, target=target, columns=model.columns)
