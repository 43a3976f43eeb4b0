"""Nobody asks the wall clock but scv/events/clock.py and entry points, and nobody loads a pickle.

Ruff bans the plain calls; this also catches the names that reach them another way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import FILES, ROOT, name, tree

CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "time_ns", "localtime", "gmtime"}
UNSAFE = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
CONSTRUCTED = {"fromtimestamp"}  # of a given number: asks no clock


def may_ask(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    return relative.parts[0] == "commands" or relative == Path("scv/events/clock.py")


def clock_calls(module: ast.AST) -> Iterator[str]:
    """`datetime.now()`, `date.today()`, `time.time()`, also as SQL, `datetime.fromtimestamp` excepted."""
    for node in ast.walk(module):
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


def imported(module: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_file_asks_the_wall_clock() -> None:
    """Take `at`, or ask scv.events.clock; for a duration use time.monotonic."""
    assert [f"{name(path)}: {call}" for path in FILES if not may_ask(path) for call in clock_calls(tree(path))] == []


def test_no_file_imports_a_pickle() -> None:
    assert [name(path) for path in FILES if imported(tree(path)) & UNSAFE] == []


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


def test_a_pickle_is_seen_in_either_form() -> None:
    assert imported(ast.parse("import pickle")) & UNSAFE and imported(ast.parse("from dill import loads")) & UNSAFE
