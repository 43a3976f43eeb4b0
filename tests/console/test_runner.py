"""What dies with a process is a cell, and a console that is gone leaves its jobs to the next."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scv.settings import Settings
from tests.console.desk import ALL_WELL, Desk, child, desk

NAMES = ("mail", "orders", "payments")
ASKED = {"fetchers": list(NAMES)}
DIES = """
workers = piece["workers"]
for code, ats in piece["references"].items():
    for name in names:
        for at in ats: say("running", code, at, name)
        if workers > 1 and name != names[-1]: continue
        if name == "orders" or workers > 1: os.kill(os.getpid(), signal.SIGKILL)
        for at in ats: say("done", code, at, name, rows=3, seconds=0.5)
"""
"""One worker dies at orders; several die when all of them are at work."""


def states(job: Any) -> dict[str, str]:
    return {f"{cell['country']} {cell['fetcher']}": cell["state"] for cell in job["cells"]}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_cell_whose_process_dies_has_failed_and_the_others_go_on(settings: Settings, workers: int) -> None:
    with desk(settings, child(DIES)) as console:
        job = console.ended(console.launch("US", "ZZ", workers=workers, **ASKED)["id"])
    assert states(job) == {
        f"{code} {name}": "failed" if name == "orders" else "done" for code in ("US", "ZZ") for name in NAMES
    }
    assert {cell["error"] for cell in job["cells"]} == {"", "Its process ended with SIGKILL."}
    assert job["state"] == "failed"


def test_a_process_that_comes_to_nothing_is_not_started_for_ever(settings: Settings) -> None:
    with desk(settings, child("sys.exit(7)")) as console:
        job = console.ended(console.launch("ZZ", **ASKED)["id"])
        assert set(states(job).values()) == {"failed"} and "exit code 7" in job["error"]
        assert console.ask("GET", "/api/v1/health").status == 200


def test_why_a_piece_came_to_nothing_is_said_without_its_path(settings: Settings) -> None:
    said = 'print(json.dumps({"trouble": "/home/of/us/lake: no room is left."}), flush=True); sys.exit(3)'
    with desk(settings, child(said)) as console:
        job = console.ended(console.launch("ZZ", **ASKED)["id"])
    assert job["error"] == "lake: no room is left." and {cell["error"] for cell in job["cells"]} == {job["error"]}


def test_a_running_job_is_cancelled_and_the_next_one_is_done(settings: Settings, tmp_path: Path) -> None:
    mark = tmp_path / "begun"
    waits = f"""
import pathlib, time
if not pathlib.Path({str(mark)!r}).exists():
    pathlib.Path({str(mark)!r}).touch()
    say("running", "ZZ", piece["references"]["ZZ"][0], "mail")
    time.sleep(60)
{ALL_WELL}"""
    with desk(settings, child(waits)) as console:
        first, second = (console.launch("ZZ", **ASKED)["id"] for _ in range(2))
        _until(console, first, "running")
        cancelled = console.ask("POST", f"/api/v1/fetches/{first}/cancel").body
        assert console.ended(first)["state"] == "cancelled" and cancelled["id"] == first
        assert console.ended(second)["state"] == "done"
        assert console.ask("POST", f"/api/v1/fetches/{second}/cancel").body["state"] == "done", "it had ended"


def test_a_job_goes_on_in_the_next_console(settings: Settings) -> None:
    stops = """
import time
say("running", "ZZ", piece["references"]["ZZ"][0], "mail")
say("done", "ZZ", piece["references"]["ZZ"][0], "mail", rows=3)
say("running", "ZZ", piece["references"]["ZZ"][0], "orders")
time.sleep(60)
"""
    with desk(settings, child(stops)) as console:
        job_id = console.launch("ZZ", **ASKED)["id"]
        _until(console, job_id, "running", done=1)
    with desk(settings, child(ALL_WELL)) as console:
        job = console.ended(job_id)
        assert Counter(states(job).values()) == {"done": len(NAMES)} and job["state"] == "done"


def _until(console: Desk, job_id: str, state: str, done: int = 0) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        counts = console.jobs.job(job_id)["counts"]  # type: ignore[index]
        if counts.get(state) and counts.get("done", 0) >= done:
            return
        time.sleep(0.01)
    raise AssertionError(counts)
