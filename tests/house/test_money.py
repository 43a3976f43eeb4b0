"""Nobody takes a currency to have two digits: money is shown and read by `scv.events.money`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.sources import WRITTEN, name, tree

HUNDREDS = (100, 0.01)
IN_SQL = re.compile(r"[*/] ?100\b(?!\.\d)")


def by_hundreds(source: ast.Module) -> Iterator[int]:
    """Lines that divide by a hundred, in Python or in SQL, or multiply by one; in an f-string that is a percentage."""
    shown = {id(inner) for node in ast.walk(source) if isinstance(node, ast.FormattedValue) for inner in ast.walk(node)}
    for node in ast.walk(source):
        if isinstance(node, ast.BinOp):
            sides = [one.value for one in (node.left, node.right) if isinstance(one, ast.Constant)]
            split = isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
            if any(isinstance(one, str) for one in sides) or not any(one in HUNDREDS for one in sides):
                continue
            if split or (isinstance(node.op, ast.Mult) and id(node) not in shown):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and IN_SQL.search(node.value):
            yield node.lineno


def test_no_money_is_counted_in_hundreds() -> None:
    assert [f"{name(path)}:{line}" for path in WRITTEN for line in by_hundreds(tree(path))] == []


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("a = cents / 100", 1), ("a = price * 100", 1), ("a = 0.01 * cents", 1), ("a = f'{cents / 100:.2f} EUR'", 1),
        ("a = 'SELECT round(price * 100)'", 1), ("a = f'{100 * share:.1f} %'", 0), ("a = '=' * 100", 0),
        ("a = cents / 10**digits", 0), ("a = 100 + b", 0),
    ],
)  # fmt: skip
def test_the_rule_sees_what_it_should(code: str, seen: int) -> None:
    assert len(list(by_hundreds(ast.parse(code)))) == seen
