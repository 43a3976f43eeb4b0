"""The header of docker-compose.yml on an empty home, line by line, each service and job as a plain process.

Each starts, its health check turns green, it stops on SIGTERM. Broker and store are the embedded ones of `cerebro up`
instead of the containers. No Docker engine runs here: what only one could tell (images, users, volumes) is not proved.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from scv.settings import services_file

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
PLACES = {"CEREBRO_BROKER", "CEREBRO_STORE", "CEREBRO_SCORER", "CEREBRO_METRICS", "CEREBRO_COUNTRIES"}
"""Of containers: `up` and the defaults have others."""
FIRST_DAY = re.findall(
    r"^#   docker compose (.+?)(?:  .*)?$", TEXT.partition("\n#\n#   docker compose --profile")[0], re.M
)
"""The commands of its header, in their order."""
HEALTHY_S = 90
STOPPED_S = 30

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class House:
    """The processes of one CEREBRO_HOME; every one is stopped when the test ends, whatever happened."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.logs = home.with_name("logs")
        self.logs.mkdir()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        given = service.get("environment", {}).items()
        own = {key: str(value).replace("/data", str(self.home)) for key, value in given if key not in PLACES}
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CEREBRO_")}
        return clean | own | {"CEREBRO_HOME": str(self.home)}

    def start(self, name: str, command: list[str], service: Mapping[str, Any]) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(argv(command), env=self.environment(service), stdout=log, stderr=log)

    def run(self, command: list[str], service: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv(command), env=self.environment(service), capture_output=True, text=True, check=False, timeout=600
        )

    def wait_healthy(self, name: str) -> None:
        check = SERVICES[name]["healthcheck"]["test"][1:]
        deadline = time.monotonic() + HEALTHY_S
        while (done := self.run(check, SERVICES[name])).returncode != 0:
            assert self.running[name].poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() < deadline, f"{name} is not healthy: {done.stderr}\n{self.log(name)}"
            time.sleep(0.5)

    def stop(self, name: str) -> int:
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOPPED_S)
        finally:
            process.kill()

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-4000:]


def argv(command: list[str]) -> list[str]:
    """A container's command as this checkout's own: `cerebro …`, `feast …` or `python …`."""
    program = {
        "cerebro": [sys.executable, str(ROOT / "cli.py")],
        "feast": [str(Path(sys.executable).with_name("feast"))],
        "python": [sys.executable],
    }[command[0]]
    return [*program, *(str(word).replace("/feature_repo", str(ROOT / "feature_repo")) for word in command[1:])]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Embedded broker and store, up."""
    found = House(tmp_path_factory.mktemp("compose") / "home")
    found.home.mkdir()
    found.start("up", ["cerebro", "up"], {})
    try:
        deadline = time.monotonic() + 60
        while not services_file(found.home).is_file():
            assert time.monotonic() < deadline and found.running["up"].poll() is None, found.log("up")
            time.sleep(0.1)
        yield found
    finally:
        for name in reversed(list(found.running)):
            found.stop(name)


def test_the_header_leads_from_nothing_to_a_score(house: House) -> None:
    """And the jobs and services beside it run, too; then each stops cleanly."""
    assert len(FIRST_DAY) == 6
    for line in FIRST_DAY:
        what, *words = line.split()
        if what == "up":
            for name in ("online", "lake", "scorer", "reactor"):
                started(house, name)
        elif what == "run":
            ended(house, SERVICES[words[-1]]["command"], SERVICES[words[-1]])
        else:
            ended(house, words[1:], {"environment": SERVICES[words[0]]["environment"]})
    ended(house, SERVICES["fetch"]["command"], SERVICES["fetch"])
    started(house, "feast-ui")
    house.stop("feast-ui")
    for name in ("reactor", "scorer", "lake", "online"):
        assert house.stop(name) == 0, house.log(name)


def started(house: House, name: str) -> None:
    house.start(name, SERVICES[name]["command"], SERVICES[name])
    house.wait_healthy(name)


def ended(house: House, command: list[str], service: Mapping[str, Any]) -> None:
    """Run a job to its end; it must succeed, and so must its health check."""
    done = house.run(command, service)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    if "healthcheck" in service:
        assert house.run(service["healthcheck"]["test"][1:], service).returncode == 0
