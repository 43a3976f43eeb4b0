"""The lake stays small beside its writers, and nobody who reads it breaks."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from bench import growth
from scv.errors import Damaged, LakeConflict, NoRoom
from scv.events import event
from scv.events.country import load
from scv.offline import lake_version, sums
from scv.offline.lake import Lake, transaction_id
from scv.offline.lake_version import LakeVersion
from streams.lake import compaction
from streams.lake.compaction import MANY, STEPS, due
from streams.lake.vacuum import CHECKPOINT_EVERY, vacuum
from streams.lake.writer import LakeWriter
from tests.streams.test_lake_consumer import FIRST, LOG, SECOND, append, buffer

US = load("US")
A_DAY_AGO = -86_401


def events_of(lake: Lake, version: LakeVersion) -> int:
    with duckdb.connect() as connection:
        query = f"SELECT count(*) FROM ({lake.query('app', US, version)})"
        return int(connection.execute(query).fetchall()[0][0])


def files(lake: Lake) -> set[Path]:
    return set(lake.table_path("app").glob("country=*/month=*/*.parquet"))


def live(lake: Lake) -> set[Path]:
    table = lake.table("app")
    assert table is not None
    return {Path(file) for file in table.file_uris()}


def log(lake: Lake) -> list[str]:
    return sorted(path.name for path in (lake.table_path("app") / sums.LOG).iterdir())


def commits(writer: LakeWriter, first: int, last: int) -> None:
    for offset in range(first, last):
        append(writer, FIRST, offset, offset)


def test_it_stays_small_under_traffic(tmp_path: Path) -> None:
    """What `python -m bench.growth` plays for ten minutes."""
    came = growth.play(tmp_path, seconds=16)
    assert came.events == growth.RATE * 16 and came.commits == 8 * len(event.FAMILIES)
    assert came.most_files <= 60 and came.written <= 3 * came.events_bytes
    verdicts = {row.name: row.ok for row in growth.rows(came)}
    assert verdicts["live files of all tables, the most"] and verdicts["bytes written / bytes of events"]


def test_what_is_large_is_not_written_anew_with_every_few_small_ones(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    (mark,) = buffer(FIRST, 0).table().to_pylist()
    many = [mark | {"id": os.urandom(8).hex()} for _ in range(6_000)]
    writer.append(pa.Table.from_pylist(many, buffer(FIRST).table().schema), {FIRST: 0}, {FIRST: 1})
    (large,) = live(lake)
    assert large.stat().st_size > STEPS[0] * MANY
    commits(writer, 1, 1 + MANY)
    assert large in live(lake) and len(live(lake)) == 2


def test_a_step_is_due_from_four_files_on_and_the_lowest_first() -> None:
    small, larger = STEPS[0] - 1, STEPS[0]
    assert list(due({("US", "2017-01"): [small] * 3 + [larger] * 3, ("GB", "2017-01"): [STEPS[-1]] * 9})) == []
    months = {("US", "2017-01"): [small] * 4 + [larger] * 4, ("US", "2017-02"): [larger] * 4}
    assert list(due(months)) == [(("US", "2017-01"), 4 * STEPS[0]), (("US", "2017-02"), 4 * STEPS[1])]


def test_files_and_log_are_bounded_and_no_place_is_lost(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    append(writer, SECOND, 0, 0)
    commits(writer, 0, 40)
    assert files(lake) == live(lake) and len(live(lake)) < MANY * len(STEPS)
    assert len(log(lake)) <= 2 * CHECKPOINT_EVERY + 5 and f"{0:020}.json" not in log(lake)
    afresh = LakeWriter(lake, LOG)
    assert (afresh.position(FIRST), afresh.position(SECOND)) == (40, 1), "as the last checkpoint holds them"


def test_a_reader_keeps_its_version_and_lets_it_go(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    commits(writer, 0, 3)
    in_hand = lake.version()
    kept = live(lake)
    commits(writer, 3, 40)
    assert kept <= files(lake) and not kept & live(lake)
    assert events_of(lake, in_hand) == 0 and lake.table("app", in_hand.families["app"]) is not None
    assert lake.position("app", "x", 0, LakeVersion({"app": -1})) == 0
    del in_hand
    assert not list((tmp_path / lake_version.FOLDER).iterdir())
    assert vacuum(lake, "app").files and files(lake) == live(lake)
    with pytest.raises(LakeConflict, match=r"Version 3 of app was vacuumed: read version \d+"):
        lake.table("app", 3)


def test_beside_a_writer_every_reader_reads_its_version_to_the_end(tmp_path: Path) -> None:
    """What a version says that it holds is there when it is read, long after its files were compacted."""
    lake, read, over = Lake(tmp_path), list[tuple[int, int]](), threading.Event()
    writer = LakeWriter(lake, LOG)
    commits(writer, 0, 1)

    def reads() -> None:
        while not over.is_set():
            version = lake.version()
            held = version.tables["app"].transaction_version(transaction_id(LOG.topic_id, 0)) or 0
            over.wait(0.3)
            with duckdb.connect() as connection:
                there = lake.files("app", "US", version)
                lake.query("app", US, version)
                count = connection.execute("SELECT count(*) FROM read_parquet(?)", [there]).fetchall()[0][0]
            read.append((held, count))

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(reads) for _ in range(2)]
        for first in range(1, 400, 13):  # a fast machine commits much before anybody has read twice
            commits(writer, first, first + 13)
            if first >= 27 and len({held for held, _ in read}) > 2:
                break
        over.set()
        for one in readers:
            one.result()
    assert all(held == count for held, count in read) and len({held for held, _ in read}) > 2
    vacuum(lake, "app")
    assert files(lake) == live(lake)


def test_a_reader_that_was_killed_keeps_nothing_and_one_that_hangs_a_day(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    commits(writer, 0, 3)
    hangs = lake.version()
    (pin,) = (tmp_path / lake_version.FOLDER).iterdir()
    killed = pin.with_name("killed.json")
    killed.write_bytes(pin.read_bytes())
    commits(writer, 3, 8)
    assert not killed.exists() and files(lake) > live(lake)
    then = pin.stat().st_mtime + A_DAY_AGO
    os.utime(pin, (then, then))
    assert vacuum(lake, "app").files and files(lake) == live(lake) and hangs.families["app"] >= 3


def test_while_somebody_begins_to_read_nothing_goes(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    with lake_version.entered(tmp_path):
        commits(writer, 0, 10)
        assert files(lake) > live(lake) and not vacuum(lake, "app").files
    assert vacuum(lake, "app", dry=True).files == vacuum(lake, "app").files > 0


def test_where_nothing_can_be_written_a_reader_reads_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path)
    commits(LakeWriter(lake, LOG), 0, 2)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake_version.os, "write", full)
    assert lake.version().pin is None and not list((tmp_path / lake_version.FOLDER).iterdir())


def test_what_no_commit_brought_goes_after_a_day(tmp_path: Path) -> None:
    """It may be of a commit that another member makes just now."""
    lake = Lake(tmp_path)
    commits(LakeWriter(lake, LOG), 0, 2)
    (one, *_) = live(lake)
    foreign = one.with_name("part-00000-of-another.parquet")
    foreign.write_bytes(b"half")
    vacuum(lake, "app")
    assert foreign.exists()
    then = foreign.stat().st_mtime + A_DAY_AGO
    os.utime(foreign, (then, then))
    assert vacuum(lake, "app") == (1, 4) and files(lake) == live(lake)


def test_a_member_that_slept_through_a_vacuum_reads_on(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    sleeper, writer = LakeWriter(lake, LOG), LakeWriter(lake, LOG)
    sleeper.reload()
    commits(writer, 0, 40)
    append(sleeper, SECOND, 0, 0)
    with pytest.raises(LakeConflict, match="to 40, not to 0"):
        append(sleeper, FIRST, 0, 0)
    writer.reload()
    assert (writer.position(FIRST), writer.position(SECOND)) == (40, 1)


def test_commits_that_go_while_he_reads_them_are_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He sees them in the folder, and a vacuum takes them before he opens them."""
    lake, update = Lake(tmp_path), DeltaTable.update_incremental
    sleeper, writer = LakeWriter(lake, LOG), LakeWriter(lake, LOG)
    sleeper.reload()
    commits(writer, 0, 40)

    def too_late(table: DeltaTable) -> None:
        if table is slept:
            raise DeltaError("Kernel error: File not found: 00000000000000000001.json")
        update(table)

    slept = sleeper.table
    monkeypatch.setattr(DeltaTable, "update_incremental", too_late)
    sleeper.reload()
    assert sleeper.position(FIRST) == 40 and sleeper.table is not slept
    append(sleeper, FIRST, 40, 40)


