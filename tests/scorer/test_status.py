"""`cerebro status`: what is made and what is due, also where nothing runs; a part that is missing is a line."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import cli
from operation import standing, turn
from operation.status import StatusReader
from scorer.tuesday.export import export
from scv.features.fetcher import collect
from scv.model import champion
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import Patience
from tests.marking import unmark
from tests.scorer.shop import AT, TRAINED, US, Shop


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operation.status.SHORT", Patience(answer_s=0.3, connect_s=0.3))


AWAY = {"CEREBRO_STORE": "redis://127.0.0.1:1/0", "CEREBRO_BROKER": "127.0.0.1:1"}


@pytest.fixture
def disk(live: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The shop after `cerebro down`: a home with lake and bundles, and one Tuesday."""
    for name in ("lake", "snapshots"):
        (tmp_path / name).symlink_to(Path(live.settings.home) / name)
    shutil.copytree(Path(live.settings.home) / "bundles", tmp_path / "bundles")
    settings = msgspec.structs.replace(
        live.settings, home=str(tmp_path), store=AWAY["CEREBRO_STORE"], broker="127.0.0.1:1"
    )
    export(settings, US, AT)
    for name, value in (AWAY | {"CEREBRO_HOME": settings.home}).items():
        monkeypatch.setenv(name, value)
    return settings


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert cli.main(["status", *words]) == 0
    return capsys.readouterr().out


def test_after_down_it_says_so_and_shows_what_lies_on_disk(disk: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys)
    assert "Nothing runs; `cerebro up` starts it." in said and "store redis://127.0.0.1:1/0: does not answer\n" in said
    assert "broker 127.0.0.1:1: it cannot be reached\n" in said
    assert "US\tlapse-20\t2017-06-06 04:00:00Z (181 days)\tyes" in said
    assert "US\treturn\t-\tnone was trained" in said
    assert "US\t2017-12-04 04:00:00Z (by the lake)\t-\t2017-12-04 04:00:00Z\tnot known\t2017-09-05" in said
    assert "US\t2017-11-28\tcerebro week US -d 2017-11-28 --wait 120" in said and "orders\t0\t" in said
    found: dict[str, Any] = json.loads(told(capsys, "--json"))
    assert not found["runs"] and set(found["unknown"]) == {"store", "broker"}
    assert [one["code"] for one in found["countries"]] == ["US"] and found["disk"]["folders"]["bundles"] > 10_000


def test_an_empty_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (AWAY | {"CEREBRO_HOME": str(tmp_path / "none")}).items():
        monkeypatch.setenv(name, value)
    assert "Nothing runs; `cerebro up` starts it." in told(capsys)
    assert not (tmp_path / "none").exists(), "to look makes nothing"


def test_what_is_damaged_is_named_and_the_rest_is_told(disk: Settings) -> None:
    place = champion.folder(disk, "US", "lapse") / champion.POINTER
    place.write_bytes(b"{")
    (disk.home_path / "countries").mkdir()
    (disk.home_path / "countries" / "GB.toml").write_text("no toml")
    found = StatusReader(disk).read()
    assert "GB.toml cannot be used" in found.unknown["GB"] and [one.code for one in found.countries] == ["US"]
    (disk.home_path / "countries" / "GB.toml").unlink()
    (disk.home_path / "lake").unlink()
    (disk.home_path / "lake" / "orders" / "_delta_log").mkdir(parents=True)
    (disk.home_path / "lake" / "orders" / "_delta_log" / f"{0:020}.json").write_text("{")
    found = StatusReader(disk).read()
    assert {"lake", "US"} <= set(found.unknown) and found.disk.folders["exports"] > 1_000


def test_a_country_stands_by_its_own_clock(live: Shop) -> None:
    live.mark(AT + timedelta(hours=2), families=["mail"])
    store = RowStore(live.client)
    unmark(store, "US", [collect()["orders"]])
    stands = standing.of(live.settings, US, store)
    assert stands is not None and (stands.clock, stands.now, stands.rows_to) == ("replay", AT + timedelta(hours=2), AT)
    assert stands.behind_s == 7200 and stands.unbuilt == {"orders": "it was never built"}
    assert stands.fetchers == len(collect()) and not stands.at_work
    assert {one.target: one.frozen_at for one in stands.champions} == {
        "lapse": TRAINED,
        "skip": TRAINED,
        "return": None,
    }
    with turn.alone(live.settings, "US"):
        again = standing.of(live.settings, US, store)
        assert again is not None and again.at_work


def test_it_is_shown_again_and_again_until_somebody_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("commands.status.EVERY_S", 0)
    for name, value in (AWAY | {"CEREBRO_HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)

    class Enough(StatusReader):
        times = 0

        def read(self) -> Any:
            Enough.times += 1
            if Enough.times == 3:
                raise KeyboardInterrupt
            return super().read()

    monkeypatch.setattr("operation.status.StatusReader", Enough)
    assert cli.main(["status", "--watch", "--json"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(json.loads(line)["home"] == str(tmp_path) for line in lines)
