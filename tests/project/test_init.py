"""What `cerebro init` writes, what it refuses, and that the compose file says the same as ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import cli
from local.project import folder as projects
from scv.errors import UserError
from scv.settings import PREFIX, Settings
from tests.project.shop import Project, init
from tests.sources import ROOT

ROOMS = {"countries", "fetchers", "derived", "targets", "tests", "feature_repo"}
FILES = {"cerebro.toml", ".env.example", ".gitignore", ".dockerignore", "README.md", "Dockerfile", "docker-compose.yml"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return init(tmp_path_factory.mktemp("at") / "wine-box")


def test_it_holds_every_room_and_file(project: Project) -> None:
    held = {path.name for path in project.folder.iterdir()}
    assert held == ROOMS | FILES | {"requirements.txt"}
    assert all(any((project.folder / room).glob("*.*")) for room in ROOMS)


def test_it_goes_by_its_own_name(project: Project) -> None:
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    assert [path for path in files if projects.NAME in path.read_text(encoding="utf-8")] == []
    assert yaml.safe_load((project.folder / "docker-compose.yml").read_text("utf-8"))["name"] == "wine-box"


def test_it_prints_what_it_wrote(tmp_path: Path) -> None:
    done = Project(tmp_path).run("init", "shop")
    assert {Path(line).name for line in done.stdout.splitlines()} >= FILES
    assert "shop is a project" in done.stderr


@pytest.mark.parametrize("held", [["notes.txt"], [".git"], ["a", "b", "c", "d", "e"]])
def test_a_folder_that_holds_anything_is_refused(tmp_path: Path, held: list[str]) -> None:
    for name in held:
        (tmp_path / name).write_text("mine")
    done = Project(tmp_path).run("init", ".", code=2)
    assert f"is not empty: it holds {', '.join(held[:3])}" in done.stderr and "nothing was written" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == held


def test_a_file_and_a_folder_without_a_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine")
    assert "is a file" in Project(tmp_path).run("init", "shop", code=2).stderr
    with pytest.raises(UserError, match="no name"):
        projects.make(tmp_path / "…")


def test_an_empty_folder_may_be_where_one_stands(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    Project(tmp_path / "shop").run("init", ".")
    assert (tmp_path / "shop" / "cerebro.toml").is_file()


def test_every_line_of_the_settings_is_one(project: Project) -> None:
    """As they stand behind a comment sign."""
    lines = (project.folder / "cerebro.toml").read_text("utf-8").splitlines()
    meant = [line.removeprefix("# ") for line in lines if re.match(r"# \w+ = ", line)]
    assert len(meant) >= 4 and set(tomllib.loads("\n".join(meant))) <= set(Settings.__struct_fields__)
    variables = re.findall(rf"{PREFIX}(\w+)=", (project.folder / ".env.example").read_text("utf-8"))
    assert variables and {one.lower() for one in variables} <= set(Settings.__struct_fields__)


# -- the compose file ----------------------------------------------------------------------------------------
def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return found


def test_broker_store_and_parts_run_as_in_ours(project: Project) -> None:
    ours, theirs = services(ROOT / "docker-compose.yml"), services(project.folder / "docker-compose.yml")
    assert theirs["kafka"] == ours["kafka"] and theirs["redis"] == ours["redis"]
    for name in ("online", "lake", "scorer", "reactor", "keys"):
        assert {key: theirs[name].get(key) for key in ("command", "healthcheck", "depends_on", "ports")} == {
            key: ours[name].get(key) for key in ("command", "healthcheck", "depends_on", "ports")
        }
    for one in theirs.values():
        if "environment" in one and "CEREBRO_HOME" in one["environment"]:
            assert one["environment"]["CEREBRO_PROJECT"] == "/project" and ".:/project:ro" in one["volumes"]


def test_every_command_of_the_compose_file_parses(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)
    parsed = 0
    for one in services(project.folder / "docker-compose.yml").values():
        program, *words = one.get("command", [""])
        lines = [words] if program == "cerebro" else []
        if program == "sh":
            lines = [line.split()[1:] for line in words[-1].split("&&")]
        for line in lines:
            with cli.cerebro.make_context("cerebro", list(line)) as context:
                cli.cerebro.invoke(context)
            parsed += 1
    assert parsed >= 9
