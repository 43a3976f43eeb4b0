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
from scv.settings import Settings
from telemetry.endpoint import address_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("cerebro")}
COMMANDS = {name: service for name, service in OURS.items() if service["command"][0] == "cerebro"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

each = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OURS)
each_command = pytest.mark.parametrize("name", COMMANDS)
HEADER = TEXT.partition("\nname:")[0]
LINES = re.findall(r"^#   docker compose (.+?)(?:  .*)?$", HEADER, re.MULTILINE)
MOUNTED = {"./countries", "./deploy/prometheus", "./deploy/grafana/provisioning", "./deploy/grafana/dashboards"}
"""Folders of the host, read only: what a company says of itself, and files of ours for programs of others."""


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], None]:
    """Parses a whole command line, down to the last sub-command, and runs nothing. Raises click's UsageError."""
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)

    def parse(words: list[str]) -> None:
        with cli.cerebro.make_context("cerebro", [str(word) for word in words]) as context:
            cli.cerebro.invoke(context)

    return parse


def test_every_edge_has_its_service() -> None:
    parts = {"kafka", "redis", "online", "lake", "scorer", "reactor", "console", "trainer", "fetch", "export"}
    assert set(SERVICES) == parts | {"demo", "keys", "feast-ui", "prometheus", "grafana"}


@each_command
def test_a_command_is_a_cerebro_command_that_parses(name: str, parse: Callable[[list[str]], None]) -> None:
    program, *arguments = OURS[name]["command"]
    assert program == "cerebro"
    parse(arguments)


@each_command
def test_a_commands_help_works(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([OURS[name]["command"][1], "--help"]) == 0
    assert "Example" in capsys.readouterr().out


@each
def test_a_service_has_a_health_check(name: str, parse: Callable[[list[str]], None]) -> None:
    form, *check = SERVICES[name]["healthcheck"]["test"]
    assert form == "CMD", "a list: no shell is needed, and none is trusted"
    if name in COMMANDS:
        assert check[0] == "cerebro"
        parse(check[1:])


@each
def test_an_image_is_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert tag and tag != "latest" and re.search(r"\d", tag), f"name a version of {image}"


@each
def test_every_volume_is_a_named_one(name: str) -> None:
    """Or a folder of this checkout that is only read; what ours share is one volume, each foreign part has its own."""
    volumes = [volume.split(":") for volume in SERVICES[name].get("volumes", [])]
    named = [volume[0] for volume in volumes if volume[0] in COMPOSE["volumes"]]
    mounted = {volume[0]: volume[2:] for volume in volumes if volume[0] not in COMPOSE["volumes"]}
    assert set(mounted) <= MOUNTED and all(mode == ["ro"] for mode in mounted.values())
    assert named == ["data"] if name in OURS else "data" not in named


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
def test_a_port_is_published_on_loopback_only(name: str) -> None:
    """Broker and store have no passwords there; nobody outside needs the store, or a page of metrics."""
    ports = SERVICES[name].get("ports", [])
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)
    assert bool(ports) is (name in {"kafka", "scorer", "console", "feast-ui", "prometheus", "grafana"})


def test_every_listener_of_the_broker_is_mapped_and_the_outer_one_is_published() -> None:
    said = SERVICES["kafka"]["environment"]
    listeners, advertised, kinds = (
        dict(one.split(":", 1) for one in said[name].split(","))
        for name in ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP")
    )
    assert kinds.keys() == listeners.keys() == advertised.keys() | {said["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert advertised["EXTERNAL"] == "//127.0.0.1:9094" and listeners["EXTERNAL"].endswith(":9094")
    assert SERVICES["kafka"]["ports"] == ["127.0.0.1:9094:9094"]
    assert (
        advertised[said["KAFKA_INTER_BROKER_LISTENER_NAME"]] == f"//{OURS['online']['environment']['CEREBRO_BROKER']}"
    )


def test_the_header_names_services_and_profiles_that_there_are(parse: Callable[[list[str]], None]) -> None:
    profiles = {one for service in SERVICES.values() for one in service.get("profiles", [])}
    assert len(LINES) == 10
    for line in LINES:
        words = line.split()
        if words[0] == "exec":
            assert words[1] in SERVICES and words[2] == "cerebro"
            parse(words[3:])
        elif words[0] == "run":
            assert words[-1] in SERVICES
        else:
            assert (words[-2:] == ["up", "-d"] and words[1] in profiles) or words == ["up", "-d", "--wait"]


def test_what_prometheus_scrapes_are_services_that_listen_there() -> None:
    text = (ROOT / "deploy/prometheus/compose.yml").read_text(encoding="utf-8")
    for job in yaml.safe_load(text)["scrape_configs"][0]["static_configs"]:
        host, _, port = job["targets"][0].partition(":")
        if host in OURS:  # the console is not among them
            told = Settings(metrics=OURS[host]["environment"]["CEREBRO_METRICS"])
            assert address_of(told, job["labels"]["process"]) == ("0.0.0.0", int(port))
    (folder,) = (volume.split(":")[0] for volume in SERVICES["grafana"]["volumes"] if "/etc/dashboards" in volume)
    assert (ROOT / folder / "cerebro.json").is_file()


def test_ours_are_images_of_this_version_with_known_extras() -> None:
    """The demo's data come in one of their own."""
    assert {service["image"] for service in OURS.values()} == {
        f"cerebro:{PROJECT['version']}", f"cerebro-demo:{PROJECT['version']}",
    }  # fmt: skip
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


def test_everything_that_ships_enters_the_image() -> None:
    """A package that .dockerignore keeps back is one that the image's wheel lacks."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [name for name in listed["targets"]["wheel"]["only-include"] if f"!{name}" not in let_in] == []
