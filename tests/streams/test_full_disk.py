"""A lake consumer on a full disk waits, loses nothing, and says what is the matter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from scv.errors import NoRoom
from scv.settings import Settings
from streams.lake import consumer as lakeconsumer
from streams.lake.consumer import LakeConsumer
from tests.disks import fill, small_disk
from tests.streams import shop


class Usage(NamedTuple):
    total: int = 1 << 30
    used: int = 1 << 30
    free: int = 0


def test_a_lake_consumer_waits_for_room(live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lakeconsumer, "RETRY_S", 0.5)
    before = shop.send(live, shop.log(1, 200), None)
    with shop.Running(live, LakeConsumer) as running:
        shop.wait(lambda: shop.lake_count(live)[0] == before)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage())
        sent = shop.send(live, shop.log(2, 300))
        shop.wait(lambda: running.said)
        assert shop.lake_count(live) == (before, before)
        monkeypatch.undo()
        shop.wait(lambda: shop.lake_count(live)[0] == before + sent)
    assert shop.lake_count(live) == (before + sent, before + sent)
    assert len(running.said) == 1, "every family runs into it, again and again"
    assert "Nothing is lost: paused until there is room" in running.said[0] and str(live.home) in running.said[0]


def test_a_stop_in_the_meantime_loses_nothing(live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = shop.send(live, shop.log(3, 200))
    with pytest.MonkeyPatch.context() as patch, shop.Running(live, LakeConsumer) as running:
        patch.setattr(shutil, "disk_usage", lambda _path: Usage())
        shop.wait(lambda: running.said)
    shop.consume(live, LakeConsumer)
    assert shop.lake_count(live) == (sent, sent)


def test_a_disk_that_is_really_full(
    live: Settings, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Delta's writer would panic in mid-write and show a backtrace."""
    monkeypatch.setattr(lakeconsumer, "RETRY_S", 0.5)
    with small_disk(tmp_path / "disk", 6_000) as disk:
        home = msgspec.structs.replace(live, home=str(disk))
        before = shop.send(home, shop.log(4, 200), None)
        with shop.Running(home, LakeConsumer) as running:
            shop.wait(lambda: shop.lake_count(home)[0] == before)
            filler = fill(disk, leave_kilobytes=300)
            sent = shop.send(home, shop.log(5, 2_000))
            shop.wait(lambda: running.said)
            filler.unlink()
            shop.wait(lambda: shop.lake_count(home)[0] == before + sent)
        assert shop.lake_count(home) == (before + sent, before + sent)
    assert "panicked" not in capfd.readouterr().err


def test_a_start_on_a_full_disk_says_so(live: Settings, client: Any, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 100) as disk:
        home = msgspec.structs.replace(live, home=str(disk))
        fill(disk)
        with pytest.raises(NoRoom, match="no room is left on its disk"):
            shop.consume(home, LakeConsumer)
