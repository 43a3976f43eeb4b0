"""What the scorer counts of its calls: scores by status, time, what failed, the newest probabilities. Never of whom."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from scorer.scoring import Score
from telemetry.sample import Durations, Sample

NEWEST = 10_000
"""Probabilities of each model that are kept in mind."""


class Ring:
    """The newest numbers, in memory that is taken at once: one that fills for an hour looks like a leak."""

    def __init__(self) -> None:
        self._values, self._count = np.full(NEWEST, np.nan), 0

    def add(self, value: float) -> None:
        self._values[self._count % NEWEST] = value
        self._count += 1

    def values(self) -> np.ndarray:
        """float64[n], in no order."""
        return self._values[: self._count].copy()


class Meter:
    """Counts; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scores = Counter[tuple[str, str, str]]()
        self._seconds = defaultdict[tuple[str, str], Durations](Durations)
        self._newest = defaultdict[tuple[str, str, str], Ring](Ring)
        self.store_errors = 0

    def answered(self, country: str, scores: Sequence[Score], seconds: float, watched: bool = False) -> None:
        """A call that gave these scores of customers of a known country.

        Who is `watched` is asked about every second: a few such customers are not what scores are like.
        """
        with self._lock:
            counted = Counter((country, one.target, one.status) for score in scores for one in score.targets)
            self._scores.update(counted)
            for score in () if watched else scores:
                for one in score.targets:
                    if one.probability is not None:
                        self._newest[country, one.target, one.model].add(one.probability)
            durations = [self._seconds[kind] for kind in {(target, status) for _, target, status in counted}]
        for duration in durations:
            duration.observe(seconds)

    def failed(self, status: str, seconds: float, store: bool) -> None:
        """A call that ended with a gRPC status; `store`: because the store did not answer."""
        with self._lock:
            self.store_errors += store
            durations = self._seconds["", status]
        durations.observe(seconds)

    def newest(self, country: str, target: str, model: str) -> np.ndarray:
        """The newest probabilities that a model gave, float64[n]; what other models gave is forgotten."""
        with self._lock:
            for other in [key for key in self._newest if key[:2] == (country, target) and key[2] != model]:
                del self._newest[other]
            found = self._newest.get((country, target, model))
            return np.empty(0) if found is None else found.values()

    def samples(self) -> Iterator[Sample]:
        with self._lock:
            scores, seconds = dict(self._scores), dict(self._seconds)
        for kind, count in scores.items():
            yield Sample("cerebro_scores_total", kind, count)
        for labels, durations in seconds.items():
            yield Sample("cerebro_score_seconds", labels, durations.distribution())
        yield Sample("cerebro_store_errors_total", (), self.store_errors)
