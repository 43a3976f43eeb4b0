"""README's section about a live country, followed as it stands: history, wall time, live orders, Tuesday's file."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.pages import blocks, text
from tests.flow.session import clean_environment, linux

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(420)]
PAGE, SECTION = "README.md", "Live"
TRAP = """trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR\n"""


def test_every_line_works_and_tuesdays_file_is_there(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (toml,), (program,), (script,) = (blocks(PAGE, language, SECTION) for language in ("toml", "python", "bash"))
    target = re.findall(r"write `([^`]+/NL\.toml)`", text(PAGE))[0]
    (tmp_path / target).parent.mkdir(parents=True)
    (tmp_path / target).write_text(toml.text, encoding="utf-8")
    (tmp_path / "shop.py").write_text(program.text, encoding="utf-8")
    (tmp_path / ".trap").write_text(TRAP, encoding="utf-8")
    environment = clean_environment({"BASH_ENV": str(tmp_path / ".trap")})
    done = subprocess.run(
        ["bash"], cwd=tmp_path, env=environment, input=script.text, capture_output=True, text=True, timeout=400,
        check=False,
    )  # fmt: skip
    assert re.findall(r"^FAILED: .*$", done.stderr, re.M) == [] and "Traceback" not in done.stderr, done.stderr
    pointer = json.loads((tmp_path / "var" / "exports" / "NL" / "latest.json").read_bytes())
    (sheet,) = (tmp_path / "var" / "exports" / "NL").glob("20*/*.xlsx")
    assert sheet.parent.name in str(pointer)
    with (tmp_path / "today.csv").open(encoding="utf-8") as file:
        today = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert len(today) > 800 and today["live-1"]["orders__days_since"] == "0"
