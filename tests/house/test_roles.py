"""Renaming a feature touches the folder of its definition: nobody else names one by its words."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scv.features import derived, fetcher
from scv.fetchers import roles
from tests.sources import PACKAGES, ROOT, WRITTEN, name, tree

DEFINITIONS = ROOT / "scv" / "fetchers"
OTHERS = [path for path in WRITTEN if DEFINITIONS not in path.parents]
HEADS = "|".join([*fetcher.collect(), derived.PREFIX.removesuffix("__")])
LITERAL = re.compile(rf"\b(?:{HEADS})__\w*")


def named_in(source: ast.Module) -> set[str]:
    """Full names, or the beginnings of some, that stand in its strings (docstrings explain and may)."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(source)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
        if isinstance(node.body[0], ast.Expr)
    }
    strings = (node for node in ast.walk(source) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {one for node in strings if id(node) not in documents for one in LITERAL.findall(node.value)}


def test_features_are_named_by_their_role() -> None:
    found = {name(path): sorted(named_in(tree(path)) - {derived.PREFIX}) for path in OTHERS}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_walk_sees_literals_prefixes_and_f_strings() -> None:
    source = ast.parse('"""orders__spend_91d explained."""\nA = "orders__spend_91d"\nB = f"orders__{A}"\nC = "a__b"')
    assert named_in(source) == {"orders__spend_91d", "orders__"}


def test_a_role_is_a_feature_that_exists() -> None:
    known = set(fetcher.all_features()) | set(derived.collect())
    told = [one for value in vars(roles).values() for one in _names(value)]
    assert len(told) > 30 and {one for one in told if "__" in one} <= known


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if LITERAL.fullmatch(value) else []
    if isinstance(value, dict):
        return [one for each in value.values() for one in _names(each)]
    return [one for each in value for one in _names(each)] if isinstance(value, tuple) else []


RENAMED = {"lifecycle__state": "stands", "lifecycle__delivery_weekday": "comes_on", "orders__days_since": "quiet_days"}
"""By full name, the new name in its fetcher."""
SCRIPT = """
import sys
import numpy as np
from scorer.contact import contact_of
from scv.events import country as countries
from scv.events.calendar import reference, to_us
from scv.features import derived, fetcher
from scv.fetchers import roles
from scv.targets import labels, phase, population, target

state, weekday, silence = sys.argv[1:]
zz, us = countries.load("ZZ"), countries.load("US")
at = reference("2017-09-05", us)
features = {name: np.full(3, np.nan) for name in fetcher.all_features()}
features[state] = np.array(["started", "cancelled", "paused"], dtype=object)
features["rhythm__gap_mean"], features["rhythm__gap_sd"] = np.full(3, 7.0), np.full(3, 2.0)
features[weekday], features[silence] = np.array([1.0, 2.0, np.nan]), np.array([3.0, 20.0, 500.0])
print(list(phase.phase(features, zz)), list(phase.phase(features, us)))
print([list(population.RULES[name](features, zz)) for name in ("cancellation", "pause", "lapse")])
print(contact_of("c", {name: column[1] for name, column in features.items()}, zz, at, "salt"))
known = {weekday: features[weekday]}
boxes = labels._boxes(np.full(3, to_us(at)), known, zz)
print({name: column.to_pylist() for name, column in boxes.items()}, target.get("pause").known == (weekday,))
print([derived.collect()[f"derived__{name}"].values(features).tolist() for name in ("overdue", "overdue_spread")])
print(list(features[target.get("lapse").recency[0]]), silence in roles.RFM)
"""


def told(folder: Path, names: list[str]) -> str:
    call = [sys.executable, "-c", SCRIPT, *names]
    run = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """A copy in which features have other names: nothing outside `scv/fetchers` was touched."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for full_name, new in RENAMED.items():
        own, _, old = full_name.partition("__")
        label = own.capitalize()
        for path in (tmp_path / "scv" / "fetchers").glob("*.py"):
            text = path.read_text("utf-8").replace(f'{label}.column("{old}")', f'{label}.column("{new}")')
            text = text.replace(f'"{full_name}"', f'"{own}__{new}"')
            head, body, tail = text.partition(f"class {label}(Fetcher)")
            body += tail.replace(f"    {old} = ", f"    {new} = ", 1)  # the first after the class line is its own
            path.write_text(head + body, "utf-8")
    return tmp_path


def test_a_renamed_feature_changes_nothing_else(renamed: Path) -> None:
    """Phase, population, contact, labels, baselines and derived features say the same of the same customers."""
    names = [f"{old.partition('__')[0]}__{new}" for old, new in RENAMED.items()]
    assert told(renamed, names) == told(ROOT, list(RENAMED))
