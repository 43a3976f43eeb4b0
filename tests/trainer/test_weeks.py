"""Weeks that a training keeps for the next one: whatever it finds of them, it comes to what it would come to alone."""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from feature_repo.feast_store import apply
from proof.naive.world import DAY
from scv.events.event import Erased
from scv.model import week_file
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.lake import Lake
from scv.settings import Settings
from scv.targets import target
from scv.targets.labels import Outcomes
from scv.targets.target import final, mature
from streams.lake.erasure import erasures
from tests.parity import lakes
from tests.parity.lakes import Sea
from tests.parity.test_known_then_training import BERLIN, COMPLETE, CUSTOMERS, REFERENCES, TARGETS
from trainer import past, weeks

WANTED = [target.get(name) for name in TARGETS]
FIRST = REFERENCES[0]
Rows = tuple[list[dict[str, object]], dict[str, tuple[object, ...]]]


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> Sea:
    """Five weeks longer than the three that are mature."""
    made = lakes.fill(tmp_path_factory.mktemp("sea") / "lake", BERLIN, 3, CUSTOMERS, COMPLETE)
    made.grow(COMPLETE + timedelta(days=35))
    return made


@pytest.fixture(scope="module")
def whole(sea: Sea, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    """A home that was trained in, and what it learned from."""
    home = sea.settings(tmp_path_factory.mktemp("whole") / "home")
    return home.home_path, rows(home, sea.complete_to)


@pytest.fixture
def home(whole: tuple[Path, Rows], tmp_path: Path) -> Settings:
    shutil.copytree(whole[0], tmp_path / "home", symlinks=True)
    return Settings(home=str(tmp_path / "home"), threads=1)


@contextmanager
def reading(config: Settings, at: datetime, store: object = None, country=BERLIN) -> Iterator[past.Past]:  # type: ignore[no-untyped-def]
    with past.read(config, country, WANTED, at, store, first=FIRST) as found:  # type: ignore[arg-type]
        yield found


def rows(config: Settings, at: datetime, store: object = None, country=BERLIN) -> Rows:  # type: ignore[no-untyped-def]
    """Everything that a training learns from."""
    with reading(config, at, store, country) as found:
        sets = {one.name: found.rows(one) for one in WANTED}
        told = {
            name: (one.columns, one.matrix.tobytes(), one.y.tobytes(), one.removed, one.ids.tolist(), one.outcomes)
            for name, one in sets.items()
        }
        return found.table.to_pylist(), told


def forgetful(config: Settings, path: Path) -> Settings:
    """Another home with the same snapshots, of which no week was kept."""
    shutil.copytree(config.home_path, path, symlinks=True)
    other = Settings(home=str(path), threads=1)
    shutil.rmtree(week_file.folder(other, BERLIN.code))
    return other


def kept(config: Settings) -> dict[str, list[str]]:
    """What is kept: rows or a target's name → references."""
    room = week_file.folder(config, BERLIN.code)
    return {one.name: sorted(path.stem for path in one.glob("*.parquet")) for one in sorted(room.glob("*"))}


@contextmanager
def nothing_made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def made(*_: object) -> None:
        raise AssertionError("a week was made anew")

    with monkeypatch.context() as patch:
        patch.setattr(weeks.Weeks, "_made", lambda _, block: made() if block else iter(()))
        yield


def test_a_past_that_grows_is_the_past_that_is_read_anew(tmp_path: Path) -> None:
    """Four Mondays; events that come late change outcomes between them."""
    sea = lakes.fill(tmp_path / "lake", BERLIN, 3, CUSTOMERS, COMPLETE)
    home, seen = sea.settings(tmp_path / "home"), []
    for week in range(4):
        until = COMPLETE + timedelta(days=7 * week)
        if week:
            sea.grow(until)
        seen.append(rows(home, until))
        assert seen[-1] == rows(forgetful(home, tmp_path / f"new {week}"), until)
    assert all(one[1] != other[1] for one, other in itertools.pairwise(seen))


def test_outcomes_that_may_still_change_are_not_kept(home: Settings) -> None:
    told = kept(home)
    assert set(told) == {"rows", *TARGETS}
    assert all(len(told["rows"]) > len(told[name]) > 1 for name in TARGETS)


def test_what_is_kept_is_read_and_not_made_again(
    sea: Sea, home: Settings, whole: tuple[Path, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    labels = Outcomes.labels
    monkeypatch.setattr(Outcomes, "labels", lambda self, *given: asked.append(len(given[1])) or labels(self, *given))
    with nothing_made(monkeypatch):
        assert rows(home, sea.complete_to) == whole[1]
    assert 0 < sum(asked) < sum(len(told[2]) // 8 for told in whole[1][1].values())  # type: ignore[arg-type]


def test_weeks_are_joined_block_by_block(sea: Sea, home: Settings, whole: tuple[Path, Rows], tmp_path: Path) -> None:
    other, sizes = forgetful(home, tmp_path / "other"), list[int]()
    joined = past._joined

    def counted(store: object, keys: pa.Table) -> pa.Table:
        sizes.append(len(keys))
        return joined(None, keys)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "_joined", counted)
        patch.setattr(past, "Weeks", functools.partial(weeks.Weeks, block_rows=40))
        assert rows(other, sea.complete_to) == whole[1]
    assert len(sizes) > 2 and max(sizes) < 40 + CUSTOMERS


def test_features_of_feast_and_of_files_are_kept_alike(sea: Sea, tmp_path: Path) -> None:
    with_feast, without = sea.settings(tmp_path / "feast"), sea.settings(tmp_path / "files")
    assert rows(with_feast, COMPLETE, apply(with_feast)) == rows(without, COMPLETE)
    for path in sorted(week_file.folder(without, "ZZ").glob("*/*.parquet")):
        assert path.read_bytes() == (week_file.folder(with_feast, "ZZ") / path.parent.name / path.name).read_bytes()


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _noise(path: Path) -> None:
    path.write_bytes(b"\x00 no table")


def _another(path: Path) -> None:
    other = next(one for one in sorted(path.parent.glob(f"*{path.suffix}")) if one != path)
    shutil.copy(other, path)


@pytest.mark.parametrize("harm", [_torn, _noise, _another, Path.unlink])
@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_what_is_damaged_is_made_anew(
    sea: Sea, home: Settings, whole: tuple[Path, Rows], harm: Callable[[Path], None], suffix: str
) -> None:
    there = kept(home)
    for room in sorted(week_file.folder(home, "ZZ").glob("*")):
        harm(sorted(room.glob(f"*{suffix}"))[0])
    assert rows(home, sea.complete_to) == whole[1]
    assert kept(home) == there and all(one.measure()[1] == one.sha256 and not one.why for one in written(home))


def written(config: Settings) -> list:  # type: ignore[type-arg]
    return list(week_file.written(config, BERLIN))


@pytest.mark.parametrize(
    "change", [{"active_days": 40}, {"new_days": 10}, {"horizon_days": 6}, {"late_allowance_days": 5}]
)
def test_another_question_is_not_answered_by_what_was_kept(
    sea: Sea, home: Settings, tmp_path: Path, change: dict[str, int]
) -> None:
    other = msgspec.structs.replace(BERLIN, **change)
    found = rows(home, sea.complete_to, country=other)
    assert found == rows(forgetful(home, tmp_path / "new"), sea.complete_to, country=other)


def test_an_instant_of_before_is_answered_as_it_was_then(sea: Sea, home: Settings, tmp_path: Path) -> None:
    """Outcomes that were kept later know more than a training as of an earlier day may."""
    assert rows(home, COMPLETE) == rows(forgetful(home, tmp_path / "new"), COMPLETE)


def test_whoever_was_erased_since_is_in_no_row_and_his_weeks_go(
    sea: Sea, home: Settings, whole: tuple[Path, Rows]
) -> None:
    customer = str(whole[1][0][0]["customer_id"])
    gone = Erased(id="gone", country="ZZ", customer_id=customer, occurred_at=sea.complete_to, seen_at=sea.complete_to)
    with sea.planted("subscription", gone):
        after = rows(home, sea.complete_to)
        assert all(customer not in told[4] for told in after[1].values())  # type: ignore[operator]
        assert any(told[3].get("erased") for told in after[1].values())  # type: ignore[attr-defined]
        lake = Lake(home.lake_path)
        found = list(week_file.outdated(home, BERLIN, erasures(lake, BERLIN, lake.version())))
        assert found and all(one.remove() for one in found)
        for path in week_file.folder(home, "ZZ").glob("*/*.parquet"):
            assert customer not in str(snapshot.read_file(path)["customer_id"].to_pylist())
        assert rows(home, sea.complete_to) == after


def test_weeks_go_with_their_snapshots(home: Settings) -> None:
    assert list(week_file.outdated(home, BERLIN, {})) == []
    (home.snapshots_path / "manifests" / "ZZ" / "2017-03-07.json").unlink()
    assert {Path(one.path).stem for one in week_file.outdated(home, BERLIN, {})} == {"2017-03-07"}


def test_a_snapshot_of_other_values_makes_its_week_anew(sea: Sea, home: Settings, tmp_path: Path) -> None:
    """Fetched again after an erasure, say: rows of the snapshot that was are of no use."""
    before = {path: path.read_bytes() for path in week_file.folder(home, "ZZ").glob("rows/*.parquet")}
    with sea.planted("subscription", Erased(
        id="gone", country="ZZ", customer_id="c3", occurred_at=COMPLETE, seen_at=COMPLETE
    )):  # fmt: skip
        fetch(home, {BERLIN: REFERENCES[:1]})
        rows(home, sea.complete_to)
    assert [path.stem for path, body in sorted(before.items()) if path.read_bytes() != body] == ["2017-03-07"]


@pytest.mark.parametrize("asked", WANTED, ids=TARGETS)
def test_what_is_final_is_mature_and_all_late_events_are_in(asked: target.Target) -> None:
    at = REFERENCES[0]
    ends = asked.decided_at(at, BERLIN)
    last = ends + BERLIN.lateness_days * DAY
    assert not final(asked, at, BERLIN, last) and final(asked, at, BERLIN, last + 2 * DAY)
    days = [ends + k * DAY for k in range(60)]
    assert all(mature(asked, at, BERLIN, day) for day in days if final(asked, at, BERLIN, day))
    assert np.diff([final(asked, at, BERLIN, day) for day in days]).sum() == 1
