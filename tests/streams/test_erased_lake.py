"""Who was erased leaves the lake's files, and no value changes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

import cli
from scv.events import admission, event
from scv.events.arrival import arrival_of
from scv.events.event import Event
from scv.offline.lake import Lake
from scv.online.facts import Log
from streams.kafka.log import Part
from streams.lake.erasure import erase, erased
from streams.lake.vacuum import vacuum
from streams.lake.writer import Buffer, LakeWriter
from tests.streams import shop

FAMILY, PARTITIONS = "orders", 2
LOG = Log(family=FAMILY, epoch=1, topic_id="0" * 32, partitions=PARTITIONS)
GONE = ("7", 'o\'hara "x" OR 1=1 --')


def erasure(customer_id: str, number: int, later: timedelta = timedelta()) -> Event:
    at = shop.FIRST + timedelta(days=50) + later
    return event.Erased(id=f"e{number}", country="US", customer_id=customer_id, occurred_at=at, seen_at=at)


def filled(home: Path) -> Lake:
    """A lake with customers who were erased in the middle of their log, some of whom came back; two commits."""
    lake, ends = Lake(home / "lake"), dict.fromkeys(range(PARTITIONS), 0)
    events = [one for one in shop.log(1, 3_000) if shop.family_of(one) == FAMILY]
    common = {"country": "US", "customer_id": GONE[1], "amount_cents": 1}
    events += [
        event.Placed(id=f"p{day}", occurred_at=at, seen_at=at, **common)
        for day in (1, 49, 51)
        for at in [shop.FIRST + timedelta(days=day)]
    ]
    events += [erasure(customer_id, number) for number, customer_id in enumerate(GONE)]
    events.append(erasure(GONE[0], 9, -timedelta(days=20)))
    events.sort(key=lambda one: one.seen_at)
    writer = LakeWriter(lake, LOG)
    for half in (events[: len(events) // 2], events[len(events) // 2 :]):
        buffer, starts = Buffer(FAMILY, 1), dict(ends)
        for one in half:
            partition = sum(one.customer_id.encode()) % PARTITIONS
            buffer.add(Part(FAMILY, partition), ends[partition], arrival_of(one, shop.US))
            ends[partition] += 1
        moved = {Part(FAMILY, number): end for number, end in ends.items()}
        writer.append(buffer.table(), {Part(FAMILY, number): start for number, start in starts.items()}, moved)
    return lake


def judged(lake: Lake) -> list[tuple[object, ...]]:
    """Every arrival that may count, with its verdict."""
    with duckdb.connect() as connection:
        query = admission.sql(lake.query(FAMILY, shop.US, lake.version()), shop.US.lateness_days)
        return connection.execute(f"FROM ({query}) WHERE verdict <> 'before an erasure' ORDER BY ALL").fetchall()


def positions(lake: Lake) -> list[int]:
    writer = LakeWriter(lake, LOG)
    return [writer.position(Part(FAMILY, number)) for number in range(PARTITIONS)]


def kinds_of(lake: Lake, customer_id: str) -> set[str]:
    """Of every file that lies there, live or not."""
    files = [str(path) for path in lake.table_path(FAMILY).glob("country=*/month=*/*.parquet")]
    query = "SELECT DISTINCT kind FROM read_parquet(?) WHERE customer_id = ? AND seen_at < ?"
    until = shop.FIRST + timedelta(days=50, seconds=1)
    return {kind for (kind,) in duckdb.execute(query, [files, customer_id, until]).fetchall()}


def test_their_rows_go_from_every_file_and_no_verdict_changes(tmp_path: Path) -> None:
    lake = filled(tmp_path)
    before, left = judged(lake), erased(lake, FAMILY, shop.US, lake.version())
    assert [one[0] for one in left] == sorted(GONE) and all(one[3] for one in left)
    assert all("placed" in kinds_of(lake, one) for one in GONE) and len(before) > 500
    places = positions(lake)
    assert erase(lake, FAMILY, shop.US) == sum(one[3] for one in left)
    vacuum(lake, FAMILY)
    assert judged(lake) == before and positions(lake) == places and all(places)
    assert {one: kinds_of(lake, one) for one in GONE} == {one: {"erased"} for one in GONE}
    assert erase(lake, FAMILY, shop.US) == 0
    with duckdb.connect() as connection:
        query = f"FROM ({lake.query(FAMILY, shop.US, lake.version())}) SELECT count(*) WHERE kind = 'erased'"
        assert connection.execute(query).fetchall() == [(3,)], "the last of its time may be another than of the log"


def test_the_command_does_it_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = filled(tmp_path)
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    rows = sum(one[3] for one in erased(lake, FAMILY, shop.US, lake.version()))
    assert cli.main(["tidy", "--dry-run"]) == 0
    assert f"{rows:,} rows of erased customers would leave the lake." in capsys.readouterr().err
    assert "placed" in kinds_of(lake, GONE[0])
    assert cli.main(["tidy"]) == 0
    out, err = capsys.readouterr()
    assert f"{rows:,} rows of erased customers left the lake." in err and "lake\t-\t" in out
    assert kinds_of(lake, GONE[0]) == {"erased"} and cli.main(["verify"]) == 0
