"""A bundle is what was written, or it is refused; never a pickle, never half."""

from __future__ import annotations

import ast
import dataclasses
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
import pytest

from scv import stamp
from scv.errors import CorruptBundle, StaleBundle
from scv.events import country as countries
from scv.events.country import Country
from scv.features.fetcher import all_features
from scv.model import bundle, canary, champion, vector
from scv.model.bundle import BundleInfo, FittedRows, Level
from scv.model.calibration import Calibration, Logistic
from scv.model.column import Column
from scv.settings import Settings
from scv.targets.target import TARGETS
from tests.other_settings import otherwise

US = countries.load("US")
NAMES = ("orders__days_since", "orders__count_28d", "rhythm__gap_mean", "derived__overdue")


def column(name: str) -> Column:
    dtype: Any = "derived" if name.startswith("derived__") else all_features()[name].dtype
    return Column(name=name, dtype=dtype, fingerprint=vector.fingerprint(name, dtype))


def data(rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    matrix = random.gamma(2, 5, (rows, len(NAMES)))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, (random.random(rows) < 1 / (1 + np.exp(2 - np.nan_to_num(matrix[:, 0]) / 10))).astype(float)


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    parameters = {"objective": "binary", "num_leaves": 5, "verbosity": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(*data()), 30)


@pytest.fixture(scope="module")
def info() -> BundleInfo:
    instant = datetime(2017, 9, 5, 4, tzinfo=UTC)
    matrix, y = data()
    k = len(NAMES)
    return BundleInfo(
        id="2017-09-05-00000000",
        country="US",
        target="lapse",
        basis="derived",
        sentence="no order in the next 56 days",
        reference=instant,
        label_as_of=instant,
        stamp=bundle.made_of(US, "lapse"),
        columns=tuple(column(name) for name in NAMES),
        offset=-0.5,
        weight=0.4,
        logistic=Logistic(intercept=-1.0, coefficients=(0.5,) * k, means=(1.0,) * k, sds=(2.0,) * k),
        calibration=Calibration(kind="platt", slope=0.9, intercept=0.1),
        params={"leaves": 5},
        trained_on=FittedRows(
            rows=3000, positives=int(y.sum()), customers=10, first=instant, last=instant, references=1, removed={}
        ),
        metrics={"out_of_fold": {"auc": 0.7}},
        bands={"": Level(rate=0.1, rows=3000, usual=0.05, raised=0.2, high=0.4)},
        usual=tuple(np.nanmedian(matrix, axis=0).tolist()),
    )


@pytest.fixture
def written(tmp_path: Path, booster: lightgbm.Booster, info: BundleInfo) -> Path:
    folder = tmp_path / "bundles" / "US" / "lapse"
    return bundle.write(folder, info, booster.model_to_string(), "<!doctype html>a report")


def test_it_comes_back_as_it_was(written: Path, booster: lightgbm.Booster, info: BundleInfo) -> None:
    loaded = bundle.load(written, US)
    assert msgspec.structs.replace(loaded.info, canary=()) == info and len(loaded.info.canary) == len(canary.rows(()))
    matrix, _ = data()
    trees = booster.predict(matrix, raw_score=True)
    assert info.logistic is not None
    expected = (trees + info.offset) * (1 - info.weight) + info.weight * info.logistic(matrix)
    np.testing.assert_array_equal(loaded.logits(matrix), expected)
    np.testing.assert_array_equal(loaded.score(matrix), info.calibration(expected))


def test_a_row_scores_the_same_alone_and_among_others(written: Path) -> None:
    loaded = bundle.load(written, US)
    matrix, _ = data()
    together = loaded.score(matrix)
    assert [float(loaded.score(matrix[i : i + 1])[0]) for i in range(300)] == together[:300].tolist()
    assert loaded.score(matrix[:0]).shape == (0,)


def test_reasons_add_up_to_the_logit_over_both_parts(written: Path) -> None:
    loaded = bundle.load(written, US)
    matrix, _ = data()
    rest = loaded.logits(matrix) - loaded.reasons(matrix).sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-9)
    assert loaded.reasons(matrix).shape == matrix.shape


def test_bands_and_times_usual(written: Path) -> None:
    loaded = bundle.load(written, US)
    assert [loaded.band(p, "new") for p in (0.01, 0.05, 0.3, 0.4)] == ["low", "usual", "raised", "high"]
    assert loaded.times_usual(0.12, "new") == pytest.approx(1.2)


@pytest.mark.parametrize("name", ["model.txt", "bundle.json", "report.html", "manifest.json"])
@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_a_changed_byte_anywhere_is_refused(written: Path, name: str, flip: int) -> None:
    """Bytes of every kind: the first and last of each character of the file, and some between."""
    path = written / name
    body = path.read_bytes()
    places = {body.index(char) for char in set(body)} | {body.rindex(char) for char in set(body)} | {len(body) // 2}
    for place in sorted(places):
        path.write_bytes(body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :])
        with pytest.raises(CorruptBundle):
            bundle.load(written, US)
    path.write_bytes(body)
    bundle.load(written, US)


