"""A trained model on disk: LightGBM's text and JSON beside it, under a manifest of hashes. Never a pickle.

    bundles/COUNTRY/TARGET/ID/model.txt, bundle.json, report.html (may lack), manifest.json (written last)

The folder appears by one rename. Hashes are checked before anything is parsed: LightGBM's parser can kill the
process on a damaged text.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from scv import atomic as whole
from scv import stamp
from scv.errors import CorruptBundle, StaleBundle
from scv.events.country import Country
from scv.features.array import Features
from scv.model import canary, champion, trees, vector
from scv.model.calibration import Calibration, Logistic
from scv.model.column import Column
from scv.model.encoder import Encoder
from scv.model.shap_table import ShapTable
from scv.model.spread import Spread
from scv.settings import Settings
from scv.stamp import Stamp, Written, sha256_of
from scv.targets import target as targets

MODEL, INFO, REPORT, MANIFEST = "model.txt", "bundle.json", "report.html", "manifest.json"
Band = Literal["low", "usual", "raised", "high"]
EVERYONE = ""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """What is normal in one phase: the rate among training rows, and where usual, raised and high begin."""

    rate: float
    rows: int
    usual: float
    raised: float
    high: float


class FittedRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle was fitted on. Instants of the first and last reference; `removed` rows by reason; `share` of all
    rows that was drawn; `set` the id of the training set (`trainer.artefact`)."""

    rows: int
    positives: int
    customers: int
    first: datetime
    last: datetime
    references: int
    removed: dict[str, int]
    share: float = 1.0
    set: str = ""


class BundleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`bundle.json`: everything but the trees.

    `reference` is the Tuesday it was frozen at, `label_as_of` the watermark its labels were read at. `stamp` is what it
    is of (the target's question, settings, the lake it was trained on); columns carry their own fingerprints.
    `weight` is the logistic's share of the blended logit and `offset` undoes the rebalancing of the trees. `usual` has
    each column's median among the training rows (None: missing), `canary` what it says of `canary.rows`, `spread` how
    the probabilities of `out_of_fold` lie (bundles of earlier releases lack both).
    """

    id: str
    country: str
    target: str
    basis: str
    sentence: str
    reference: datetime
    label_as_of: datetime
    stamp: Stamp
    columns: tuple[Column, ...]
    offset: float
    weight: float
    logistic: Logistic | None
    calibration: Calibration
    params: dict[str, Any]
    trained_on: FittedRows
    metrics: dict[str, Any]
    bands: dict[str, Level]
    usual: tuple[float | None, ...]
    spread: Spread | None = None
    canary: tuple[float, ...] = ()


class Bundle:
    """A loaded model. `path` is its folder, `manifest` the SHA-256 of its manifest."""

    def __init__(self, path: Path, info: BundleInfo, model: str, manifest: str) -> None:
        self.path, self.info, self.manifest = path, info, manifest
        self._booster = trees.booster(model)

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.info.columns

    def matrix(self, features: Features) -> np.ndarray:
        """The model's input, see `Encoder.matrix`."""
        return self._encoder.matrix(features)

    @functools.cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.columns)

    def score(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities float64[n], on one thread; a row's does not depend on the others."""
        return self.info.calibration(self.logits(matrix))

    def logits(self, matrix: np.ndarray) -> np.ndarray:
        """The blended logits float64[n] before calibration."""
        return self._blended(matrix, self.table.raw(matrix) if self.table else trees.predicted(self._booster, matrix))

    def computed(self, matrix: np.ndarray) -> np.ndarray:
        """`score`, but never looked up: by the trees themselves."""
        return self.info.calibration(self._blended(matrix, trees.predicted(self._booster, matrix)))

    def reasons(self, matrix: np.ndarray) -> np.ndarray:
        """float64[n, k]: what each column adds; with the same constant for all rows they sum to `logits`."""
        return self.explained(matrix)[1]

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`score` and `reasons` for the price of one."""
        if self.table is not None:
            raw, added = self.table.explained(matrix)
        else:
            raw, added = trees.predicted(self._booster, matrix), trees.contributions(self._booster, matrix)
        added = added * (1 - self.info.weight)
        if self.info.logistic is not None:
            added = added + self.info.weight * self.info.logistic.terms(matrix)
        return self.info.calibration(self._blended(matrix, raw)), added

    @functools.cached_property
    def table(self) -> ShapTable | None:
        """What the trees say, to be looked up; None where they have to be asked: too large, or not what they say."""
        return trees.table(self._booster)

    def _blended(self, matrix: np.ndarray, raw: np.ndarray) -> np.ndarray:
        return trees.mixed(raw, matrix, self.info.offset, self.info.logistic, self.info.weight)

    def level(self, phase: str) -> Level:
        """What is normal in a phase; in all of them where the phase had too few rows."""
        return self.info.bands.get(phase) or self.info.bands[EVERYONE]

    def band(self, probability: float, phase: str) -> Band:
        """Low, usual, raised or high within country and phase; a model that tells nobody apart finds all usual."""
        level = self.level(phase)
        if probability >= level.high > level.usual:
            return "high"
        if probability >= level.raised > level.usual:
            return "raised"
        return "usual" if probability >= level.usual else "low"

    def times_usual(self, probability: float, phase: str) -> float:
        """The probability over the rate of its phase."""
        return probability / self.level(phase).rate


def levels(probabilities: np.ndarray, y: np.ndarray, phases: np.ndarray) -> dict[str, Level]:
    """Bands of each phase with at least 100 rows, and of everyone: the riskiest 5 % are high, the next 15 %
    raised, the lowest 40 % low."""
    found = {}
    for name in [EVERYONE, *np.unique(phases.astype(str)).tolist()]:
        rows = np.ones(len(y), dtype=bool) if name == EVERYONE else phases == name
        if name != EVERYONE and rows.sum() < 100:
            continue
        usual, raised, high = np.quantile(probabilities[rows], [0.4, 0.8, 0.95]).tolist()
        rate = (float(y[rows].sum()) + 0.5) / (int(rows.sum()) + 1)  # never 0: "times usual" divides by it
        found[name] = Level(rate=rate, rows=int(rows.sum()), usual=usual, raised=raised, high=high)
    return found


def write(folder: Path, info: BundleInfo, model: str, report: str | None = None) -> Path:
    """Write a bundle into `folder`/ID in one step and return that path.

    A whole bundle of that id is left as it is: ids are made of content. Half of one is replaced.
    """
    said = Bundle(folder, info, model, "").computed(canary.rows(info.usual))
    info = msgspec.structs.replace(info, canary=tuple(said.tolist()))
    files = {MODEL: model.encode(), INFO: msgspec.json.format(msgspec.json.encode(info), indent=2)}
    if report is not None:
        files[REPORT] = report.encode()
    body = msgspec.json.format(msgspec.json.encode({name: sha256_of(one) for name, one in files.items()}), indent=2)
    path = folder / info.id
    if path.exists():
        try:
            _opened(path)
            return path
        except CorruptBundle:
            shutil.rmtree(path)
    beside = whole.beside(path)
    beside.mkdir(parents=True)
    for name, content in [*files.items(), (MANIFEST, body)]:
        whole.write(beside / name, content)
    os.rename(beside, path)
    return path


def load(path: Path, country: Country) -> Bundle:
    """Load a bundle: hashes first, then what it is of, then the trees.

    `country` holds today's settings. Raises CorruptBundle, or StaleBundle naming the columns, the question or the
    settings that are no longer those it was trained for.
    """
    manifest, info, model = _opened(path)
    why = why_not(info, country)
    if why:
        raise StaleBundle(f"Bundle {info.id} cannot answer: {why}. Run `cerebro train {country.code}`.")
    bundle = Bundle(path, info, model, manifest)
    if bundle._booster.num_feature() != len(info.columns):
        raise CorruptBundle(f"{path}: the trees know {bundle._booster.num_feature()} columns, not {len(info.columns)}.")
    if info.canary and not canary.agree(bundle.computed(canary.rows(info.usual)), info.canary):
        raise CorruptBundle(f"Bundle {info.id} does not say here what it said when it was written: another LightGBM?")
    return bundle


def read_info(path: Path) -> BundleInfo:
    """What a bundle says of itself, whatever today's definitions are. Raises CorruptBundle."""
    return _opened(path)[1]


def hash_of(path: Path) -> str:
    """The SHA-256 of its manifest, once every file is what that says. Raises CorruptBundle."""
    return _opened(path)[0]


def made_of(country: Country, target: str, **parts: Any) -> Stamp:
    """What a model of a target is of that is trained now, but for its columns; `parts` say of which lake."""
    asked = targets.get(target)
    names = (*stamp.MODEL, *asked.settings)
    return stamp.of(country, names, definitions={f"target {target}": asked.fingerprint}, **parts)


def why_not(info: BundleInfo, country: Country) -> str:
    """Why a bundle may not answer today, in words; "" where it may. Its columns are definitions too."""
    then, now = info.stamp, made_of(country, info.target)
    before = {**then.definitions, **{one.name: one.fingerprint for one in info.columns}}
    today = {**now.definitions, **{one.name: vector.fingerprint(one.name, one.dtype) for one in info.columns}}
    replace = msgspec.structs.replace
    return replace(then, definitions=before).why_not(replace(now, definitions=today))


def _opened(path: Path) -> tuple[str, BundleInfo, str]:
    """The SHA-256 of a bundle's manifest, what it says of itself and its trees' text, once every hash was checked."""
    try:
        body = (path / MANIFEST).read_bytes()
        hashes = msgspec.json.decode(body, type=dict[str, str])
        unknown = set(hashes) - {MODEL, INFO, REPORT}
        files = {name: (path / name).read_bytes() for name in {MODEL, INFO, *hashes} - unknown}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptBundle(f"{path} is no whole bundle: {error}. Train a new one, or promote another.") from error
    for name, content in files.items():
        if hashes.get(name) != sha256_of(content):
            raise CorruptBundle(f"{path / name} is not what was written. Train a new one, or promote another.")
    if unknown:
        raise CorruptBundle(f"{path / MANIFEST} lists files nobody writes: {', '.join(sorted(unknown))}.")
    try:
        info = msgspec.json.decode(files[INFO], type=BundleInfo)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptBundle(f"{path / INFO} is no bundle of this version: {error}. Train a new one.") from error
    return sha256_of(body), info, files[MODEL].decode()


def written(settings: Settings, country: Country) -> Iterator[Written]:
    """Every file of a country's bundles, and the pointers to their champions."""
    for folder in sorted((settings.bundles_path / country.code).glob("*")):
        mends = f"Run `cerebro train {country.code} --target {folder.name}`"
        for manifest in sorted(folder.glob(f"[!.]*/{MANIFEST}")):
            try:
                hashes, why = msgspec.json.decode(manifest.read_bytes(), type=dict[str, str]), ""
            except (msgspec.DecodeError, UnicodeDecodeError):
                hashes, why = {}, "it is not what was written"
            yield stamp.judged("bundles", country.code, str(manifest), why, mends)
            for name, sha256 in hashes.items():
                yield stamp.written("bundles", country.code, manifest.parent / name, sha256, mends)
        try:  # a champion's manifest is the one that was promoted, or it is not the champion
            if pointer := champion.pointer(folder):
                yield stamp.written("bundles", country.code, folder / pointer.id / MANIFEST, pointer.manifest, mends)
        except CorruptBundle as error:
            why = f"{error}".partition(". ")[0]
            yield stamp.judged("bundles", country.code, str(folder / champion.POINTER), why, mends)


def promote(path: Path, country: Country, why: str = "") -> Bundle:
    """Load a bundle once more and make it the champion of its folder. Raises CorruptBundle or StaleBundle."""
    bundle = load(path, country)
    champion.point(path, bundle.manifest, why)
    return bundle
