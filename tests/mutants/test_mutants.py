"""Every mutant still applies to the source as it is, and the court tells a fault that was seen from one that was not.

`make mutants` tries them; it takes minutes, and this does not.
"""

from __future__ import annotations

import ast
import shutil
from collections import Counter
from pathlib import Path

import pytest

from scv.errors import UserError
from tests.mutants import witness
from tests.mutants.mutant import ROOT, Mutant, MutantLost, load
from tests.mutants.tree import Tree
from tests.mutants.trial import ControlFailed, Court

MUTANTS = load()
SUBJECTS = {
    "admission": "scv/events/admission.py",
    "folds": "scv/folds/",
    "windows": "scv/folds/fold.py",
    "fences": "scv/online/scripts.py",
    "markers": "scv/online/rowstore.py",
    "rows": "scv/online/row.py",
    "calendar": "scv/events/calendar.py",
    "targets": "scv/targets/target.py",
    "labels": "scv/targets/labels.py",
    "populations": "scv/targets/population.py",
    "phases": "scv/targets/phase.py",
    "partitions": "scv/events/partition.py",
    "clock": "scv/events/clock.py",
    "watermarks": "scv/offline/lake.py",
    "layout": "scv/features/layout.py",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_a_mutant_applies_to_the_source_as_it_is(mutant: Mutant) -> None:
    ast.parse(mutant.apply((ROOT / mutant.file).read_text(encoding="utf-8")))
    assert mutant.rule and mutant.killers
    for killer in mutant.killers:
        file, _, function = killer.partition("::")
        assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8"), f"{killer} is gone: name another test"


def test_there_are_enough_and_each_subject_has_some() -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert len(names) >= 20 and set(names.values()) == {1}
    files = [mutant.file for mutant in MUTANTS]
    assert {what for what, where in SUBJECTS.items() if not any(file.startswith(where) for file in files)} == set()


def test_a_mutant_whose_text_is_gone_or_comes_twice_is_named() -> None:
    lost = Mutant(name="lost", file="scv/x.py", old="a < b", new="a <= b", rule="less", killers=("tests/x.py",))
    assert lost.apply("a < b") == "a <= b"
    for source, times in (("a > b", 0), ("a < b or a < b", 2)):
        with pytest.raises(MutantLost, match=rf"lost.*{times} times.*scv/x\.py"):
            lost.apply(source)
    assert issubclass(MutantLost, UserError)


# -- the court, over a small source of its own -------------------------------------------------------------------

THING = "def double(n: int) -> int:\n    return n + n\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs of this file need none of the plugins, which take a second to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    folder = tmp_path_factory.mktemp("tree").resolve()
    for name, text in {
        "scv/__init__.py": "",
        "scv/thing.py": THING,
        "tests/test_own.py": "from scv.thing import double\n\ndef test_own() -> None:\n    assert double(2) == 4\n",
        "tests/test_other.py": "from scv.thing import double\n\ndef test_other() -> None:\n    assert double(3) == 6\n",
        "tests/test_red.py": "def test_red() -> None:\n    assert False\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "tests/mutants").mkdir()
    shutil.copyfile(witness.__file__, folder / "tests/mutants/witness.py")
    return Tree(folder)


@pytest.mark.parametrize(
    ("new", "verdict", "by", "expected"),
    [
        ("n * n * n", "killed", "tests/test_own.py::test_own", True),
        ("n * n", "killed", "tests/test_other.py::test_other", False),
        ("2 * n", "SURVIVED", "", False),
        ("n + m", "BROKEN", "tests/test_own.py::test_own", True),
        ("n +", "BROKEN", "tests/test_own.py", True),
    ],
)
def test_the_court_judges(tree: Tree, new: str, verdict: str, by: str, expected: bool) -> None:
    """Seen by its own test, by another, by none; and what dies without being read was not seen by anybody."""
    court = Court(suite=["tests/test_own.py", "tests/test_other.py"])
    mutant = Mutant(
        name="one", file="scv/thing.py", old="n + n", new=new, rule="doubles", killers=("tests/test_own.py",)
    )
    found = court.try_one(tree, mutant)
    assert (found.verdict, found.by, found.expected) == (verdict, by, expected)
    assert (tree.folder / "scv/thing.py").read_text(encoding="utf-8") == THING


def test_a_suite_that_is_red_without_a_fault_judges_nothing(tree: Tree) -> None:
    assert Court().control(tree, ["tests/test_own.py"]).scv == str(tree.folder / "scv/__init__.py")
    with pytest.raises(ControlFailed, match=r"tests/test_red\.py::test_red"):
        Court().control(tree, ["tests"])


def test_modules_of_another_folder_prove_nothing(tree: Tree, tmp_path: Path) -> None:
    """A tree without our package would be judged by the installed one."""
    (tmp_path / "tests/mutants").mkdir(parents=True)
    (tmp_path / "tests/test_thing.py").write_text("import scv\n\ndef test() -> None:\n    pass\n", encoding="utf-8")
    shutil.copyfile(witness.__file__, tmp_path / "tests/mutants/witness.py")
    with pytest.raises(ControlFailed, match="tested other files"):
        Court().control(Tree(tmp_path), ["tests/test_thing.py"])
