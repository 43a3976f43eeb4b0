"""Prometheus itself takes our files, raises every alert when it should, and scrapes a process that runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local.services.process import free_port
from local.services.store import Store
from local.services.valkey import valkey
from tests.sources import ROOT

DEPLOY = ROOT / "deploy" / "prometheus"
PATIENCE_S = 60.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's prometheus"),
]


def promtool(*words: str, where: Path = DEPLOY) -> str:
    done = subprocess.run(["promtool", *words], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_takes_our_rules_and_settings() -> None:
    assert "rules found" in promtool("check", "rules", "alerts.yml")
    for name in ("prometheus.yml", "compose.yml"):
        promtool("check", "config", name)


def test_every_alert_is_raised_when_it_should_be_and_not_when_it_nearly_is() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_it_scrapes_a_scorer_that_runs(tmp_path: Path) -> None:
    """By our own settings, but for the port; what it reads is in its answers, and no alert is about the scorer."""
    store: Store = valkey(tmp_path / "store")
    store.start()
    first, port = free_port(), free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CEREBRO_")}
    env = clean | {"CEREBRO_HOME": str(tmp_path / "home"), "CEREBRO_STORE": store.url}
    env |= {"CEREBRO_METRICS": f"127.0.0.1:{first}"}
    settings = (DEPLOY / "prometheus.yml").read_text(encoding="utf-8").replace("15s", "1s")
    settings = settings.replace("127.0.0.1:9466", f"127.0.0.1:{first + 2}")
    (tmp_path / "prometheus.yml").write_text(settings, encoding="utf-8")
    shutil.copy(DEPLOY / "alerts.yml", tmp_path)
    words = ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scorer = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "serve", "--port", "0", "--insecure"], env=env, **quiet
    )
    prometheus = subprocess.Popen(words, env=clean, **quiet)
    try:
        assert float(answer(port, 'cerebro_store_round_trips_total{process="scorer"} > 0')) >= 1
        assert answer(port, 'up{process="scorer"}') == "1"
        assert float(answer(port, 'process_resident_memory_bytes{process="scorer"}')) > 1e7
    finally:
        for process in (prometheus, scorer):
            process.terminate()
        for process in (prometheus, scorer):
            assert process.wait(20) in (0, -15)
        store.stop()


def answer(port: int, question: str) -> str:
    """The one value that Prometheus answers with, as soon as it does."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': question})}"
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with OPENER.open(url) as reply:
                if found := json.load(reply)["data"]["result"]:
                    return str(found[0]["value"][1])
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{question}: no answer"
        time.sleep(0.2)
