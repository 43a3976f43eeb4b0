"""From a recipe and all mature rows to a bundle: out-of-fold calibration, the last fit, bands and what is usual."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from scv.events.calendar import from_us, label
from scv.model.bundle import BundleInfo, FittedRows, levels, made_of
from scv.model.calibration import Calibration
from scv.model.metrics import figures_of
from scv.model.spread import spread_of
from scv.model.training_file import SetManifest
from scv.offline.lake_version import LakeVersion
from trainer.dataset import TrainingSet
from trainer.fit import Fitted, calibrate, fit, out_of_fold
from trainer.recipe import Recipe


@dataclass(frozen=True)
class Assembled:
    """A bundle that is not yet on disk; `said` float64[n] are its out-of-fold probabilities."""

    info: BundleInfo
    rows: TrainingSet
    said: np.ndarray
    fitted: Fitted

    def on(self, id: str) -> Assembled:
        """The same, naming the training set that was kept of its rows."""
        trained_on = msgspec.structs.replace(self.info.trained_on, set=id)
        return replace(self, info=msgspec.structs.replace(self.info, trained_on=trained_on))


def assemble(
    recipe: Recipe,
    rows: TrainingSet,
    at: datetime,
    lake: LakeVersion,
    threads: int,
    metrics: Mapping[str, Any],
) -> Assembled:
    """Calibrate on out-of-fold predictions, refit on all rows, and describe the result."""
    z = out_of_fold(recipe, rows, threads)
    calibration = calibrate(z, rows.y, rows.at_us, recipe.recent)
    said, fitted = calibration(z), fit(recipe, rows)
    complete = dict.fromkeys(rows.target.families, rows.label_as_of)
    of = made_of(rows.country, rows.target.name, log=lake.ids, lake=lake.families, complete_to=complete)
    asked = msgspec.structs.replace(of, log={}, lake={}, complete_to={})  # the same trees asked otherwise are others
    known = [column[~np.isnan(column)] for column in rows.matrix.T]
    info = BundleInfo(
        id=_id(at, rows, fitted, calibration, (metrics, asked)),
        country=rows.country.code,
        target=rows.target.name,
        basis=rows.target.basis,
        sentence=rows.target.sentence(rows.country),
        reference=at,
        label_as_of=rows.label_as_of,
        stamp=of,
        columns=rows.columns,
        offset=fitted.offset,
        weight=fitted.weight,
        logistic=fitted.logistic,
        calibration=calibration,
        params=msgspec.to_builtins(recipe),
        trained_on=_fitted_on(rows),
        metrics={"out_of_fold": figures_of(rows.y, said), **metrics},
        bands=levels(said, rows.y, rows.phases),
        usual=tuple(float(np.median(column)) if len(column) else None for column in known),
        spread=spread_of(said),
    )
    return Assembled(info, rows, said, fitted)


def described(made: Assembled) -> SetManifest:
    """The manifest of the training set of a bundle."""
    info, rows = made.info, made.rows
    return SetManifest(
        country=info.country,
        target=info.target,
        reference=info.reference,
        label_as_of=info.label_as_of,
        rows=len(rows),
        positives=rows.positives,
        share=rows.share,
        columns=rows.columns,
        stamp=info.stamp,
    )


def _fitted_on(rows: TrainingSet) -> FittedRows:
    return FittedRows(
        rows=len(rows),
        positives=rows.positives,
        customers=len(np.unique(rows.customers)),
        first=from_us(int(rows.references[0])),
        last=from_us(int(rows.references[-1])),
        references=len(rows.references),
        removed=rows.removed,
        share=rows.share,
    )


def _id(at: datetime, rows: TrainingSet, fitted: Fitted, calibration: Calibration, judged: object) -> str:
    """The reference and 8 hex digits of what the model computes and how it was judged: same content, same id."""
    parts = (fitted.model, fitted.offset, fitted.weight, fitted.logistic, calibration, rows.columns, judged)
    text = b"".join(msgspec.json.encode(part) for part in parts)
    return f"{label(at, rows.country)}-{hashlib.sha256(text).hexdigest()[:8]}"
