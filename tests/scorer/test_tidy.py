"""`cerebro tidy` takes what nobody needs any more, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fsspec.implementations.local import LocalFileSystem

import cli
from scorer.served.vector_file import ModelRecord, Scored, ServedRecord, VectorFile
from scorer.tuesday.outdated import KEPT_WEEKS
from scorer.tuesday.week import Folder
from scv import stamp
from scv.atomic import alone
from scv.events import calendar
from scv.events.country import load
from scv.model import champion
from scv.offline import snapshot
from scv.offline.snapshot import SnapshotManifest
from scv.settings import Settings
from scv.stamp import Stamp
from tests.scorer.published import manifest_of

US = load("US")
TUESDAY = calendar.reference("2017-09-05", US)
Tidy = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    return Settings(home=str(tmp_path))


@pytest.fixture
def tidy(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Tidy:
    """Run it; what it printed. First it says what would go, and that is what goes."""

    def run(code: int = 0) -> dict[str, Any]:
        before = sorted(Path(settings.home).rglob("*"))
        assert cli.main(["tidy", "--dry-run", "--json"]) in (0, code)
        would = json.loads(capsys.readouterr().out)
        assert sorted(Path(settings.home).rglob("*")) == before
        assert cli.main(["tidy", "--json"]) == code
        done: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert code or done == would
        return done

    return run


def aged(path: Path, days: float) -> Path:
    then = path.stat().st_mtime - days * 86_400
    os.utime(path, (then, then))
    return path


def file(path: Path, days: float = 100, body: bytes = b"{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return aged(path, days)


def weeks(settings: Settings, count: int, model: str = "") -> Folder:
    folder = Folder(settings.exports_url, US)
    for number in range(count):
        files = {"scores.csv": b"customer_id\n"}
        made = manifest_of(US, calendar.add_days(TUESDAY, -7 * number, US.zone), files)
        folder.publish(msgspec.structs.replace(made, models={"lapse": model}), files)
    return folder


def bundles(settings: Settings, *ids: str, moved: float = 2) -> Path:
    """Bundles that were made a hundred days ago; the first is the champion, for so many days."""
    folder = champion.folder(settings, "US", "lapse")
    for id in ids:
        file(folder / id / "model.txt")
        file(folder / id / "manifest.json")
    champion.point(folder / ids[0], "0")
    aged(folder / champion.POINTER, moved)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_an_empty_home_is_tidy(tidy: Tidy) -> None:
    assert tidy() == {"gone": [], "paths": [], "erased_rows": 0, "left": []}


def test_bundles_that_are_named_stay(settings: Settings, tidy: Tidy) -> None:
    folder = bundles(settings, "champion", "published", "served", "young", "old")
    aged(file(folder / "young" / "manifest.json", 0), 60)
    weeks(settings, 1, "published")
    scored = Scored(target="lapse", model="served", vector=[], probability=0.5)
    served = ServedRecord(country="US", customer_id="1", at=TUESDAY, places={}, upto={}, scores=[scored])
    vectors = VectorFile(settings.vectors_path, 2**20)
    vectors.write(served, [ModelRecord(id="served", country="US", target="lapse", columns=())])
    vectors.close()
    assert tidy()["gone"] == [{"what": "bundles", "country": "US", "files": 2, "bytes": 4}]
    assert names(folder) == {"champion", "published", "served", "young"}


def test_a_champion_that_is_new_and_a_training_at_work_keep_all(settings: Settings, tidy: Tidy) -> None:
    folder = bundles(settings, "champion", "old", moved=0.9)
    assert tidy()["gone"] == []
    aged(folder / champion.POINTER, 1)
    with alone(folder):
        (why,) = tidy(1)["left"]
    assert why == f"{folder / 'old'} stays: A training of US lapse is at work" and names(folder) == {"champion", "old"}


def test_what_cannot_be_read_keeps_what_it_may_name(settings: Settings, tidy: Tidy) -> None:
    folder = bundles(settings, "champion", "old")
    published = weeks(settings, 1)
    (Path(published.path) / "2017-09-05" / "manifest.json").write_bytes(b"{")
    (why,) = tidy(1)["left"]
    assert "cerebro export withdraw US 2017-09-05" in why and names(folder) == {"champion", "old"}


def taken(settings: Settings, at: datetime, days: float) -> str:
    """A snapshot as it lies there."""
    root, label = settings.snapshots_path, calendar.label(at, US)
    file(root / "orders" / "US" / f"{label}.parquet", days, b"1234")
    made = SnapshotManifest(country="US", reference=label, at=at, rows={"orders": 1}, stamp=Stamp())
    file(snapshot.manifest_path(root, US, at), days, stamp.sealed(made))
    return label


def test_snapshots_of_tuesdays_and_of_published_weeks_stay(settings: Settings, tidy: Tidy) -> None:
    weeks(settings, 1)
    noon, day = timedelta(hours=12), timedelta(days=1)
    kept = {taken(settings, TUESDAY - 7 * day * number, 400) for number in range(3)}
    published = calendar.add_days(TUESDAY, 2, US.zone)
    made = manifest_of(US, published, {})
    Folder(settings.exports_url, US).publish(made, {})
    kept |= {taken(settings, published, 400), taken(settings, TUESDAY + 3 * day, 27)}
    gone = {taken(settings, TUESDAY + noon, 29), taken(settings, TUESDAY + 4 * day, 29)}
    assert {Path(path).stem for path in tidy()["paths"]} == gone
    assert {path.stem for path in (settings.snapshots_path / "orders" / "US").iterdir()} == kept
    assert {path.stem for path in (settings.snapshots_path / "manifests" / "US").iterdir()} == kept


def test_weeks_stay_for_ever_unless_told_and_the_newest_always(
    settings: Settings, tidy: Tidy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = weeks(settings, KEPT_WEEKS + 3)
    every = folder.references()
    folder.withdraw(every[0])
    latest = folder.read("latest.json")
    assert tidy()["gone"] == []
    monkeypatch.setenv("CEREBRO_EXPORT_DAYS", "28")
    (row,) = tidy()["gone"]
    assert (row["what"], row["files"]) == ("exports", 3 * 2), "two that stand, one that was taken back"
    assert folder.references() == every[3:] and folder.read("latest.json") == latest


def test_killed_while_a_week_goes_it_is_there_or_it_is_not(
    settings: Settings, tidy: Tidy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = weeks(settings, KEPT_WEEKS + 1)
    oldest = folder.references()[0]
    monkeypatch.setenv("CEREBRO_EXPORT_DAYS", "28")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, "rm", killed)
        cli.main(["tidy"])
    assert folder.week(oldest) is None and oldest not in folder.references()
    assert len(tidy()["paths"]) == 1 and calendar.label(oldest, US) not in names(Path(folder.path))


def stems(paths: Iterable[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def test_vectors_go_after_their_days(settings: Settings, tidy: Tidy, monkeypatch: pytest.MonkeyPatch) -> None:
    old = file(settings.vectors_path / "000000000000000001-1-0.jsonl")
    VectorFile(settings.vectors_path, 2**20)._begin()
    with monkeypatch.context() as patch:
        patch.setenv("CEREBRO_VECTOR_DAYS", "0")
        assert tidy()["gone"] == []
    assert stems(tidy()["paths"]) == [old.name] and len(list(settings.vectors_path.iterdir())) == 1


def test_drafts_of_killed_runs_go_after_a_day(settings: Settings, tidy: Tidy) -> None:
    for days in (0.9, 1.1):
        for place in ("bundles/US/lapse", "exports/US/2017-09-05", "snapshots/orders/US"):
            file(Path(settings.home) / place / f".{days}.draft", days)
        half = settings.snapshots_path / f".draft-{days}"
        file(half / "orders.parquet")
        aged(half, days)
    assert stems(tidy()["paths"]) == [".1.1.draft"] * 3 + [".draft-1.1"]
    assert len(list(Path(settings.home).rglob(".0.9.draft"))) == 3 and (settings.snapshots_path / ".draft-0.9").exists()


def test_the_table_says_what_went(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    bundles(settings, "champion", "old")
    assert cli.main(["tidy"]) == 0
    assert capsys.readouterr().out == "what\tcountry\tfiles\tbytes\nbundles\tUS\t2\t4\n"
    assert cli.main(["tidy"]) == 0
    assert capsys.readouterr().err == "Everything is tidy.\n"
