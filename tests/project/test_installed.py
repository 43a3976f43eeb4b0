"""README's section about a project, followed from an empty folder: a fresh environment, the built wheel, no checkout.

The wheel's dependencies are those of this environment, lent by a path file: nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flow.pages import blocks
from tests.flow.session import clean_environment, linux
from tests.sources import ROOT

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(900)]
PAGE, SECTION = "README.md", "Your shop is a project"
PIP = re.compile(r"^\.venv/bin/pip install .*$", re.M)
TRAP = """trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR\n"""


@dataclass(frozen=True)
class Walk:
    """Where it was walked, and what was said."""

    folder: Path
    out: str
    err: str


def run(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=clean_environment({"UV_OFFLINE": "1"}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but a fresh environment that holds the wheel."""
    folder = tmp_path_factory.mktemp("empty")
    wheels = tmp_path_factory.mktemp("wheels")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=ROOT)
    (wheel,) = wheels.glob("*.whl")
    uv = str(Path(sysconfig.get_path("scripts")) / "uv")
    run(uv, "venv", "--python", sys.executable, ".venv", cwd=folder)
    python = str(folder / ".venv" / "bin" / "python")
    run(uv, "pip", "install", "--python", python, "--no-deps", "--no-index", str(wheel), cwd=folder)
    (packages,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def walk(empty: Path) -> Iterator[Walk]:
    (block,) = blocks(PAGE, "bash", SECTION)
    script, count = PIP.subn("", block.text)
    assert count == 1 and script.endswith("cerebro down\n")
    trap = empty / ".trap"
    trap.write_text(TRAP, encoding="utf-8")
    done = subprocess.run(
        ["bash"], cwd=empty, env=clean_environment({"BASH_ENV": str(trap)}), input=script, capture_output=True,
        text=True, timeout=800, check=False,
    )  # fmt: skip
    yield Walk(empty, done.stdout, done.stderr)


def test_nothing_is_of_the_checkout(empty: Path) -> None:
    script = "import cli, scv, local, feature_repo; print(cli.__file__, scv.__file__, local.__file__)"
    said = run(str(empty / ".venv" / "bin" / "python"), "-c", script, cwd=empty)
    assert str(ROOT) not in said and said.count("site-packages") == 3


def test_every_line_works(walk: Walk) -> None:
    assert re.findall(r"^FAILED: .*$", walk.err, re.M) == [], walk.err
    assert "Traceback" not in walk.err and "This is a bug" not in walk.err


def test_the_project_is_proved_and_scored(walk: Walk) -> None:
    assert re.search(r"^baskets\tfetcher over orders\t\d{4,}\t0$", walk.out, re.M)
    assert "upgrade" in walk.out and "cancellation" in walk.out
    assert (walk.folder / "myshop" / "var" / "bundles" / "NL" / "upgrade" / "champion.json").is_file()
    header = (walk.folder / "myshop" / "today.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "baskets__largest_28d" in header and "derived__basket_growth" in header


def test_data_of_every_kind_is_in_the_wheel(empty: Path) -> None:
    (packages,) = (empty / ".venv" / "lib").glob("python*/site-packages")
    data = {path.suffix for path in packages.rglob("*") if path.is_file() and not path.is_symlink()}
    assert {".toml", ".proto", ".yaml", ".css", ".js", ".html", ".yml", ".md"} <= data
    assert os.access(packages / "local" / "project" / "files" / "env.example", os.R_OK)
