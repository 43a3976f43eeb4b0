"""Small champions of whatever features a test has, as training would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import lightgbm
import msgspec
import numpy as np

from scv.events.country import Country
from scv.features.array import Features
from scv.model import bundle, champion
from scv.model.bundle import Bundle, BundleInfo, FittedRows, Level
from scv.model.calibration import Calibration
from scv.model.column import Column
from scv.settings import Settings
from scv.targets.phase import phase
from scv.targets.target import TARGETS


def grown(matrix: np.ndarray, y: np.ndarray, rounds: int, **given: Any) -> str:
    """Trees as text, the same each time; `given` are other parameters."""
    parameters = {"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 3, "seed": 1, "num_threads": 1}
    parameters |= {"verbosity": -1, "deterministic": True, **given}
    return lightgbm.train(parameters, lightgbm.Dataset(matrix, y), rounds).model_to_string()


def told(
    country: Country,
    target: str,
    columns: Sequence[Column],
    features: Features,
    y: np.ndarray,
    at: datetime,
    **said: Any,
) -> BundleInfo:
    """What the bundle says that was fitted to these rows of one reference; `said` is what is not plain."""
    rows = FittedRows(
        rows=len(y), positives=int(y.sum()), customers=len(y), first=at, last=at, references=1, removed={}
    )
    plain: dict[str, Any] = {
        "id": f"{target}-1", "country": country.code, "target": target, "basis": TARGETS[target].basis,
        "sentence": TARGETS[target].sentence(country), "reference": at, "label_as_of": at,
        "stamp": bundle.made_of(country, target), "columns": tuple(columns), "offset": 0.0, "weight": 0.0,
        "logistic": None, "calibration": Calibration(kind="platt", slope=0.9, intercept=-0.1), "params": {},
        "trained_on": rows, "metrics": {}, "usual": tuple(None for _ in columns),
        "bands": {name: _easily_raised(one) for name, one in _levels(y, phase(features, country)).items()},
    }  # fmt: skip
    return BundleInfo(**plain | said)


def _levels(y: np.ndarray, phases: np.ndarray) -> dict[str, Level]:
    return bundle.levels(np.linspace(0.01, 0.9, len(y)), y, phases)


def _easily_raised(level: Level) -> Level:
    """Nearly everybody is raised: few rows tell few apart, and lists are to have somebody on them."""
    return msgspec.structs.replace(level, usual=0.001, raised=0.002)


def promoted(settings: Settings, country: Country, info: BundleInfo, text: str) -> Bundle:
    """Written, and the champion from now on."""
    return bundle.promote(bundle.write(champion.folder(settings, country.code, info.target), info, text), country)
