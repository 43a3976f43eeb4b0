"""Snapshots: the files of one fetch or none, the same bytes again, and no trust in what is not what is wanted."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

import cli
from proof.naive import world
from scv import stamp
from scv.errors import UserError
from scv.events import country
from scv.events.event import FAMILIES
from scv.features import fetcher
from scv.offline import batch, snapshot
from scv.offline.fetch import fetch, look
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from tests.parity import lakes
from tests.parity.lakes import Sea
from tests.scv_model.berlin import BERLIN, EARLY, LATE, REFERENCE, failing, hashes, write_country

AT = datetime(2017, 9, 4, 22, tzinfo=UTC)
ZZ = country.load("ZZ")


@pytest.fixture(scope="module")
def fetched_empty(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    config = Settings(home=str(tmp_path_factory.mktemp("empty") / "home"))
    fetch(config, {ZZ: [AT]})
    return config


@pytest.fixture
def empty(fetched_empty: Settings, settings: Settings) -> Settings:
    """A home with the snapshot of a country without events."""
    shutil.copytree(fetched_empty.home, settings.home)
    return settings


def test_the_same_lake_version_gives_the_same_bytes_and_an_empty_country_an_empty_table(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit, admitted = batch.admit, list[str]()

    def counted(connection: duckdb.DuckDBPyConnection, arrivals: str, where: country.Country, table: str) -> None:
        admitted.append(arrivals)
        admit(connection, arrivals, where, table)

    monkeypatch.setattr(batch, "admit", counted)
    first, again = (fetch(settings, {ZZ: [AT, AT]}, workers=2, afresh=True) for _ in range(2))
    assert len(admitted) == 2 * len(set(admitted)) == 2 * len(FAMILIES), "each family once, for all of its fetchers"
    assert not any(one.error or one.rows[AT] for one in first)
    assert {one.fetcher: one.files for one in first} == {one.fetcher: one.files for one in again}
    assert not list(settings.snapshots_path.rglob(".*"))


# -- one fetch or none -------------------------------------------------------------------------------------------


def test_a_failing_fetcher_stops_no_other_and_the_old_snapshot_stands(
    sea: Sea, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes(config.snapshots_path)
    sea.grow(LATE)
    failing(monkeypatch, "payments")
    done = fetch(config, {BERLIN: [REFERENCE], ZZ: [AT]}, workers=3)
    assert {(one.job.country.code, one.fetcher) for one in done if one.error} == {
        (BERLIN.code, "payments"), (ZZ.code, "payments")
    }  # fmt: skip
    assert all(one.files for one in done if not one.error), "the others went on"
    assert hashes(config.snapshots_path) == before


def test_without_an_old_one_a_failed_fetch_leaves_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, "orders")
    fetch(settings, {ZZ: [AT]}, workers=3)
    assert hashes(settings.snapshots_path) == {}
    with pytest.raises(UserError, match=r"No snapshot of ZZ.*cerebro fetch ZZ"):
        Snapshots(settings, ZZ).read(AT)


def test_some_fetchers_alone_touch_no_snapshot(
    sea: Sea, config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.countries_path.mkdir()
    write_country(config, BERLIN)
    before = hashes(config.snapshots_path)
    sea.grow(LATE)
    monkeypatch.setenv("CEREBRO_HOME", config.home)
    out = tmp_path / "orders.parquet"
    for day in ("2017-03-07", "2017-03-14"):
        assert cli.main(["fetch", BERLIN.code, "-d", day, "-f", "orders", "--out", str(out)]) == 0
        names = pq.read_table(out).column_names
        assert len(pq.read_table(out)) and {name.partition("__")[0] for name in names[3:]} == {"orders"}
    assert hashes(config.snapshots_path) == before
    assert [len(one.tables[REFERENCE]) for one in look(config, {BERLIN: [REFERENCE]}, [fetcher.get("orders")])] == [6]


def test_a_csv_holds_no_formula_and_parquet_the_exact_text(
    sea: Sea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = sea.settings(tmp_path / "home")
    config.countries_path.mkdir()
    write_country(config, BERLIN)
    monkeypatch.setenv("CEREBRO_HOME", config.home)
    ids = {}
    early = datetime(2017, 2, 1, 12, tzinfo=UTC)
    odd = msgspec.structs.replace(
        lakes.any_event(random.Random(1), "app", BERLIN, "-1+1"), occurred_at=early, seen_at=early
    )
    with sea.planted("app", odd):
        for kind in ("csv", "parquet"):
            out = tmp_path / f"scv.{kind}"
            assert cli.main(["fetch", BERLIN.code, "-d", "2017-02-07", "-f", "phone", "--out", str(out)]) == 0
            table = pq.read_table(out) if kind == "parquet" else csv.read_csv(out)
            ids[kind] = set(map(str, table["customer_id"].to_pylist()))
    assert "'-1+1" in ids["csv"] and "-1+1" in ids["parquet"]


def test_nothing_is_shown_or_written_where_a_fetcher_failed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, "orders", "mail")
    monkeypatch.setenv("CEREBRO_HOME", settings.home)
    out = tmp_path / "scv.csv"
    assert cli.main(["fetch", "ZZ", "-d", "2017-09-05", "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "orders failed" in said.err and "mail failed" in said.err and said.out == "" and not out.exists()


DYING = """
import os, signal, sys, pathlib
from datetime import datetime
from scv.leftover import FOLDER_DRAFT as DRAFT
from scv.offline.fetch import fetch
from scv.settings import Settings
from tests.scv_model.berlin import BERLIN, REFERENCE
after, replaced = int(sys.argv[2]), 0
replace = pathlib.Path.replace
def dying(self, target):
    global replaced
    if DRAFT in str(self) and DRAFT not in str(target):
        if replaced == after:
            os.kill(os.getpid(), signal.SIGKILL)
        replaced += 1
    return replace(self, target)
