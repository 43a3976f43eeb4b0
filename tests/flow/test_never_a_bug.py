"""No command calls it a bug when its folder, its disk, its lake, its store or its broker cannot be used.

Each says what, where and what to do. Which broker and store they are makes no difference: the embedded ones will do.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import faust
import pyarrow as pa
import pytest
import uvicorn
from deltalake import DeltaTable, write_deltalake

import cli
from local.services import Services
from scorer.live import server
from scorer.live.server import Server
from scv.errors import Damaged, LakeConflict
from scv.features.fetcher import Fetcher
from scv.offline import fetch as fetching
from scv.offline.lake import Lake
from scv.settings import Settings, load
from store.client import connect
from streams.kafka import topics
from streams.lake.writer import PARTITION_BY
from tests.command_lines import LINES
from tests.disks import fill, small_disk
from tests.flow.conftest import EMBEDDED
from tests.keys import kept, put_back
from tests.streams import shop

EVENT = '{"customer_id": "1", "kind": "placed", "occurred_at": "2017-05-01T10:00:00Z", "amount_cents": 5}\n'
WRITES = ("consume lake", "fetch", "parity", "simulate", "train", "week")
WORDS = re.compile("is read-only|a file stands where a folder is needed|no room is left")
Fares = Callable[[str, Path], tuple[int, str]]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home with a lake, and its rows in the store of running services."""
    home = tmp_path_factory.mktemp("lived-in")
    with Services(*EMBEDDED, tmp_path_factory.mktemp("services")) as services:
        where = {"broker": services.broker_address, "store": services.store_url, "home": str(home)}
        settings = Settings(**where, topic_prefix="bad", session_ms=1000)
        shop.send(settings, shop.log(1, 300))
        shop.consume(settings)
        (home / "events.jsonl").write_text(EVENT, encoding="utf-8")
        yield settings


@pytest.fixture(scope="module")
def rows(lived_in: Settings) -> dict[str, bytes]:
    """What lies in the store after the life of that home."""
    with connect(lived_in) as client:
        return kept(client)


