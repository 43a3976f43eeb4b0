"""`make test-clock`: the tests that live on the wall clock, at instants at which wall clocks are awkward.

A test that holds at noon may fail at midnight, or on the night when clocks change: once it kept a release from landing.
Brokers, stores and all our processes share the moved clock (`shift.c`); nothing of the machine is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from proof import figures
from proof.figures import Figure
from scv.events.clock import wall_us
from terminal import listing

HERE = Path(__file__).parent
INSTANTS = {
    "Europe's midnight before a Tuesday": "2026-11-30T22:58:30Z",
    "its clocks go forward": "2027-03-28T00:58:30Z",
    "its clocks go back": "2026-10-25T00:58:30Z",
    "New Year's Eve": "2026-12-31T22:58:30Z",
    "the midnight before a leap day": "2028-02-28T22:58:30Z",
    "a quiet afternoon": "2026-06-10T13:00:00Z",
}
TESTS = (
    *("console", "faults", "scorer", "simulator", "streams", "telemetry", "terminal"),
    *(f"flow/test_{name}.py" for name in ("command_lines", "never_a_bug", "readme_live")),
)
"""Those that ask the wall clock, or start what does."""
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")


@click.command(epilog="Example: python -m tests.clock --at 2026-11-30T22:58:30Z tests/streams/test_then_live.py")
@click.option("--at", "at", multiple=True, help="Only this instant; may be repeated. Default: the awkward ones.")
@click.option("--jobs", "-n", default=4, show_default=True)
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
@click.argument("tests", nargs=-1)
def main(at: tuple[str, ...], jobs: int, folder: Path, tests: tuple[str, ...]) -> None:
    """Exit 1 where a test fails at one of the instants (five minutes each)."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise click.UsageError(
            "No C compiler: the clock is moved by a small library (Debian, Ubuntu: apt-get install gcc)."
        )
    chosen = tests or tuple(str(HERE.parent / name) for name in TESTS)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        library = Path(place) / "shift.so"
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, HERE / "shift.c", "-ldl"], check=True)
        for name, instant in ((one, one) for one in at) if at else INSTANTS.items():
            begun = time.monotonic()
            code = _run(datetime.fromisoformat(instant), library, jobs, chosen)
            rows.append(Figure(name=f"{name} ({instant}): exit code", ours=code, bar="0", ok=code == 0))
            click.echo(f"{instant}: exit code {code} after {time.monotonic() - begun:.0f} s", err=True)
    figures.write("clock", rows, folder)
    found = figures.read("clock", folder)
    listing.show(COLUMNS, [figures.cells(row) for row in found])
    sys.exit(any(row.ok is False for row in found))


def _run(at: datetime, library: Path, jobs: int, tests: tuple[str, ...]) -> int:
    ahead = at.astimezone(UTC).timestamp() - wall_us() / 1e6
    moved = os.environ | {"LD_PRELOAD": str(library), "SHIFT_S": str(round(ahead))}
    words = ("-q", "-m", "not real and not slow", "-n", str(jobs), "--dist", "loadfile", "--no-loadscope-reorder")
    return subprocess.run([sys.executable, "-m", "pytest", *words, *tests], env=moved, check=False).returncode


if __name__ == "__main__":
    main(prog_name="python -m tests.clock")
