"""Worlds as folders of files: the same from any number of workers, whole after any stop, and fit to be replayed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from proof.world import life, parts
from proof.world.folder import WorldFolder
from proof.world.rates import CLEAN, TAKEN, USUAL
from scv.errors import CerebroError, UserError
from scv.events import country, event
from streams.replay.columns import SCHEMA
from streams.replay.history import History
from tests.simulator.making import AGAIN, DIRTY, Making, contents
from tests.streams.histories import records_of

KNOWN = country.known()
TWO = ("ZZ", "ZX")


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path) -> None:
    """Processes of their own, and several chunks (their size is part of the world, not of the test)."""
    alone = Making(tmp_path / "alone", "parquet", codes=("ZZ", "ZY", "ZX"), dirt=TAKEN)
    counts = alone.make()
    assert Making(tmp_path / "many", "parquet", codes=("ZZ", "ZY", "ZX"), dirt=TAKEN).make(workers=2) == counts
    found = contents(tmp_path / "alone")
    assert found == contents(tmp_path / "many") and len(found) == 7
    again = {name: body for name, body in found.items() if name.startswith("ZX/")}
    single = Making(tmp_path / "single", "parquet", codes=("ZX",), dirt=TAKEN)
    single.make()
    assert again.items() <= contents(tmp_path / "single").items(), "a country is the same beside others and alone"


def test_a_folder_is_a_history_in_the_order_of_seeing_without_the_truth(tmp_path: Path) -> None:
    making = Making(tmp_path / "w", "parquet", codes=TWO, dirt=TAKEN)
    counts = making.make()
    with History(making.folder) as history:
        records = list(records_of(history))
        erasures = counts["dirt"]["erased"] * (len(event.FAMILIES) - 1)
        assert history.check(KNOWN) == len(records) == counts["events"] + erasures
        assert {code: span.records for code, span in history.spans().items()}.keys() == set(TWO)
    assert [record.seen_us for record in records] == sorted(record.seen_us for record in records)


def test_parts_have_every_column_and_truth_lies_beside(tmp_path: Path) -> None:
    making = Making(tmp_path / "w", "parquet")
    counts = making.make()
    folder, (world,) = WorldFolder(making.folder), making.worlds
    events, truth = life.live(world, 0)
    written = pq.read_table(folder.part("ZZ", 0, ".parquet"))
    assert written.schema.names == SCHEMA.names and written.equals(events)
    assert pq.ParquetFile(folder.truth("ZZ", 0)).read().equals(truth)
    assert (counts["events"], counts["truths"], counts["chunks"]) == (len(events), len(truth), 1)
    manifest = folder.manifest()
    assert manifest is not None and manifest.complete and manifest.counts == counts


def test_lines_are_the_records_of_the_topics(tmp_path: Path) -> None:
    """The same events as the table, as JSON; broken ones among them go to the dead letters and no further."""
    lines, table = Making(tmp_path / "j", "jsonl"), Making(tmp_path / "p", "parquet")
    assert lines.make()["events"] == table.make()["events"]
    with History(lines.folder) as one, History(table.folder) as other:
        assert one.check(KNOWN) == other.check(KNOWN)
        by_time = [
            sorted(Counter((r.family, r.key, r.seen_us) for r in records_of(history))) for history in (one, other)
        ]
    assert by_time[0] == by_time[1]
    dirty = Making(tmp_path / "d", "jsonl", dirt=DIRTY)
    counts = dirty.make()["dirt"]
    with History(dirty.folder) as history, pytest.raises(UserError, match="--keep-bad"):
        history.check(KNOWN)
    body = WorldFolder(dirty.folder).part("ZZ", 0, ".jsonl").read_bytes().splitlines()
    assert sum(b"loyalty_tier" in line for line in body) == counts["additions"] > 0
    assert sum(b'"kind":"erased"' in line for line in body) == counts["erased"] > 0


def test_one_chunk_after_the_other_not_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk is written before the next one is lived."""
    order = []
    live, write = life.live, parts._WRITERS[parts.TABLE]
    monkeypatch.setattr(parts.life, "live", lambda *given: order.append("lived") or live(*given))
    monkeypatch.setitem(parts._WRITERS, parts.TABLE, lambda *given: order.append("written") or write(*given))
    Making(tmp_path / "w", "parquet", codes=("ZZ", "ZY", "ZX"), customers=5).make()
    assert order == ["lived", "written"] * 3


