"""Every file that the lake's writer leaves has its hash beside it: after compaction, beside others, after a kill."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from scv.errors import Damaged
from scv.events.country import load
from scv.offline import sums
from scv.offline.lake import Lake
from streams.lake.writer import LakeWriter
from tests.streams.test_lake_consumer import FIRST, LOG, SECOND, append


def unsummed(lake: Lake) -> list[str]:
    folder = lake.table_path("app")
    return sums.unsummed(folder, DeltaTable(str(folder)))


def all_right(lake: Lake) -> bool:
    found = list(sums.written(lake))
    return bool(found) and all(not one.why and one.measure()[1] == one.sha256 for one in found)


def test_what_is_committed_and_compacted_has_its_hash(tmp_path: Path) -> None:
    """A hundred commits: Delta has made a checkpoint of its own."""
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    for offset in range(101):
        append(writer, FIRST, offset, offset)
    assert list((lake.table_path("app") / sums.LOG).glob("*.checkpoint.parquet"))
    assert unsummed(lake) == [] and all_right(lake)


def test_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    """And a line that is damaged is not lost with them."""
    lake = Lake(tmp_path)
    writer, folder = LakeWriter(lake, LOG), lake.table_path("app")

    def commit(first: int, last: int) -> int:
        """How many lines there are then."""
        for offset in range(first, last):
            append(writer, FIRST, offset, offset)
        return len((folder / sums.NAME).read_bytes().splitlines())

    assert commit(0, 50) < 20
    assert all((folder / name).exists() for name in sums.of(folder)[0])
    assert unsummed(lake) == [] and all_right(lake)
    with (folder / sums.NAME).open("ab") as file:
        file.write(b"torn\n")
    assert commit(50, 80) > 30 and [one.why for one in sums.written(lake) if one.why]


def test_two_writers_and_what_a_killed_one_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path)
    one, two = LakeWriter(lake, LOG), LakeWriter(lake, LOG)
    one.reload()
    two.reload()
    with monkeypatch.context() as patch:
        patch.setattr(sums, "add", lambda *_: None)  # killed before it came to that
        append(two, SECOND, 0, 0)
    assert unsummed(lake)
    append(one, FIRST, 0, 0)
    assert unsummed(lake) == [] and all_right(lake), "whoever commits next takes it"
    with monkeypatch.context() as patch:
        patch.setattr(sums, "add", lambda *_: None)
        append(one, FIRST, 1, 1)
    assert unsummed(lake)
    LakeWriter(lake, LOG).reload()
    assert unsummed(lake) == [] and all_right(lake), "or whoever starts"


def test_a_line_that_is_damaged_is_no_hash_of_anything(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    append(writer, FIRST, 0, 0)
    path = lake.table_path("app") / sums.NAME
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], lines[1].replace(b"part-", b"pard-"), b""]))
    why = [one.why for one in sums.written(lake) if one.why]
    assert why == ["line 2 is not what was written"] and len(unsummed(lake)) == 2
    path.unlink()
    LakeWriter(lake, LOG).reload()
    assert all_right(lake)


def test_a_bit_that_flips_is_read_by_nobody(tmp_path: Path) -> None:
    """DuckDB reads most of them as other values."""
    lake = Lake(tmp_path)
    writer = LakeWriter(lake, LOG)
    for offset in range(3):
        append(writer, FIRST, offset, offset)
    (file, *_) = writer.table.file_uris()
    body = bytearray(Path(file).read_bytes())
    body[len(body) // 3] ^= 4
    Path(file).write_bytes(body)
    with pytest.raises(Damaged, match=r"is not what was written.*cerebro verify"):
        lake.query("app", load("US"), lake.version())


def test_a_lake_behind_a_link_is_the_same_lake(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    lake = Lake(tmp_path / "home" / "lake")
    append(LakeWriter(lake, LOG), FIRST, 0, 0)
    assert unsummed(lake) == [] and all_right(lake)
    with duckdb.connect() as connection:
        assert lake.watermark_us(connection, "app", "US", lake.version()) is None  # no epoch.json: nobody knows
        lake.query("app", load("US"), lake.version())


def test_what_others_vacuum_meanwhile_has_no_sum_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, and a version of the log, go between the look that finds them and the reading."""
    lake = Lake(tmp_path)
    append(LakeWriter(lake, LOG), FIRST, 0, 0)
    folder = lake.table_path("app")
    newest = DeltaTable(str(folder)).version()
    names = list(sums.of_commits(folder, 0, newest))
    (folder / "gone.parquet").write_bytes(b"gone")
    sums.add(folder, [*names, "gone.parquet"])
    (folder / "gone.parquet").unlink()
    sums.add(folder, [*names, "gone.parquet"])
    monkeypatch.setattr(Path, "exists", lambda _path: True)
    assert list(sums.of_commits(folder, newest + 1, newest + 2)) == []
