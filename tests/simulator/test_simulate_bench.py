"""`make bench-world` runs, in small, and its file holds every figure; what the numbers are is for a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proof import figures

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_bench_of_worlds_writes_its_figures_and_its_curve(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.simulation", "--customers", "20", "--customers", "60", "--weeks", "6"]
    done = subprocess.run(
        [*command, "--no-sinks", "--figures", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    found = {row.name: row for row in figures.read("simulation", tmp_path)}
    small, large = (int(found[f"{size} customers: events"].ours or 0) for size in (20, 60))
    assert 2 * small < large
    judged = [name for name, row in found.items() if row.bar]
    assert [name.rpartition(": ")[2] for name in judged] == [
        "events a second of one core",
        "events a second of one core",
        "an event is made dirty and written",
        "60 customers / 20",
    ]
    assert all(row.ok is not None and name in done.stdout for name, row in found.items() if row.bar)
    assert (tmp_path / "simulation.png").read_bytes().startswith(b"\x89PNG")