def test_a_full_disk_says_how_far_it_came_and_goes_on(tmp_path: Path) -> None:
    """After the first chunk there is no room: what is whole is not made again. (`test_simulate` fills a real one.)"""
    whole = Making(tmp_path / "whole", "parquet", codes=TWO, dirt=TAKEN)
    whole.make()
    making = Making(tmp_path / "w", "parquet", codes=TWO, dirt=TAKEN)

    def full(what: str, done: int, total: int) -> None:
        if done == 1:
            raise OSError(28, "No space left on device")

    said = r"disk is full .* 1 of 2 chunks \([0-9,]+ events\) are made. Go on with:\n  cerebro simulate"
    with pytest.raises(CerebroError, match=said) as caught:
        making.make(report=full)
    assert type(caught.value) is CerebroError and str(caught.value).endswith(AGAIN)
    done = WorldFolder(making.folder).part("ZZ", 0, ".parquet")
    made = done.stat().st_mtime_ns
    counts = making.make(resume=True)
    assert done.stat().st_mtime_ns == made
    assert contents(making.folder) == contents(whole.folder) and counts["chunks"] == 2
    assert making.make(resume=True) == counts, "a whole world is left alone"


def test_a_part_that_vanished_is_made_again(tmp_path: Path) -> None:
    making = Making(tmp_path / "w", "parquet", codes=TWO)

    def stop(kind: str, done: int, total: int) -> None:
        if done == 2:
            raise OSError(122, "Disk quota exceeded")

    with pytest.raises(CerebroError, match="2 of 2 chunks"):
        making.make(report=stop)
    WorldFolder(making.folder).part("ZZ", 0, ".parquet").unlink()
    half = making.folder / "truth" / "ZZ" / ".part-00000.truth.4711"
    half.write_bytes(b"PAR1")
    with (making.folder / "world.progress").open("ab") as file:
        file.write(b'{"type":"made","country":"Z')  # the machine lost power here
    making.make(resume=True)
    whole = Making(tmp_path / "whole", "parquet", codes=TWO)
    whole.make()
    assert contents(making.folder) == contents(whole.folder)


def test_two_cannot_write_one_world(tmp_path: Path) -> None:
    making = Making(tmp_path / "w", "parquet", customers=5)

    def meanwhile(what: str, done: int, total: int) -> None:
        with pytest.raises(UserError, match="Another `cerebro simulate` works in"):
            Making(tmp_path / "w", "parquet", customers=5).make(resume=True)

    making.make(report=meanwhile)


def test_resume_wants_the_same_world(tmp_path: Path) -> None:
    Making(tmp_path / "w", "parquet", customers=5, dirt=CLEAN).make()
    for change, said in (
        ({"customers": 6}, "--customers 5 .here 6."),
        ({"weeks": 11}, "--weeks 10"),
        ({"seed": 1}, "--seed 7"),
        ({"codes": TWO}, r"--countries ZZ .here ZZ,ZX."),
        ({"to": "jsonl"}, "--to parquet"),
        ({"dirt": USUAL}, "--late 0.0 .here 0.03."),
    ):
        with pytest.raises(UserError, match=said):
            Making(tmp_path / "w", **({"to": "parquet", "customers": 5} | change)).make(resume=True)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"holds .* a whole world"):
        Making(tmp_path / "w", "parquet", customers=5).make()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty and holds no world"):
        Making(tmp_path, "parquet").make()
    with pytest.raises(UserError, match="is a file"):
        Making(tmp_path / "notes.txt", "parquet").make()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_error_of_ours_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(parts.life, "live", broken)
    with pytest.raises(ZeroDivisionError):
        Making(tmp_path / "w", "parquet").make()


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_a_world_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    """A chunk without events is a part without rows."""
    making = Making(tmp_path / to, to, customers=1, weeks=2, dirt=DIRTY)
    lived = life.live(making.worlds[0], 0)
    monkeypatch.setattr(parts.life, "live", lambda *_: lived._replace(events=lived.events.slice(0, 0)))
    assert making.make()["events"] == 0
    assert WorldFolder(making.folder).part("ZZ", 0, f".{to}").is_file()
