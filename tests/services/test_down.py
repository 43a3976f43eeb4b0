"""`cerebro down` stops the process that holds this home's services, and never another one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from local import services
from local.services import Services
from scv.settings import services_file


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else, which got the process id of a killed `cerebro up`."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("lock_folder", [True, False])
def test_a_stranger_with_an_old_process_id_lives_on(
    stranger: subprocess.Popen[bytes],
    lock_folder: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    if lock_folder:
        (tmp_path / "services").mkdir()
    services_file(tmp_path).write_text(f"# process {stranger.pid}\n", encoding="utf-8")
    assert cli.main(["down"]) == 0
    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.3)
    assert not services_file(tmp_path).exists()
    assert "Nothing runs" in capsys.readouterr().err


def test_services_that_start_forget_what_a_killed_one_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else `down`, during the start, would signal the process id of the one before."""
    services_file(tmp_path).write_text("# process 1\n", encoding="utf-8")

    def look(_name: str, _folder: Path) -> None:
        assert not services_file(tmp_path).exists()
        raise ZeroDivisionError

    monkeypatch.setattr(services, "_broker", look)
    with pytest.raises(ZeroDivisionError), Services(home=tmp_path):
        pass


def test_down_during_a_start_signals_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    codes = []

    def meanwhile(_name: str, _folder: Path) -> None:
        codes.append(cli.main(["down"]))
        raise ZeroDivisionError

    monkeypatch.setattr(services, "_broker", meanwhile)
    with pytest.raises(ZeroDivisionError), Services(home=tmp_path):
        pass
    assert codes == [1]
    assert "about to start" in capsys.readouterr().err
