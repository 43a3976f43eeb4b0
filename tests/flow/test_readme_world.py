"""README's section about the invented world, followed as it stands."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.pages import blocks
from tests.flow.session import clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_line_works(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (script,) = blocks("README.md", "bash", "A world whose truth is known")
    simulate, fetch = script.text.splitlines()
    told = run(simulate, tmp_path)
    targets = {line.split("\t")[0] for line in told.stdout.splitlines()[1:]}
    assert {f"ZY {name} all: truth" for name in ("cancellation", "pause", "reactivation")} <= targets
    (page,) = (tmp_path / "var" / "reports").glob("*.html")
    assert page.name in told.stderr
    run(fetch, tmp_path)
    with (tmp_path / "invented.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter=","))
    assert len(rows) > 1_000 and "lifecycle__open_box_skipped" in rows[0]


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return done