def test_a_table_whose_log_is_shortened_while_it_is_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, tries = Lake(tmp_path), iter([DeltaError("Kernel error: File not found")])
    commits(LakeWriter(lake, LOG), 0, 3)

    def opened(path: str, version: int | None = None) -> DeltaTable:
        if error := next(tries, None):
            raise error
        return DeltaTable(path, version=version)

    opened.is_deltatable = DeltaTable.is_deltatable  # type: ignore[attr-defined]
    monkeypatch.setattr("scv.offline.lake.DeltaTable", opened)
    found = lake.table("app")
    assert found is not None and found.version() >= 3
    tries = iter([DeltaError("this one"), DeltaError("is damaged")])
    with pytest.raises(Damaged, match="is damaged"):
        lake.table("app")


def test_whenever_somebody_looked_last_he_reads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever checkpoint he opened the table: of that very version one may be made later."""
    monkeypatch.setattr("streams.lake.vacuum.CHECKPOINT_EVERY", 2)
    lake, members, read = Lake(tmp_path), list[LakeWriter](), list[LakeVersion]()
    for offset in range(24):
        members.append(LakeWriter(lake, LOG))
        read = [*read[-3:], lake.version()]
        vacuum(lake, "app")
        append(members[-1], FIRST, offset, offset)
        for sleeper in members[-9:]:
            with pytest.raises(LakeConflict, match="not to 7"):
                append(sleeper, SECOND, 7, 7)
        asked = [one.tables["app"].transaction_version("of nobody") for one in read if one.tables]
        assert set(asked) <= {None}, "all of the log was read"


def test_killed_in_the_middle_the_next_one_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path)
    with lake_version.entered(tmp_path):
        commits(LakeWriter(lake, LOG), 0, 30)
    unlink, left = Path.unlink, iter(range(10))

    def dies(path: Path, missing_ok: bool = False) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", dies)
        vacuum(lake, "app")
    assert events_of(lake, lake.version()) == 0 and LakeWriter(lake, LOG).position(FIRST) == 30
    assert all(not one.why and one.measure()[1] == one.sha256 for one in sums.written(lake))
    vacuum(lake, "app")
    assert files(lake) == live(lake)


def test_on_a_full_disk_small_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)

    def full(folder: Path, _: int) -> None:
        raise NoRoom(f"{folder}: its disk has 0 bytes left")

    with monkeypatch.context() as patch:
        patch.setattr(compaction.machine, "refuse_full", lambda folder, _: None)
        commits(writer, 0, MANY - 1)
        patch.setattr(compaction, "RESERVE_BYTES", 1 << 60)
        patch.setattr("streams.lake.compaction.machine.refuse_full", full)
        writer._tidy()
    assert writer.position(FIRST) == MANY - 1 == len(live(lake))
    append(writer, FIRST, MANY - 1, MANY - 1)
    assert len(live(lake)) == 1 and buffer(FIRST).records == 0
