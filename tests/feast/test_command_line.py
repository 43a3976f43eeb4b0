"""The stock `feast` command over our repository. A process of its own costs seconds: one does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from feast.cli.cli import cli

from feature_repo.home import REPO
from scv.features.fetcher import collect
from tests.feast.served import Served


def test_the_command_lists_one_view_per_fetcher(live: Served) -> None:
    """`feast -c feature_repo feature-views list` in the project's root, whether or not the package is installed."""
    env = {**os.environ, "CEREBRO_HOME": str(live.settings.home_path), "PYTHONPATH": str(REPO.parent)}
    code = "from feast.cli.cli import cli; cli(prog_name='feast')"
    command = [sys.executable, "-c", code, "-c", REPO.name, "feature-views", "list"]
    done = subprocess.run(command, cwd=REPO.parent, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(line.split()[0] for line in done.stdout.splitlines()[1:]) == sorted(collect())


def test_stock_apply_scans_the_definitions(
    tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    monkeypatch.setenv("CEREBRO_STORE", valkey_url)
    monkeypatch.chdir(REPO.parent)  # Feast changes the directory, the path and a switch of Python's, for good
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    with caplog.at_level(logging.WARNING):
        done = CliRunner().invoke(cli, ["-c", REPO.name, "apply"])
    sys.modules.pop("definitions", None)
    assert done.exit_code == 0, done.output
    assert sorted(line.split()[-1] for line in done.output.splitlines() if "infrastructure" in line) == sorted(
        collect()
    )
    assert [record.message for record in caplog.records] == []
    assert (tmp_path / "registry.db").is_file()
    assert sorted(path.parent.parent.name for path in tmp_path.glob("snapshots/*/*/*.parquet")) == sorted(collect())
