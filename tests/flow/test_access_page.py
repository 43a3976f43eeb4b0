"""docs/access.md: its first block, pasted into a shell of an empty folder; no plain call gets in meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.pages import blocks
from tests.flow.session import clean_environment, linux
from tests.processes import of_session

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(300)]
PLAIN = "CEREBRO_CALLER_KEYS= cerebro health scorer 2>&1 && echo OPEN || echo CLOSED\n"


def test_the_block_runs_and_nobody_else_gets_in(tmp_path: Path) -> None:
    script = blocks("docs/access.md", "bash")[0].text
    up, rest = script.split("\n", 1)
    assert up.startswith("cerebro up --all --tls --detach")
    more = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "CEREBRO_HOME": str(tmp_path / "var")}
    shell = subprocess.Popen(
        ["bash", "-e"], cwd=tmp_path, env=clean_environment(more), text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = shell.communicate(f"{up}\n{PLAIN}{rest}", timeout=240)
        assert shell.returncode == 0, err
        assert (
            "CEREBRO_SCORER_KEYS=" in out and "CEREBRO_CONSOLE_KEYS=" in out and "CLOSED" in out and "OPEN" not in out
        )
        token = next(line for line in out.splitlines() if line.count(".") == 2 and line.startswith("ey"))
        assert len(token) > 100
    finally:
        subprocess.run([sys.executable, "cli.py", "down"], env=clean_environment(more), check=False)
    assert not of_session(shell.pid)
