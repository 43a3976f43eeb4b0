"""What a project's cerebro.toml says, and who wins over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scv import project, settings
from scv.errors import BadSetting


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(project.VARIABLE, raising=False)
    (tmp_path / "shop" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "shop" / project.FILE).write_text('wait_s = 90\nbroker = "there:1"\nscorer_keys = "keys"\n', "utf-8")
    monkeypatch.chdir(tmp_path / "shop" / "deep" / "deeper")
    return tmp_path / "shop"


def test_it_is_read_from_below_and_folders_are_meant_from_it(shop: Path) -> None:
    found = settings.load({})
    assert (found.wait_s, found.broker, found.project) == (90, "there:1", str(shop))
    assert (found.home_path, found.countries_path) == (shop / "var", shop / "countries")
    assert found.scorer_keys == str(shop / "keys")
    assert settings.told(found, "broker") and not settings.told(found, "store")


def test_services_win_over_it_and_the_environment_over_both(shop: Path) -> None:
    (shop / "var").mkdir()
    settings.services_file(shop / "var").write_text("CEREBRO_BROKER=here:2\nCEREBRO_STORE=redis://here\n", "utf-8")
    assert settings.load({}).broker == "here:2"
    found = settings.load({"CEREBRO_BROKER": "env:3", "CEREBRO_WAIT_S": "5"})
    assert (found.broker, found.store, found.wait_s) == ("env:3", "redis://here", 5)


def test_the_home_may_be_elsewhere(shop: Path, tmp_path: Path) -> None:
    assert settings.load({"CEREBRO_HOME": str(tmp_path / "home")}).home_path == tmp_path / "home"
    (shop / project.FILE).write_text('home = "../data"\n', "utf-8")
    assert settings.load({}).home_path == tmp_path / "data"


def test_the_nearest_counts_unless_one_is_named(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "deep" / project.FILE).write_text("", "utf-8")
    assert project.here({}) == shop / "deep"
    assert project.here({project.VARIABLE: str(shop)}) == shop
    monkeypatch.chdir(tmp_path)
    assert project.here({}) is None and settings.load({}).project == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('brokr = "x"\n', r"cerebro\.toml says 'brokr'.*Did you mean 'broker'"),
        ("project = '/elsewhere'\n", r"cerebro\.toml says 'project'"),
        ('partitions = "many"\n', r"cerebro\.toml has a value.*partitions"),
        ("partitions = 0\n", r"cerebro\.toml has a value.*partitions"),
        ("[broker]\nhost = 1\n", r"cerebro\.toml has a value.*broker"),
        ("broker = \n", r"cerebro\.toml cannot be read: .*line 1"),
        ("home = 5\n", r"cerebro\.toml has a value.*home"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_with_the_file(shop: Path, text: str, told: str) -> None:
    (shop / project.FILE).write_text(text, "utf-8")
    with pytest.raises(BadSetting, match=told):
        settings.load({})


def test_a_folder_that_went_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert project.here({}) is None