pathlib.Path.replace = dying
fetch(Settings(home=sys.argv[1]), {BERLIN: [REFERENCE]})
"""


@pytest.mark.parametrize("after", [0, 5])
def test_a_killed_fetch_leaves_no_manifest_over_mixed_files_and_the_next_one_sweeps(
    sea: Sea, config: Settings, after: int
) -> None:
    """Killed after so many files were moved into place."""
    fetch(config, {BERLIN: [EARLY]})
    sea.grow(LATE)
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", DYING, config.home, str(after)], cwd=root, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(UserError, match="cerebro fetch"):
        Snapshots(config, BERLIN).read(REFERENCE)
    fetch(config, {BERLIN: [LATE]})
    assert not list(config.snapshots_path.rglob(".*"))
    assert {path.stem for path in config.snapshots_path.glob(f"*/{BERLIN.code}/*.parquet")} == {
        "2017-02-07", "2017-03-21"
    }, "files without a manifest are gone"  # fmt: skip
    assert set(Snapshots(config, BERLIN).read(LATE)) == set(fetcher.collect())


# -- why not? ----------------------------------------------------------------------------------------------------


def test_one_taken_early_is_refused_once_the_lake_knows_more(sea: Sea, config: Settings) -> None:
    early = Snapshots(config, BERLIN).read(REFERENCE)  # there is nothing better yet
    sea.grow(LATE)
    with pytest.raises(UserError, match=r"complete only to 2017-02-06 23:00 UTC.*cerebro fetch ZZ -d 2017-03-07"):
        Snapshots(config, BERLIN).read(REFERENCE)
    made = snapshot.manifest(config.snapshots_path, BERLIN, REFERENCE)
    assert made and Snapshots(config, BERLIN, complete_to=made.stamp.complete_to).read(REFERENCE).keys() == early.keys()
    fetch(config, {BERLIN: [REFERENCE]})
    late = Snapshots(config, BERLIN).read(REFERENCE)
    assert any(not late[name].equals(early[name]) for name in late), "it was no idle question"
    sea.grow(world.local(date(2017, 4, 4), BERLIN))
    assert Snapshots(config, BERLIN).why_not(REFERENCE) == "", "what is seen after the reference changes nothing"


@pytest.mark.parametrize("name", sorted(fetcher.collect()))
def test_each_file_is_what_was_written_or_it_is_refused(empty: Settings, name: str) -> None:
    path = snapshot.path_of(empty.snapshots_path, name, ZZ, AT)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert Snapshots(empty, ZZ).why_not(AT) == f"{name} is not what was written"
    with pytest.raises(UserError, match=rf"{name} is not what was written.*cerebro fetch ZZ -d 2017-09-05"):
        Snapshots(empty, ZZ).read(AT)
    path.unlink()
    with pytest.raises(UserError, match=rf"{name} is not what was written"):
        Snapshots(empty, ZZ).read(AT)


def test_a_manifest_that_cannot_be_read_is_none(empty: Settings) -> None:
    snapshot.manifest_path(empty.snapshots_path, ZZ, AT).write_text('{"country": "ZZ"}')
    with pytest.raises(UserError, match="No snapshot of ZZ"):
        Snapshots(empty, ZZ).read(AT)
    fetch(empty, {ZZ: [AT]})
    assert Snapshots(empty, ZZ).why_not(AT) == ""


def test_a_snapshot_that_lies_under_another_date_is_none(empty: Settings) -> None:
    for path in empty.snapshots_path.rglob("ZZ/*.*"):
        shutil.copy(path, path.with_stem(snapshot.calendar.label(LATE, ZZ)))
    assert Snapshots(empty, ZZ).why_not(AT) == ""
    with pytest.raises(UserError, match="No snapshot of ZZ"):
        Snapshots(empty, ZZ).read(LATE)


def test_pages_have_checksums(empty: Settings, tmp_path: Path) -> None:
    """Also where no manifest is asked: a bit that flips in a page is an error, not another number."""
    table = pq.read_table(snapshot.path_of(empty.snapshots_path, "orders", ZZ, AT))
    many = table.schema.empty_table().to_pandas()
    many["customer_id"] = [f"c{i}" for i in range(4000)]
    import pyarrow as pa

    path = tmp_path / "many.parquet"
    snapshot.write(pa.Table.from_pandas(many, schema=table.schema), path)
    body = bytearray(path.read_bytes())
    body[400] ^= 1
    path.write_bytes(body)
    with pytest.raises(OSError, match=r"(?i)crc|checksum|deserialize|zstd|corrupt"):
        snapshot.read_file(path)


def test_snapshots_of_other_definitions_settings_and_lakes_are_swept(
    fetched_empty: Settings, settings: Settings
) -> None:
    root = settings.snapshots_path
    other = replace(ZZ, cut_off_days=ZZ.cut_off_days + 1)
    changes: list[Callable[[], Any]] = [
        lambda: fetch(settings, {other: [LATE]}),
        lambda: _rewrite(root, lambda made: replace(made, definitions={**made.definitions, "mail": "00000000"})),
        lambda: _rewrite(root, lambda made: replace(made, tz="2020a/00000000")),
    ]
    for change in changes:
        shutil.copytree(fetched_empty.home, settings.home, dirs_exist_ok=True)
        change()
        fetch(settings, {ZZ: [EARLY]})
        stems = {path.stem for path in root.glob("*/ZZ/*.*")}
        assert stems == {snapshot.calendar.label(EARLY, ZZ)}


def _rewrite(root: Path, change: Callable[[Any], Any]) -> None:
    path = snapshot.manifest_path(root, ZZ, AT)
    made = msgspec.json.decode(path.read_bytes(), type=snapshot.SnapshotManifest)
    path.write_bytes(stamp.sealed(replace(made, stamp=change(made.stamp))))


def test_the_manifest_says_what_it_is_of(config: Settings) -> None:
    said = json.loads(snapshot.manifest_path(config.snapshots_path, BERLIN, REFERENCE).read_bytes())["stamp"]
    assert set(said) == {"definitions", "settings", "log", "lake", "complete_to", "tz", "files"}
    assert set(said["settings"]) == {"time_zone", "lateness_days", "memory_days", "cut_off_days"}
    assert set(said["definitions"]) == set(said["files"]) == set(fetcher.collect())
    assert set(said["log"]) == set(said["lake"]) == set(said["complete_to"])
