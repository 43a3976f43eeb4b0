"""docker-compose.yml without Docker: what it says is consistent, and its commands are ours.

`test_services_run.py` beside this runs the same commands and health checks as plain processes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import cli
from scv import settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("cerebro:")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

each = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OURS)


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Parses a whole command line, down to the last sub-command, and runs nothing. Raises click's UsageError."""
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)

    def parse(words: list[str]) -> None:
        with cli.cerebro.make_context("cerebro", [str(word) for word in words]) as context:
            cli.cerebro.invoke(context)

    return parse


def test_every_edge_has_its_service() -> None:
    assert set(SERVICES) >= {"kafka", "redis", "online", "lake", "scorer", "reactor", "trainer", "fetch", "export"}


@each_of_ours
def test_a_command_is_a_cerebro_command_that_parses(name: str, parse: Callable[[list[str]], None]) -> None:
    program, *arguments = OURS[name]["command"]
    assert program == "cerebro"
    parse(arguments)


@each_of_ours
def test_a_commands_help_works(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([OURS[name]["command"][1], "--help"]) == 0
    assert "Example" in capsys.readouterr().out


@each
def test_a_service_has_a_health_check(name: str, parse: Callable[[list[str]], None]) -> None:
    form, *check = SERVICES[name]["healthcheck"]["test"]
    assert form == "CMD", "a list: no shell is needed, and none is trusted"
    if name in OURS:
        assert check[0] == "cerebro"
        parse(check[1:])


@each
def test_an_image_is_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert tag and tag != "latest" and re.search(r"\d", tag), f"name a version of {image}"


@each
def test_every_volume_is_a_named_one(name: str) -> None:
    """No folder of the host; what ours share is one volume, and each foreign part has its own."""
    volumes = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])]
    assert set(volumes) <= set(COMPOSE["volumes"])
    assert volumes == ["data"] if name in OURS else "data" not in volumes


@each_of_ours
def test_nothing_else_is_writable_and_nothing_is_privileged(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert f"{service['volumes'][0]}" == f"data:{service['environment']['CEREBRO_HOME']}"


@each_of_ours
def test_the_settings_are_ours(name: str) -> None:
    settings.load({key: str(value) for key, value in OURS[name]["environment"].items()})


@each
def test_no_port_is_published(name: str) -> None:
    """Broker, store and scorer have no passwords there."""
    assert "ports" not in SERVICES[name]


def test_ours_are_one_image_of_this_version_with_known_extras() -> None:
    assert {service["image"] for service in OURS.values()} == {f"cerebro:{PROJECT['version']}"}
    for service in OURS.values():
        assert set(service["build"]["args"]["EXTRA"].split(",")) <= set(PROJECT["optional-dependencies"])


def test_foreign_services_wait_for_nothing_of_ours() -> None:
    for name, service in SERVICES.items():
        waits = set(service.get("depends_on", {}))
        assert waits <= set(SERVICES)
        assert name in OURS or not waits & set(OURS)


def test_the_image_runs_as_a_user_and_installs_by_hash() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert any(re.fullmatch(r"USER [1-9]\d+", line) for line in lines)
    assert not any(
        "pip install" in line and not re.search(r"--require-hashes|--no-deps /tmp/wheel", line) for line in lines
    )
    assert all(re.search(r":3\.11-slim\b", line) for line in lines if line.startswith("FROM"))
