"""`make bench` runs, in small, and its file holds every figure; what the numbers are is for a quiet machine to say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proof import figures

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_bench_writes_its_figures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--figures", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    found = {row.name: row for row in figures.read("bench", tmp_path)}
    measured = {name: row for name, row in found.items() if row.ratio is not None}
    firsts = ["read"] * 8 + ["events"] * 2 + ["CPU"] * 2 + ["point-in-time", "search,", "training", "training"]
    assert [name.partition(" ")[0] for name in measured] == firsts
    for name, row in measured.items():
        assert isinstance(row.ours, int | float) and isinstance(row.peer, int | float) and row.unit, name
        assert row.ours > 0 and row.peer > 0 and (row.ok is None) == (not row.bar), name
        assert name in done.stdout, "the table is drawn from the file"
    facts = {name for name, row in found.items() if row.ratio is None}
    said = {
        "machine",
        "read: compared",
        "stream: compared",
        "stream: events a round",
        "history: compared",
        "search: log loss",
        "training set: compared",
    }
    assert facts == said
    assert all("Tansu" in name for name in measured if "events" in name), "the broker beside every number"
