"""Time to the event, so that rows of last week teach already: hazards of four parts of the horizon, or one rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm
import msgspec
import numpy as np
from sklearn.linear_model import PoissonRegressor

from bench.candidates.known import Fit, Known, Logits
from bench.candidates.method import blend
from scv.events.country import Country
from scv.model.calibration import logit, logs
from scv.targets.labels import Outcomes
from scv.targets.target import Target
from trainer.dataset import TrainingSet, training_set
from trainer.fit import ONE_THREAD, parameters, regress
from trainer.past import Past
from trainer.recipe import DEFAULT

PARTS = 4


def is_an_event(target: Target) -> bool:
    """Does y = 1 say that something happened, from today on? Silence has no hazard."""
    return bool(target.clauses) and all(one.present and not one.start for one in target.clauses)


@dataclass(frozen=True)
class Hazards:
    """Of a target the rows with the labels of shorter horizons, shortest first; the last is the target's own."""

    sets: Sequence[TrainingSet]

    @classmethod
    def of(cls, past: Past, rows: TrainingSet) -> Hazards:
        own, target = past.country.days(rows.target.horizon), rows.target
        found = []
        for part in range(1, PARTS):
            country = shorter(past.country, target, own * part // PARTS)
            outcomes = Outcomes(past.outcomes.connection, country, past.outcomes.events)
            found.append(training_set(past.table, target, outcomes, past.label_as_of, rows.columns))
        return cls([*found, rows])

    @property
    def fits(self) -> dict[str, Fit]:
        return {"hazards": self.fit, "rate": self.rate, "rate, of both parts": self.both_rates,
                "rate, ripe rows only": self.ripe_rate}  # fmt: skip

    def rate(self, known: Known) -> Logits:
        """Trees of the logarithm of a rate (Poisson, weighted by the share of the horizon that a row was exposed):
        a row an hour old counts for what is known of it, and an early event for more than a late one."""
        return self._beside_logistic(known, ripe=False)

    def ripe_rate(self, known: Known) -> Logits:
        """The same of rows with final labels."""
        return self._beside_logistic(known, ripe=True)

    def _beside_logistic(self, known: Known, ripe: bool) -> Logits:
        trees, beside = self._rated(known, ripe), regress(DEFAULT.c, DEFAULT.half_life_weeks, known.rows)
        return lambda matrix: (trees(matrix) + beside(matrix)) / 2

    def both_rates(self, known: Known) -> Logits:
        """The regression is of the rate as well."""
        trees, (rows, happened, exposed) = self._rated(known), self.exposed(known)
        used = np.array([not one.levels for one in rows.columns])
        logged = logs(rows.matrix)
        means, sds = np.nan_to_num(np.nanmean(logged, axis=0)), np.nan_to_num(np.nanstd(logged, axis=0))
        used &= sds > 1e-9

        def standard(matrix: np.ndarray) -> np.ndarray:
            return np.nan_to_num((logs(matrix)[:, used] - means[used]) / sds[used])

        asked = PoissonRegressor(alpha=1 / (DEFAULT.c * exposed.sum()), max_iter=300)
        found = asked.fit(standard(rows.matrix), happened / exposed, sample_weight=exposed)
        return lambda matrix: (trees(matrix) + standard(matrix) @ found.coef_ + found.intercept_) / 2

    def _rated(self, known: Known, ripe: bool = False) -> Logits:
        rows, happened, exposed = self.exposed(known, ripe)
        words = [j for j, one in enumerate(rows.columns) if one.levels]
        asked = parameters(DEFAULT, len(rows)) | {"objective": "poisson"}
        data = lightgbm.Dataset(
            rows.matrix, happened / exposed, weight=exposed, categorical_feature=words or "auto", params=asked
        )
        grown = lightgbm.train(asked, data, DEFAULT.rounds)
        return lambda matrix: np.asarray(grown.predict(matrix, raw_score=True, num_threads=ONE_THREAD["num_threads"]))

    def exposed(self, known: Known, ripe: bool = False) -> tuple[TrainingSet, np.ndarray, np.ndarray]:
        """Rows of which something is known, whether it happened, and for which share of the horizon it could have."""
        told: dict[tuple[int, str], tuple[float, float]] = {}
        for part, rows in enumerate(self.sets):
            for key, y in _happened(self._seen(rows, known)).items():
                if told.get(key, (0.0, 0.0))[0] == 0:
                    told[key] = (y, (part + 1 - 0.5 * y) / len(self.sets))
        rows = self._seen(self.sets[-1] if ripe else self.sets[0], known)
        happened, exposed = np.array([told[key] for key in _happened(rows)]).T
        return rows, happened, exposed

    def _seen(self, rows: TrainingSet, known: Known) -> TrainingSet:
        ripe = rows.mature_by(known.at_us) & (rows.at_us < known.at_us)
        return rows.take(ripe & ~np.isin(rows.ids[rows.customers], known.without))

    def fit(self, known: Known) -> Logits:
        """Rows once for each part of the horizon in which they could still meet it (landmark stacking)."""
        blocks, before = [], dict[tuple[int, str], float]()
        for part, rows in enumerate(self.sets):
            seen = self._seen(rows, known)
            happened = _happened(seen)
            open_ = np.array([before.get(key, 0.0) == 0 for key in happened], dtype=bool)
            blocks.append((seen.take(open_), part))
            before = happened
        stacked = _stacked(blocks)
        logits = blend(stacked, {})

        def whole(matrix: np.ndarray) -> np.ndarray:
            stays = np.ones(len(matrix))
            for part in range(len(self.sets)):
                z = logits(np.column_stack([matrix, np.full(len(matrix), float(part))]))
                stays *= 1 / (1 + np.exp(z))
            return logit(1 - stays)

        return whole


def shorter(country: Country, target: Target, days: int) -> Country:
    return msgspec.structs.replace(country, **{target.horizon: days})


def _happened(rows: TrainingSet) -> dict[tuple[int, str], float]:
    return dict(zip(zip(rows.at_us.tolist(), rows.ids[rows.customers].tolist(), strict=True), rows.y, strict=True))


def _stacked(blocks: list[tuple[TrainingSet, int]]) -> TrainingSet:
    first = blocks[-1][0]
    silence = next(one for one in first.columns if not one.levels)
    parts = [np.column_stack([rows.matrix, np.full(len(rows), float(part))]) for rows, part in blocks]
    return replace(
        first,
        columns=(*first.columns, silence),
        matrix=np.concatenate(parts),
        at_us=np.concatenate([rows.at_us for rows, _ in blocks]),
        y=np.concatenate([rows.y for rows, _ in blocks]),
    )
