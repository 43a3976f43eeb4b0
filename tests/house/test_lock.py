"""The lock pins everything by hash, names no address, and every dependency says why it is there."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
OURS, BENCH, MLFLOW = "requirements.lock", "bench/requirements.lock", "deploy/mlflow.lock"
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in (OURS, BENCH, MLFLOW)}
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)


def lock_part() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lock_part", ROOT / "deploy/lock_part.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BLOCKS: dict[str, dict[str, str]] = {name: lock_part().blocks(lock) for name, lock in LOCKS.items()}


def declared() -> list[str]:
    """Every requirement that pyproject.toml states."""
    project = PROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    return [need for group in groups for need in group] + PROJECT["build-system"]["requires"]


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
def test_no_lock_names_an_address(lock: str) -> None:
    assert "://" not in lock
    assert not re.search(r"^\s*-(-index|-extra|-find|i |f )", lock, flags=re.MULTILINE)
    assert " @ " not in lock


@pytest.mark.parametrize(("lock", "least"), [(OURS, 100), (BENCH, 4), (MLFLOW, 50)])
def test_every_pin_has_hashes(lock: str, least: int) -> None:
    assert len(BLOCKS[lock]) > least
    for name, block in BLOCKS[lock].items():
        for pin in re.split(r"^(?=[a-z0-9])", block, flags=re.MULTILINE)[1:]:
            assert re.fullmatch(
                r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+( ; [^\n]+?)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", pin
            ), name


def test_every_requirement_is_locked() -> None:
    """Run `make lock`."""
    others = [need for need in declared() if not need.startswith(lock_part().OURS)]
    names = [lock_part().normal(re.split(r"[\[<>=~! ]", need, maxsplit=1)[0]) for need in others]
    assert [name for name in names if not any(name in blocks for blocks in BLOCKS.values())] == []


def test_what_the_bench_pins_it_pins_as_we_do() -> None:
    """The bench's packages are installed beside the others. Run `make lock`."""
    every, some = BLOCKS[OURS], BLOCKS[BENCH]
    versions = {name: set(re.findall(r"==([^ ]+)", block)) for name, block in some.items() if name in every}
    assert versions and all(found == set(re.findall(r"==([^ ]+)", every[name])) for name, found in versions.items())


def test_every_dependency_has_a_reason() -> None:
    """Say why, beside it."""
    head = TEXT[: TEXT.index("[tool.")].splitlines()
    stated = [line for line in head if re.match(r'    "[A-Za-z0-9-]+[^"]*",', line)]
    assert len(stated) > 40
    assert [line.strip() for line in stated if not re.search(r",\s+# \w+", line)] == []


def test_every_dependency_is_on_its_own_line() -> None:
    """So that the reason above is that dependency's."""
    lines = [line.strip() for line in TEXT.splitlines()]
    for need in declared():
        if need not in PROJECT["build-system"]["requires"]:
            assert any(line.startswith(f'"{need}",') for line in lines), need


def test_the_pages_of_mlflow_read_what_our_mlflow_writes() -> None:
    """Another release lays out its tables otherwise. Run `make lock`."""
    (ours,), (theirs,) = (
        re.findall(r"^mlflow-skinny==(\S+)", BLOCKS[name]["mlflow-skinny"], re.M) for name in (OURS, MLFLOW)
    )
    assert ours == theirs
