"""A noun per file, and files and functions that fit a screen or a few."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("scv", "streams", "feature_repo", "trainer", "scorer", "console", "rpc", "commands")
FILES = [ROOT / "cli.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]
WRITTEN = [path for path in FILES if not path.stem.endswith(("_pb2", "_pb2_grpc"))]
EMPTY_NAMES = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "base",
    "manager",
    "misc",
    "core",
    "lib",
    "tools",
    "stuff",
}
FILE_LINES = 300
FUNCTION_LINES = 45

each_file = pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))


@each_file
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES, "split it: one noun per file"


@each_file
def test_a_file_is_named_for_what_it_holds(path: Path) -> None:
    assert not EMPTY_NAMES & set(path.stem.split("_")), "the name says nothing about the content"


@each_file
def test_a_function_is_short(path: Path) -> None:
    """A longer one needs a reason: `# long: …` on the line above."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            excused = lines[first - 2].strip().startswith("# long: ") if first > 1 else False
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert excused or length <= FUNCTION_LINES, f"{node.name} has {length} lines: split it"


@each_file
def test_a_file_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    first = next((node for node in tree.body if isinstance(node, ast.ClassDef)), None)
    said = ast.get_docstring(tree) or (first and "fetchers" in path.parts and ast.get_docstring(first))
    assert said, "the docstring states the contract; in scv/fetchers the first class's does"
