"""`cerebro simulate`: what it prints, what it refuses, and the command that goes on."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import cli
from proof.world.folder import WorldFolder
from proof.world.rates import CLEAN, TAKEN, USUAL, Dirt
from scv.events import country
from streams.replay.history import History
from tests.simulator.making import Making, contents

ROOT = Path(__file__).parents[2]
SMALL = ("--customers", "20", "--weeks", "6")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def simulate(*words: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> tuple[str, str]:
    assert cli.main(["simulate", *words]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_without_a_sink_a_small_world_is_one_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, said = simulate(*SMALL, capsys=capsys)
    path = home / "events" / "ZZ.parquet"
    assert out == f"{path}\n" and "Invented" in said and "20 customers of ZZ" in said
    assert [one.name for one in path.parent.iterdir()] == ["ZZ.parquet"], "nothing is left beside it"
    first = path.read_bytes()
    with History(path) as history:
        assert history.check(country.known()) > 200
    simulate(*SMALL, capsys=capsys)
    assert path.read_bytes() == first, "the same command, the same file"
    simulate(*SMALL, "--seed", "8", "--country", "ZY", "--out", "mine/other.parquet", capsys=capsys)
    other = pq.read_table("mine/other.parquet")
    assert set(other["country"].to_pylist()) == {"ZY"}


def test_one_file_is_what_the_parts_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    simulate(*SMALL, "--out", "one.parquet", capsys=capsys)
    simulate(*SMALL, "--to", "parquet", "--out", "parts", capsys=capsys)
    part = WorldFolder(tmp_path / "parts").part("ZZ", 0, ".parquet")
    assert pq.read_table("one.parquet").equals(pq.read_table(part))


def test_json_counts_what_was_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = simulate(*SMALL, "--countries", "ZZ,ZX", "--to", "jsonl", "--json", "--corrupt", "0.1", capsys=capsys)
    told = json.loads(out)
    folder = Path(told["out"])
    assert folder == home / "worlds" / "ZZ-ZX_20x6_seed7_jsonl"
    lines = sum(len(path.read_bytes().splitlines()) for path in folder.rglob("*.jsonl"))
    assert told["events"] == lines == sum(told["countries"].values()) and told["chunks"] == 2
    assert told["dirt"]["corrupt"] > 0.05 * lines and told["countries"].keys() == {"ZZ", "ZX"}


@pytest.mark.parametrize(
    ("words", "dirt"),
    [
        (("--to", "parquet"), TAKEN),
        (("--to", "jsonl"), USUAL),
        (("--to", "lake", "--clean"), CLEAN),
        (("--to", "jsonl", "--clean", "--late", "0.2"), Dirt(*[0.2, *[0.0] * 10])),
        (("--to", "parquet", "--unknown-country", "0.1"), Dirt(**{**vars(TAKEN), "unknown_country": 0.1})),
    ],
)
def test_dirt_is_usual_for_the_sink_unless_it_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], dirt: Dirt
) -> None:
    simulate(*SMALL, *words, "--out", "w", capsys=capsys)
    manifest = WorldFolder(tmp_path / "w").manifest()
    assert manifest is not None and manifest.plan.dirt == dirt


def test_bad_rows_of_a_table_are_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = simulate(*SMALL, "--out", "bad.parquet", "--corrupt", "0.1", capsys=capsys)
    assert "replay with --keep-bad" in said
    with History(Path("bad.parquet"), keep_bad=True) as history, pytest.raises(Exception, match="--keep-bad"):
        history.check(country.known())


FOLDER = ("--to", "parquet", "--out", "w")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--customers", "0"), "--customers >= 1"),
        (("--customers", "-3", *FOLDER), "--customers >= 1"),
        (("--weeks", "400"), "does not fit into the span of ZZ: at most"),
        (("--weeks", "0"), "--weeks >= 2"),
        (("--seed", "-1"), "--seed >= 0"),
        (("--countries", "ZZ,ZP"), "Unknown country 'ZP'."),
        (("--countries", ","), "names no country"),
        (("--to", "parket"), "Unknown sink 'parket'. Did you mean 'parquet'?"),
        (("--to", "kafak"), "Did you mean 'kafka'?"),
        (("--rate", "5000/s"), "--rate is for --to kafka"),
        (("--rate", "5000/s", "--to", "lake"), "--rate is for --to kafka"),
        (("--speed", "3600x", *FOLDER), "--speed is for --to kafka"),
        (("--max", *FOLDER), "--max is for --to kafka"),
        (("--to", "kafka", "--rate", "1/s", "--speed", "2x"), "--rate and --speed exclude each other"),
        (("--to", "kafka", "--rate", "1/s", "--max"), "--rate and --max exclude each other"),
        (("--to", "kafka", "--rate", "0/s"), "'0/s' is no rate"),
        (("--to", "kafka", "--rate", "-5/s"), "'-5/s' is no rate"),
        (("--to", "kafka", "--rate", "fast"), "'fast' is no rate"),
        (("--to", "kafka", "--speed", "-1x"), "'-1x' is no speed"),
        (("--to", "kafka", "--speed", "0"), "'0' is no speed"),
        (("--workers", "0"), "--workers 0: between 1 and"),
        (("--workers", "1000"), "--workers 1000"),
        (("--late", "1.5"), "1.5 is not in the range 0<=x<=1"),
        (("--late", "-0.1"), "-0.1 is not in the range"),
        (("--out", "x.csv"), "must end in .parquet"),
        (("--out", "taken", "--to", "parquet"), "taken is a file"),
        (("--out", "folder.parquet"), "is a folder"),
        (("--out", "full", "--to", "jsonl"), "not empty and holds no world"),
        (("--resume",), "--resume goes on with a world in a folder"),
        (("--until", "yesterday"), "'yesterday' is no date"),
        (("--until", "2026-11-24"), "do not lie within the span of ZZ"),
        (("--costumers", "3"), "--customers"),
    ],
)
def test_impossible_options_are_your_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    out, told = simulate(*words, capsys=capsys, code=2)
    assert said in told and out == ""
    assert not (tmp_path / "w").exists() and not list(tmp_path.glob("home/*/*"))


def test_a_world_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    simulate(*SMALL, *FOLDER, capsys=capsys)
    _, said = simulate(*SMALL, *FOLDER, capsys=capsys, code=2)
    assert "holds ZZ, 20 customers, 6 weeks, seed 7: a whole world" in said
    _, said = simulate("--customers", "21", "--weeks", "6", *FOLDER, "--resume", "--clean", capsys=capsys, code=2)
    assert "--customers 20 (here 21); --late 0.03 (here 0.0)" in said
    out, said = simulate(*SMALL, *FOLDER, "--resume", capsys=capsys)
    assert out == "w\n" and "nothing was left to do" in said


LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


def run(*words: str, file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command as a process that may write no file longer than that."""
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    if file_bytes is not None:  # no preexec_fn: a fork runs the handlers of libraries with threads, gRPC's among them
        command = [sys.executable, "-c", LIMITED, str(file_bytes), *command]
    return subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)


