"""No key of the store is spelt where it is used: `scv/online/keys.py` makes all, and puts the prefix before them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import redis

from tests.sources import WRITTEN, name, tree

COMMANDS = {one for one in vars(redis.Redis) | vars(redis.client.Pipeline) if one.islower() and one[0] != "_"} | {
    one for kind in redis.Redis.__mro__ for one in vars(kind) if one.islower() and one[0] != "_"
}
OF_NO_KEY = {"info", "pipeline", "exchange", "register_script", "execute_command", "eval", "config_get", "config_set"}
EMPTYING = {"flushdb", "flushall"}
CLIENTS = {"client", "_client", "pipe"}


def spelt(path: Path) -> list[str]:
    """Calls of a client whose key or pattern is written out, or that empty the database for everybody."""
    found = []
    for node in ast.walk(tree(path)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = ast.unparse(node.func.value).rpartition(".")[2]
        if owner not in CLIENTS or node.func.attr not in COMMANDS - OF_NO_KEY:
            continue
        given = [*node.args[:1], *(word.value for word in node.keywords if word.arg in {"match", "name", "pattern"})]
        if node.func.attr in EMPTYING or any(isinstance(one, ast.Constant | ast.JoinedStr) for one in given):
            found.append(f"{name(path)}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_no_key_is_spelt_where_it_is_used() -> None:
    found = [one for path in WRITTEN for one in spelt(path)]
    assert not found, "\n".join(["make it with scv.online.keys.Keys:", *found])


@pytest.mark.parametrize(
    "line",
    [
        'client.set("generation", 2)',
        'self._client.get(f"lock:{name}")',
        'store.client.scan_iter(match="pos:*")',
        "client.flushdb()",
    ],
)
def test_it_would_be_seen(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.house.test_keys.name", str)
    path = tmp_path / "found.py"
    path.write_text(line, encoding="utf-8")
    assert len(spelt(path)) == 1
