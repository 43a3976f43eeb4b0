"""The rows that a model learned from are kept as they were, can be compared, and go when nobody names them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

import cli
from scv.errors import UserError
from scv.model import bundle, training_file
from scv.model.training_file import SetManifest
from scv.settings import Settings
from scv.stamp import Stamp
from tests.trainer.conftest import Make
from trainer.dataset import TrainingSet


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path))


def keep(settings: Settings, rows: TrainingSet) -> str:
    said = SetManifest(
        country="US", target="lapse", reference=rows.label_as_of, label_as_of=rows.label_as_of, rows=len(rows),
        positives=rows.positives, share=rows.share, columns=rows.columns, stamp=Stamp(),
    )  # fmt: skip
    return training_file.write(settings, rows.country, rows.table(), said)


@pytest.fixture
def few(make: Make) -> TrainingSet:
    return make(weeks=6, customers=20)


def test_what_is_kept_is_what_was_learned_from(settings: Settings, few: TrainingSet) -> None:
    word = msgspec.structs.replace(few.columns[1], dtype="str", levels=("app", "web"))
    codes = np.resize([0, 1, np.nan], len(few))
    few = replace(few, columns=(few.columns[0], word), matrix=np.column_stack([few.matrix[:, 0], codes]))
    few.matrix[5, 0] = np.nan
    found = training_file.read(settings, "US", "lapse", keep(settings, few))
    assert found["customer_id"].to_pylist() == few.ids[few.customers].tolist()
    assert found["event_timestamp"].cast(pa.int64()).to_pylist() == few.at_us.tolist()
    assert found["y"].to_pylist() == few.y.astype(int).tolist() and set(found["phase"].to_pylist()) == {"established"}
    assert found[word.name].to_pylist()[:3] == ["app", "web", None]
    values = found[few.columns[0].name].to_pylist()
    assert values[5] is None and values[:5] == few.matrix[:5, 0].tolist()


def test_the_same_rows_are_the_same_file(settings: Settings, few: TrainingSet) -> None:
    id = keep(settings, few)
    files = sorted((settings.home_path / "training" / "US" / "lapse").iterdir())
    bodies = [one.read_bytes() for one in files]
    assert [one.name for one in files] == [f"{id}.json", f"{id}.parquet"]
    assert keep(settings, few) == id and [one.read_bytes() for one in files] == bodies
    changed = replace(few, y=1 - few.y)
    assert keep(settings, changed) != id


def test_what_is_not_what_was_written_is_refused(settings: Settings, few: TrainingSet) -> None:
    id = keep(settings, few)
    path = training_file.folder(settings, "US", "lapse") / f"{id}.parquet"
    assert {one.sha256 == one.measure()[1] for one in training_file.written(settings, few.country)} == {True}
    path.write_bytes(path.read_bytes()[:-9] + b"no longer")
    with pytest.raises(UserError, match="not what was written"):
        training_file.read(settings, "US", "lapse", id)
    assert [one.path for one in training_file.written(settings, few.country) if one.sha256 != one.measure()[1]] == [
        str(path)
    ]
    with pytest.raises(UserError, match=r"No training set of US lapse 2017"):
        training_file.read(settings, "US", "lapse", "2017-01-03-00000000")
    path.with_suffix(".json").write_text("{}")
    assert any(one.why for one in training_file.written(settings, few.country))


def test_two_sets_differ_by_rows_outcomes_and_values(few: TrainingSet) -> None:
    assert list(training_file.differences(few.table(), few.table())) == []
    other = replace(few, y=few.y.copy(), matrix=few.matrix.copy())
    other.y[:3] = 1 - other.y[:3]
    other.matrix[10:17, 2] += 1
    other.matrix[50, 1] = np.nan
    found = list(training_file.differences(few.take(np.arange(100)).table(), other.take(np.arange(4, 120)).table()))
    assert found == [
        ("rows that only it holds", "4", "20"),
        (f"values of {few.columns[2].name} that changed", "7 of 96 rows", ""),
        (f"values of {few.columns[1].name} that changed", "1 of 96 rows", ""),
    ]
    (outcomes,) = training_file.differences(few.table(), replace(other, matrix=few.matrix).table())
    assert outcomes == ("outcomes that changed", "3 of 120 rows", "")


def _aged(path: Path, days: float) -> None:
    then = path.stat().st_mtime - days * 86_400
    os.utime(path, (then, then))


def test_sets_go_when_no_bundle_names_them_and_with_an_erasure(
    settings: Settings, few: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    named, free, fresh = (keep(settings, few.take(np.arange(k, 120))) for k in (0, 1, 2))
    monkeypatch.setattr(training_file, "_named", lambda *_: {named})
    place = training_file.folder(settings, "US", "lapse")
    for id in (named, free):
        _aged(place / f"{id}.parquet", settings.bundle_days + 1)

    def gone(erased: dict[str, int]) -> list[str]:
        return [Path(one.path).stem for one in training_file.outdated(settings, "US", erased)]

    assert gone({}) == [free]
    last = int(few.at_us.max())
    assert gone({"customer 3": int(few.at_us.min()), "a stranger": last + 1}) == [free], "all is of after the erasure"
    assert sorted(gone({"customer 3": last + 1})) == sorted([named, free, fresh])
    for one in training_file.outdated(settings, "US", {}):
        assert one.files == 2 and one.remove()
    assert gone({}) == [] and len(list(place.iterdir())) == 4


def test_a_bundle_names_its_rows_and_diff_compares_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.trainer.test_train import FIRST, FROZEN, LAPSE, past_of
    from trainer.train import Plan, train

    quick = Plan("default", report=False)
    paths = [train(settings, past_of(FIRST, 23, FROZEN, FROZEN, seed=seed), LAPSE, quick).path for seed in (1, 2)]
    infos = [bundle.read_info(path) for path in paths if path is not None]
    for info in infos:
        assert info.trained_on.set
        kept = training_file.read(settings, "US", "lapse", info.trained_on.set)
        assert len(kept) == info.trained_on.rows
        made = training_file.manifest(settings, "US", "lapse", info.trained_on.set)
        assert (made.stamp.definitions, made.columns) == (info.stamp.definitions, info.columns)
    assert training_file._named(settings, "US", "lapse") == {info.trained_on.set for info in infos}
    monkeypatch.setenv("CEREBRO_HOME", settings.home)
    assert cli.main(["models", "diff", "US", "lapse", infos[0].id, infos[1].id, "--json"]) == 0
    told = {row["what"]: row["a"] for row in json.loads(capsys.readouterr().out)}
    assert "outcomes that changed" in told and any(what.startswith("values of orders__") for what in told)
    next((settings.home_path / "training" / "US" / "lapse").glob("*.json")).unlink()
    assert cli.main(["models", "diff", "US", "lapse", infos[0].id, infos[1].id]) == 0
    assert "The rows are not compared: No training set" in capsys.readouterr().err