def test_a_full_disk_in_mid_run(tmp_path: Path) -> None:
    """The file system takes the smaller country and not the larger one; the printed command goes on."""
    wanted: dict[str, Any] = {"to": "parquet", "customers": 60, "weeks": 8, "dirt": TAKEN}
    sizes = {}
    for code in ("ZZ", "ZX"):
        Making(tmp_path / code, codes=(code,), **wanted).make()
        sizes[code] = max(path.stat().st_size for path in (tmp_path / code).rglob("part-*"))
    small, large = sorted(sizes, key=lambda code: sizes[code])
    words = ["simulate", "--customers", "60", "--weeks", "8", "--countries", f"{small},{large}"]
    words += ["--to", "parquet", "--out", "my world", "--workers", "2"]
    stopped = run(*words, file_bytes=sizes[large] - 1)
    assert stopped.returncode == 1 and stopped.stdout == ""
    assert "The disk is full (my world)" in stopped.stderr and "1 of 2 chunks" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    command = shlex.split(stopped.stderr.splitlines()[-1])
    assert command[:2] == ["cerebro", "simulate"] and command[-1] == "--resume"
    assert not list(Path("my world").rglob(".*")), "no half files"
    done = run(*command[1:])
    assert (done.returncode, done.stdout) == (0, "my world\n"), done.stderr
    Making(tmp_path / "whole", codes=(small, large), **wanted).make()
    assert contents(Path("my world")) == contents(tmp_path / "whole")


def test_the_command_that_goes_on_has_every_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted: 130, how far it came, and a command that the parser takes for the same wish."""
    from proof import simulation
    from proof.world import parts

    words = [*SMALL, "--countries", "ZX", "--seed", "9", "--to", "jsonl", "--out", "a b", "--clean", "--late", "0.25"]
    wishes = []
    fulfil = simulation.fulfil
    monkeypatch.setattr(simulation, "fulfil", lambda wish: wishes.append(wish) or fulfil(wish))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    live = parts.life.live
    monkeypatch.setattr(parts.life, "live", interrupted)
    _, said = simulate(*words, "--workers", "1", capsys=capsys, code=130)
    line = next(line for line in said.splitlines() if "cerebro simulate" in line)
    assert "0 of 1 chunks (0 events) are made." in said
    monkeypatch.setattr(parts.life, "live", live)
    simulate(*shlex.split(line)[2:], capsys=capsys)
    first, again = wishes
    assert again == simulation.Wish(
        **{name: getattr(first, name) for name in first.__struct_fields__} | {"resume": True}
    )
