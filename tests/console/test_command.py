"""The command for real: a fetch that is launched over HTTP writes the snapshots that `cerebro fetch` writes."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from local.services.process import free_port
from scv.offline.fetch import fetch
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from telemetry.endpoint import address_of
from tests.console.desk import NOWHERE, follow
from tests.flow.pages import blocks
from tests.parity import lakes
from tests.scrape import page
from tests.scv_model.berlin import BERLIN, EARLY, write_country

ROOT = Path(__file__).parents[2]
METRICS = f"127.0.0.1:{free_port()}"
ORDER = {"countries": [BERLIN.code], "dates": ["2017-01-31", "2017-02-07"], "workers": 2}


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A home with a small lake."""
    sea = lakes.fill(tmp_path / "sea", BERLIN, seed=4, customers=6, complete_to=EARLY)
    config = sea.settings(tmp_path / "home")
    config.countries_path.mkdir()
    write_country(config, BERLIN)
    return config


@pytest.fixture
def running(home: Settings) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command and its port."""
    environment = os.environ | {"CEREBRO_HOME": home.home, "CEREBRO_STORE": NOWHERE, "CEREBRO_METRICS": METRICS}
    line = [sys.executable, str(ROOT / "cli.py"), "console", "--port", "0"]
    with subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", process.stderr.readline())
            assert told is not None
            yield process, int(told[1])
        finally:
            process.kill()


def test_keys_close_it_and_its_own_callers_find_theirs(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And whoever did something is found by `cerebro audit`."""
    keys = home.home_path / "keys"
    assert cli.main(["keys", "new", "--out", str(keys)]) == 0
    told = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert set(told) == {"CEREBRO_SCORER_KEYS", "CEREBRO_CONSOLE_KEYS", "CEREBRO_CALLER_KEYS"}
    more = {"CEREBRO_HOME": home.home, "CEREBRO_STORE": NOWHERE, "CEREBRO_METRICS": "0", **told}
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    line = [sys.executable, str(ROOT / "cli.py"), "console", "--port", "0", "--host", "0.0.0.0"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = re.fullmatch(r"Listening on https://0\.0\.0\.0:(\d+)\n", process.stderr.readline())
            assert said is not None
            monkeypatch.setenv("CEREBRO_CONSOLE", f"0.0.0.0:{said[1]}")
            assert cli.main(["health", "console"]) == 0, capsys.readouterr().err
            trust = ssl.create_default_context(cafile=str(keys / "caller/ca.crt"))
            for token, status in ((_token(keys, "operator", capsys), 202), (_token(keys, "viewer", capsys), 403)):
                connection = http.client.HTTPSConnection("localhost", int(said[1]), timeout=60, context=trust)
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                connection.request("POST", "/api/v1/fetches", json.dumps(ORDER), headers)
                assert connection.getresponse().status == status
                connection.close()
            monkeypatch.setenv("CEREBRO_CALLER_KEYS", "")
            assert cli.main(["health", "console"]) == 1 and "CEREBRO_CALLER_KEYS" in capsys.readouterr().err
        finally:
            process.terminate()
    assert cli.main(["audit", "--json"]) == 0
    acts = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert [(one["who"], one["roles"], one.get("country", ""), one["result"]) for one in acts] == [
        ("somebody", "operator", BERLIN.code, 202), ("somebody", "viewer", "", 403),
    ]  # fmt: skip
    assert cli.main(["console", "--insecure"]) == 2 and "two ways" in capsys.readouterr().err
    monkeypatch.setenv("CEREBRO_CONSOLE_KEYS", home.home)
    assert cli.main(["console", "--port", "0"]) == 2 and "access.toml cannot be read" in capsys.readouterr().err


def _token(keys: Path, role: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["keys", "token", "somebody", "--role", role, "--country", "*", "--out", str(keys)]) == 0
    return capsys.readouterr().out.split()[-1]


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.status in (200, 202), reply.read()
    return json.loads(reply.read())


def followed_readme(port: int, folder: Path) -> str:
    """What the lines of README's section print, here and on this port."""
    (block,) = blocks("README.md", "bash", "Launch fetches over HTTP")
    lines = block.text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    done = subprocess.run(["bash", "-euc", lines], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "problem" not in done.stdout, done
    return done.stdout


def test_a_fetch_is_launched_over_http_and_what_stands_is_kept(
    home: Settings,
    running: tuple[subprocess.Popen[str], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And it answers this machine only, one console to a home."""
    process, port = running
    ended = []
    for _ in range(2):
        job = ask(port, "POST", "/api/v1/fetches", ORDER)
        ended.append(next(data for event, data in follow(port, job["id"]) if event == "end"))
    cells = ask(port, "GET", f"/api/v1/fetches/{ended[0]['id']}")["cells"]
    assert [one["state"] for one in ended] == ["done", "done"], cells
    assert [set(one["counts"]) for one in ended] == [{"done"}, {"kept"}]
    by_command = fetch(home, {BERLIN: [EARLY]})
    assert {one.fetcher: one.kept for one in by_command} == {one.fetcher: {EARLY} for one in by_command}
    rows = {(cell["fetcher"], cell["date"]): cell["rows"] for cell in cells}
    for name, table in Snapshots(home, BERLIN).read(EARLY).items():
        assert rows[name, "2017-02-07"] == len(table)
    status = ask(port, "GET", "/api/v1/status")
    assert [one["code"] for one in status["countries"]] == [BERLIN.code] and home.home not in json.dumps(status)
    assert "process_resident_memory_bytes" in page(":".join(map(str, address_of(Settings(metrics=METRICS), "console"))))
    assert '"counts":{"kept":' in followed_readme(port, Path(home.home))
    monkeypatch.setenv("CEREBRO_HOME", home.home)
    for line, told in {
        "console --host 0.0.0.0": "0.0.0.0 is not loopback",
        f"console --port {port}": "cannot be bound",
        "console --port 0": "Another console is at work",
    }.items():
        assert cli.main(line.split()) == 2 and told in capsys.readouterr().err
    for place, code in ((port, 0), (1, 1)):
        monkeypatch.setenv("CEREBRO_CONSOLE", f"127.0.0.1:{place}")
        assert cli.main(["health", "console"]) == code
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)
