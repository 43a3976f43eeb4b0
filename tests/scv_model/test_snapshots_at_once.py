"""Two fetches of the same snapshots at once, and who reads them meanwhile."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scv.features import fetcher
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from tests.parity.lakes import Sea
from tests.scv_model.berlin import BERLIN, REFERENCE


def test_two_fetches_at_once_leave_one_whole_snapshot(sea: Sea, tmp_path: Path) -> None:
    config = sea.settings(tmp_path / "home")
    code = "import sys\nfrom scv.offline.fetch import fetch\nfrom scv.settings import Settings\n"
    code += "from tests.scv_model.berlin import BERLIN, REFERENCE\n"
    code += "fetch(Settings(home=sys.argv[1]), {BERLIN: [REFERENCE]}, 2)"
    root = Path(__file__).parents[2]
    both = [subprocess.Popen([sys.executable, "-c", code, config.home], cwd=root) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert set(Snapshots(config, BERLIN).read(REFERENCE)) == set(fetcher.collect())
    assert not list(config.snapshots_path.rglob(".*"))


def test_the_same_snapshot_again_stays_under_the_eyes_of_its_readers(
    sea: Sea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trainings at once fetch the same Tuesdays: the second to publish took away what the first was reading."""
    config = sea.settings(tmp_path / "home")
    fetch(config, {BERLIN: [REFERENCE]})
    before = {path: path.stat().st_ino for path in config.snapshots_path.rglob("*.*")}
    fetch(config, {BERLIN: [REFERENCE]}, afresh=True)
    assert {path: path.stat().st_ino for path in config.snapshots_path.rglob("*.*")} == before
    damaged = snapshot.path_of(config.snapshots_path, "orders", BERLIN, REFERENCE)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    fetch(config, {BERLIN: [REFERENCE]}, afresh=True)
    assert damaged.read_bytes() == whole


@pytest.mark.parametrize("gone", ["manifest", "file"])
@pytest.mark.parametrize("ask", ["why_not", "usable", "read"])
def test_who_reads_while_another_publishes_waits_for_it(
    config: Settings, monkeypatch: pytest.MonkeyPatch, gone: str, ask: str
) -> None:
    path = snapshot.manifest_path(config.snapshots_path, BERLIN, REFERENCE)
    if gone == "file":
        path = snapshot.path_of(config.snapshots_path, "orders", BERLIN, REFERENCE)
    body = path.read_bytes()
    path.unlink()

    @contextlib.contextmanager
    def after_the_other(_folder: Path) -> Iterator[None]:
        path.write_bytes(body)
        yield

    monkeypatch.setattr(snapshot, "alone", after_the_other)
    assert bool(getattr(Snapshots(config, BERLIN), ask)(REFERENCE)) is (ask != "why_not")
