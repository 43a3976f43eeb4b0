"""Nobody asks the wall clock but scv/clock.py and entry points, and nobody loads a pickle.

Ruff bans the plain calls; this also catches the names that reach them another way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("scv", "streams", "feature_repo", "trainer", "scorer", "console", "rpc", "commands")
FILES = [ROOT / "cli.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "time_ns", "localtime", "gmtime"}
UNSAFE = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
CONSTRUCTED = {"fromtimestamp"}  # of a given number: asks no clock


def may_ask(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    return relative.parts[0] == "commands" or relative == Path("scv/clock.py")


def clock_calls(tree: ast.AST) -> Iterator[str]:
    """`datetime.now()`, `date.today()`, `time.time()`, also as SQL, `datetime.fromtimestamp` excepted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            asks = node.attr in CLOCKS - CONSTRUCTED or (owner, node.attr) == ("time", "time")
            if asks and owner in {"datetime", "date", "time", "dt", "pd", "Timestamp", "pendulum"}:
                yield f"line {node.lineno}: {owner}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (
                f"line {node.lineno}: from time import {name.name}"
                for name in node.names
                if name.name in {"time", "time_ns"}
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value.lower()
            yield from (
                f"line {node.lineno}: SQL {word}"
                for word in ("current_timestamp", "current_date", "now()")
                if is_sql(text, word)
            )


def is_sql(text: str, word: str) -> bool:
    return word in text and ("select " in text or "where " in text)


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_asks_the_wall_clock(path: Path) -> None:
    found = list(clock_calls(ast.parse(path.read_text(encoding="utf-8"))))
    assert may_ask(path) or not found, "take `at`, or ask scv.clock; for a duration use time.monotonic"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_imports_a_pickle(path: Path) -> None:
    assert not imported(ast.parse(path.read_text(encoding="utf-8"))) & UNSAFE


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ("datetime.now(UTC)", True),
        ("datetime.datetime.utcnow()", True),
        ("date.today()", True),
        ("time.time()", True),
        ("from time import time", True),
        ("query('SELECT now()')", True),
        ("datetime.fromtimestamp(3, UTC)", False),
        ("time.monotonic()", False),
        ("clock.now()", False),
    ],
)
def test_the_test_sees_what_it_should(code: str, asks: bool) -> None:
    assert bool(list(clock_calls(ast.parse(code)))) is asks