@pytest.mark.parametrize("name", ["model.txt", "bundle.json", "report.html", "manifest.json"])
def test_a_half_or_missing_file_is_refused(written: Path, name: str) -> None:
    path = written / name
    body = path.read_bytes()
    for half in (body[: len(body) // 2], b"", body + b"x"):
        path.write_bytes(half)
        with pytest.raises(CorruptBundle):
            bundle.load(written, US)
    path.unlink()
    with pytest.raises(CorruptBundle):
        bundle.load(written, US)


def test_a_swapped_model_is_refused(written: Path, tmp_path: Path, info: BundleInfo) -> None:
    parameters = {"objective": "binary", "num_leaves": 3, "verbosity": -1, "num_threads": 1}
    other = lightgbm.train(parameters, lightgbm.Dataset(*data()), 3).model_to_string()
    second = bundle.write(tmp_path / "other", info, other)
    (written / "model.txt").write_bytes((second / "model.txt").read_bytes())
    with pytest.raises(CorruptBundle, match=r"model\.txt"):
        bundle.load(written, US)


def test_trees_of_another_width_are_refused(tmp_path: Path, booster: lightgbm.Booster, info: BundleInfo) -> None:
    narrow = msgspec.structs.replace(info, columns=info.columns[:2], id="narrow")
    with pytest.raises(CorruptBundle, match="4 columns, not 2"):
        bundle.load(bundle.write(tmp_path, narrow, booster.model_to_string()), US)


def test_another_definition_is_stale_and_named(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(all_features())
    monkeypatch.setattr(vector, "all_features", lambda: known)
    changed = known["rhythm__gap_mean"]
    known["rhythm__gap_mean"] = dataclasses.replace(changed, name="gap_mean_of_another_kind")
    with pytest.raises(StaleBundle, match=r"derived__overdue, rhythm__gap_mean"):
        bundle.load(written, US)
    del known["orders__count_28d"]
    assert "orders__count_28d" in bundle.why_not(bundle.read_info(written), US)


def test_half_a_bundle_is_replaced_and_a_whole_one_stays(
    written: Path, booster: lightgbm.Booster, info: BundleInfo
) -> None:
    before = (written / "manifest.json").read_bytes()
    assert bundle.write(written.parent, info, booster.model_to_string(), "another report") == written
    assert (written / "manifest.json").read_bytes() == before
    (written / "manifest.json").unlink()
    bundle.load(bundle.write(written.parent, info, booster.model_to_string()), US)
    assert [path.name for path in written.parent.iterdir()] == [info.id], "no draft is left"


def test_the_champion_moves_last(written: Path, tmp_path: Path, booster: lightgbm.Booster, info: BundleInfo) -> None:
    settings = Settings(home=str(tmp_path))
    assert champion.champion(settings, "US", "lapse") is None
    promoted = bundle.promote(written, US)
    assert champion.champion(settings, "US", "lapse") == written
    pointer = champion.pointer(written.parent)
    assert pointer is not None and pointer.manifest == promoted.manifest
    broken = bundle.write(written.parent, msgspec.structs.replace(info, id="broken"), booster.model_to_string())
    (broken / "model.txt").write_text("tree")
    with pytest.raises(CorruptBundle):
        bundle.promote(broken, US)
    assert champion.champion(settings, "US", "lapse") == written
    (written.parent / "champion.json").write_text("{")
    with pytest.raises(CorruptBundle, match=r"champion\.json"):
        champion.champion(settings, "US", "lapse")


def test_nothing_is_pickled(written: Path) -> None:
    for path, bad in itertools.product(written.iterdir(), (b"\x80\x04", b"cbuiltins")):
        assert bad not in path.read_bytes()
    for module in (bundle, champion, vector):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not names & {"pickle", "joblib", "dill", "cloudpickle"}


@pytest.mark.parametrize("name", [name for name in Country.__struct_fields__ if name != "code"])
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_bundle_answers_only_under_the_settings_that_its_question_was_asked_with(
    tmp_path: Path, booster: lightgbm.Booster, info: BundleInfo, target: str, name: str
) -> None:
    """A new setting is one that enters, until scv.stamp says where it does not."""
    asked = msgspec.structs.replace(info, target=target, stamp=bundle.made_of(US, target))
    written = bundle.write(tmp_path, asked, booster.model_to_string())
    changed = otherwise(US, name)
    used = name in {*stamp.MODEL, *TARGETS[target].settings}
    elsewhere = name in {*stamp.WEEK, *stamp.NOWHERE} - {*stamp.MODEL}
    assert used or elsewhere, "say in scv.stamp which artefacts it enters"
    if used:
        with pytest.raises(StaleBundle, match=rf"{name}.*cerebro train US|time zone"):
            bundle.load(written, changed)
    else:
        assert TARGETS[target].sentence(changed) == TARGETS[target].sentence(US)
        bundle.load(written, changed)


def test_another_question_under_the_same_name_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "lapse", dataclasses.replace(TARGETS["lapse"], any_of=True))
    with pytest.raises(StaleBundle, match="another definition of target lapse"):
        bundle.load(written, US)
