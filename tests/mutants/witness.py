"""What one pytest run saw, for the process that started it: a plugin, `-p tests.mutants.witness`.

It writes JSON to the file that WITNESS names, and it says where our packages were loaded from: a run that took them
from anywhere but its own folder proves nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

WITNESS = "CEREBRO_TEST_WITNESS"
PACKAGES = (
    "scv", "streams", "store", "feature_repo", "trainer", "scorer", "rpc", "proof", "local", "terminal", "operation",
    "commands", "cli", "tests",
)  # fmt: skip
NO_FAULT = {
    "SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError", "NameError", "UnboundLocalError",
    "ParserException", "BinderException", "CatalogException", "NoScriptError",
}  # fmt: skip
"""What a text that is not even Python, SQL or Lua dies of."""

TIMED_OUT = ("Timeout", "Query interrupted")
"""What pytest-timeout says, and what DuckDB says when it is interrupted by it."""


class Seen(msgspec.Struct, kw_only=True):
    """How a run went. `broken`: a test died because the source could not be read, or before it was collected."""

    scv: str = ""
    elsewhere: list[str] = []
    passed: int = 0
    failed: str = ""
    error: str = ""
    broken: bool = False
    timed_out: bool = False


_seen, _HERE = Seen(), Path.cwd().resolve()


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _fail(report.nodeid, str(report.longrepr).strip().splitlines()[-1:], broken=True)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.excinfo is None:
        _seen.passed += call.when == "call"
    elif not call.excinfo.errisinstance(pytest.skip.Exception):
        leaves = list(_leaves(call.excinfo.value))
        said = f"{type(leaves[0]).__name__}: {leaves[0]}".splitlines()
        timed_out = any(str(leaf).startswith(TIMED_OUT) for leaf in leaves)
        _fail(item.nodeid, said, broken=all(map(_unreadable, leaves)), timed_out=timed_out)


def pytest_sessionfinish() -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name.partition(".")[0] in PACKAGES and _HERE not in Path(file).resolve().parents:
            _seen.elsewhere.append(file)
    _seen.scv = getattr(sys.modules.get("scv"), "__file__", None) or ""
    Path(os.environ[WITNESS]).write_bytes(msgspec.json.encode(_seen))


def _fail(test: str, said: list[str], broken: bool = False, timed_out: bool = False) -> None:
    if not _seen.failed:
        _seen.failed, _seen.error = test, " ".join(said)[:300]
        _seen.broken, _seen.timed_out = broken, timed_out


def _leaves(error: BaseException) -> Any:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _unreadable(error: BaseException) -> bool:
    return type(error).__name__ in NO_FAULT or "compiling script" in str(error)
