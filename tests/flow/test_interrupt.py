"""Ctrl-C and SIGTERM early in `cerebro demo`: no process, port or half file is left behind."""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.flow.pages import ROOT
from tests.flow.session import Session, clean_environment, linux, listens, ports

pytestmark = linux
EXPECTED = {signal.SIGINT: (130,), signal.SIGTERM: (130, 143)}
"""143 where Python itself is still starting and nothing has begun."""
MARKS = {".demo", ".lock"}
"""What stays hidden on purpose: whose folder it is, and who may change champions."""
SERVED = 3
"""Ports of its own that services.env names once all run: of the broker, the store and the scorer."""
DICE = random.Random(20)


def demo(folder: Path) -> Session:
    """The demo in a session of its own; its home and everything temporary lie in the folder."""
    (folder / "temp").mkdir()
    more = {"CEREBRO_HOME": str(folder / "home"), "TMPDIR": str(folder / "temp")}
    return Session([sys.executable, str(ROOT / "cli.py"), "demo"], folder, clean_environment(more), folder / "said")


def wait(running: Session, folder: Path, after_s: float, served: bool) -> set[int]:
    """So many seconds, counted from when all services run if they are to be; the ports that were named meanwhile."""
    known: set[int] = set()
    if served:
        running.wait(lambda: len(listening(folder)) == SERVED)
    deadline = time.monotonic() + after_s
    while time.monotonic() < deadline:
        known |= listening(folder)
        time.sleep(0.05)
    assert running.process.poll() is None, running.said
    assert len(known) == SERVED or not served
    return known


@pytest.mark.parametrize(
    ("number", "after_s", "served"),
    [
        pytest.param(signal.SIGINT, 2.0, True, marks=pytest.mark.slow),
        (signal.SIGTERM, DICE.uniform(0.1, 1.5), False),
        (signal.SIGTERM, DICE.uniform(1.5, 4), False),
    ],
    ids=["SIGINT-while-replaying", "SIGTERM-at-once", "SIGTERM-while-starting"],
)
def test_an_interrupted_demo_leaves_nothing(
    number: signal.Signals, after_s: float, served: bool, tmp_path: Path
) -> None:
    with demo(tmp_path) as running:
        known = wait(running, tmp_path, after_s, served)
        begun = time.monotonic()
        code = running.end(number)
        took = time.monotonic() - begun
        left, said = running.relatives(), running.said
    assert code in EXPECTED[number], (code, said)
    assert left == [], said
    assert "Traceback" not in said
    assert [port for port in known if listens(port)] == []
    assert took < 20, f"it took {took:.1f} s to stop"
    assert half_files(tmp_path) == []


def listening(folder: Path) -> set[int]:
    """The ports that services.env names, while it is there."""
    try:
        return set(ports((folder / "home" / "services.env").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return set()


def half_files(folder: Path) -> list[str]:
    """Drafts, partial tables, scratch, and the file that says where services run."""
    wrong = [one for one in folder.rglob("*") if one.name.startswith(".") and one.name not in MARKS]
    wrong += [one for one in folder.rglob("*") if one.name == "services.env" or one.suffix in (".part", ".tmp")]
    wrong += list((folder / "temp").iterdir())
    return sorted(str(one.relative_to(folder)) for one in wrong)