@pytest.fixture
def here(lived_in: Settings, rows: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The environment of a command line, which ends where a service would stay; the store as that home left it."""
    with connect(lived_in) as client:
        put_back(client, rows)
    for name in ("broker", "store", "topic_prefix", "session_ms"):
        monkeypatch.setenv(f"CEREBRO_{name.upper()}", str(getattr(lived_in, name)))
    monkeypatch.setenv("CEREBRO_WAIT_S", "0")
    monkeypatch.setenv("CEREBRO_SCORER", "127.0.0.1:1")
    monkeypatch.setattr(Server, "watch", lambda self: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr(faust.Worker, "execute_from_commandline", lambda self: None)
    monkeypatch.setattr("local.services.Services.watch", lambda self, others: None)
    monkeypatch.setattr(server, "DRAIN_S", 0.0)
    monkeypatch.setattr(topics, "_PROBE_S", 0.1)
    monkeypatch.chdir(lived_in.home)
    return lived_in


@pytest.fixture(scope="module")
def folds() -> dict[str, pa.Table]:
    """Tables by what they are folded of."""
    return {}


@pytest.fixture
def folded(folds: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table is folded once: the lakes of all homes are alike, and a fold needs no store, broker or room."""
    whole = fetching.fold

    def fold(connection: duckdb.DuckDBPyConnection, job: fetching.Job, chosen: type[Fetcher]) -> pa.Table:
        of = f"{chosen.name} {job.country.code} {job.references} {job.version}"
        if of not in folds:
            folds[of] = whole(connection, job, chosen)
        return folds[of]

    monkeypatch.setattr(fetching, "fold", fold)


@pytest.fixture
def fares(here: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Fares:
    """Runs a line in a home: exit code and stderr; whatever it says, no bug and no backtrace."""

    def run(line: str, home: Path) -> tuple[int, str]:
        monkeypatch.setenv("CEREBRO_HOME", str(home))
        code, said = cli.main(line.split()), capfd.readouterr().err
        assert "This is a bug" not in said and "Traceback" not in said and "panicked" not in said, said
        assert code in (0, 1, 2)
        return code, said

    return run


@pytest.fixture
def home(here: Settings, tmp_path: Path) -> Path:
    """A copy of the home, to be damaged."""
    return Path(shutil.copytree(here.home, tmp_path / "home"))


def cannot_write(fares: Fares, line: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has to write says why it cannot."""
    monkeypatch.setenv("CEREBRO_HOME", str(home))
    monkeypatch.setenv("CEREBRO_WAIT_S", "20")  # broker and store are there, however slowly they answer
    if line.startswith("consume lake"):
        shop.send(load(), shop.log(2, 5), None)  # something to write
    code, said = fares(line, home)
    assert not line.startswith(WRITES) or (code and WORDS.search(said)), (code, said)


@pytest.mark.parametrize("line", LINES)
def test_a_home_that_is_a_file(line: str, fares: Fares, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file", encoding="utf-8")
    cannot_write(fares, line, tmp_path / "home", monkeypatch)


@pytest.mark.parametrize("line", LINES)
def test_a_home_that_cannot_be_made(line: str, fares: Fares, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    cannot_write(fares, line, tmp_path / "file" / "home", monkeypatch)


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("line", LINES)
def test_a_home_that_is_read_only(
    line: str, here: Settings, fares: Fares, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 30_000) as disk:
        shutil.copytree(here.home, disk / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        cannot_write(fares, line, disk / "home", monkeypatch)


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("consume lake")])  # see test_full_disk
def test_a_home_on_a_full_disk(
    line: str, here: Settings, fares: Fares, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", 30_000) as disk:
        shutil.copytree(here.home, disk / "home")
        fill(disk)
        cannot_write(fares, line, disk / "home", monkeypatch)


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("line", LINES)
def test_a_store_that_is_full(line: str, here: Settings, fares: Fares, home: Path) -> None:
    with connect(here) as client:
        client.config_set("maxmemory", 1)
        try:
            _, said = fares(line, home)
        finally:
            client.config_set("maxmemory", 0)
    assert not re.search(r"row:\{|US:\w", said), said


@pytest.mark.usefixtures("folded")
@pytest.mark.parametrize("gone", ["STORE", "BROKER"])
@pytest.mark.parametrize("line", LINES)
def test_a_store_or_broker_that_is_gone(
    line: str, gone: str, fares: Fares, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CEREBRO_{gone}", "redis://127.0.0.1:1/0" if gone == "STORE" else "127.0.0.1:1")
    fares(line, home)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def scrambled(file: Path) -> None:
    """The footer, which says what stands where."""
    body = file.read_bytes()
    file.write_bytes(body[:-40] + bytes(range(32)) + body[-8:])


def lost(file: Path) -> None:
    file.unlink()


DATE = "-d 2017-05-09"
OF_THE_LAKE = (
    f"fetch US {DATE} -f orders",
    f"train US {DATE} --target lapse",
    f"week US {DATE} --wait 0",
    "rebuild --afresh",
)


@pytest.mark.parametrize("damage", [cut, empty, scrambled, lost])
@pytest.mark.parametrize("line", OF_THE_LAKE)
def test_a_damaged_file_of_the_lake(line: str, damage: Callable[[Path], None], fares: Fares, home: Path) -> None:
    file = Path(next(iter(DeltaTable(str(home / "lake" / "orders")).file_uris())))
    damage(file)
    code, said = fares(line, home)
    assert code == 1 and ("Error:" in said or "failed:" in said), said
    assert file.name in said or "cannot be read" in said, said
    assert "ring it back from a copy" in said, said


@pytest.mark.usefixtures("folded")
def test_a_fetch_that_fails_in_part_writes_no_table(
    fares: Fares, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fetching.fold

    def fold(connection: duckdb.DuckDBPyConnection, job: fetching.Job, chosen: type[Fetcher]) -> pa.Table:
        if chosen.name == "orders":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "spill")
        return whole(connection, job, chosen)

    monkeypatch.setattr(fetching, "fold", fold)
    for out in ("scv.csv", "scv.parquet"):
        code, said = fares(f"fetch US {DATE} --out {tmp_path / out}", home)
        assert code == 1
        assert "US orders failed: spill: no room is left on its disk" in said and "US mail failed" not in said
        assert not (tmp_path / out).exists()


@pytest.mark.parametrize("damaged", ["epoch.json", "orders/_delta_log/00000000000000000000.json"])
@pytest.mark.parametrize("line", [OF_THE_LAKE[0], "consume lake --until-idle", OF_THE_LAKE[2], "up"])
def test_a_damaged_log_of_the_lake(line: str, damaged: str, fares: Fares, home: Path) -> None:
    (home / "lake" / damaged).write_bytes(b"scrambled")
    code, said = fares(line, home)
    assert code == 0 or (code == 1 and "bring it back from a copy" in said and "lake/" in said), said


def test_an_older_version_was_vacuumed_and_the_newest_was_not(lived_in: Settings, tmp_path: Path) -> None:
    shutil.copytree(lived_in.lake_path, tmp_path / "lake")
    lake = Lake(tmp_path / "lake")
    table = lake.table("orders")
    assert table is not None
    write_deltalake(table, table.to_pyarrow_table(), mode="append", partition_by=PARTITION_BY)
    older = lake.version()
    table.optimize.compact()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    newest = lake.version()
    with pytest.raises(LakeConflict, match=f"was vacuumed: read version {newest.families['orders']}"):
        lake.query("orders", shop.US, older)
    for file in table.file_uris():
        Path(file).unlink()
    with pytest.raises(Damaged, match=r"has lost .*orders.* from a copy"):
        lake.query("orders", shop.US, newest)
