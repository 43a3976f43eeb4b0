"""What a fresh process loads: the domain no infrastructure, the command line nothing it does not use."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT

HEAVY = {
    "aiokafka", "confluent_kafka", "faust", "feast", "grpc", "lightgbm", "matplotlib", "mode", "optuna", "pandas",
    "redis", "sklearn",
}  # fmt: skip
LANGUAGE = {
    "__future__", "scv.events.event", "scv.features.derived", "scv.features.fetcher", "scv.folds.fold", "scv.folds",
}  # fmt: skip
"""What a file in scv/fetchers may import: the words that definitions are written in."""


def loaded_by(code: str) -> set[str]:
    """Top-level modules in sys.modules of a fresh process after `code`."""
    script = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def domain() -> list[str]:
    paths = sorted((ROOT / "scv").rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]


def test_the_domain_loads_no_infrastructure() -> None:
    """All of scv at once; the import contracts say the same of each file."""
    loaded = loaded_by("\n".join(f"import {module}" for module in domain()))
    assert not loaded & (HEAVY | set(PACKAGES) - {"scv"})


@pytest.mark.parametrize("code", ["import cli", "import cli; cli.main(['--help'])"])
def test_the_command_line_loads_nothing_it_does_not_use(code: str) -> None:
    loaded = loaded_by(f"import contextlib, os\nwith contextlib.redirect_stdout(open(os.devnull, 'w')):\n    {code}")
    assert not loaded & (HEAVY | {"duckdb", "deltalake", "numpy", "pyarrow"})


COMMANDS = re.compile(r"^\s*(?:from|import) commands\b", re.MULTILINE)
REACH_IN = {"test_parity_causes.py"}
"""Tests of functions that still live in a command."""


def test_tests_meet_commands_on_the_command_line() -> None:
    """Why: what a test must reach is no edge's glue, and belongs in a room."""
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    reaching = {path.name for path in files if COMMANDS.search(path.read_text(encoding="utf-8"))}
    assert len(files) > 100 and reaching <= REACH_IN


@pytest.mark.parametrize("path", sorted((ROOT / "scv/fetchers").glob("*.py")), ids=lambda path: path.name)
def test_definitions_import_the_definition_language_only(path: Path) -> None:
    """Why: a definition that could look around would not be the same number everywhere."""
    if path.name == "__init__.py":
        pytest.skip("collects the definitions")
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
        if isinstance(node, ast.Import):
            imported.update(name.name for name in node.names)
    if path.name == "roles.py":
        assert all(module.startswith("scv.fetchers.") for module in imported), "it points at definitions, and no more"
        return
    assert imported <= LANGUAGE, "a definition is data: move what it needs into a fold or a form of derived features"
