"""`cerebro test`: what it compares, what it says, and that it fails where it must."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proof.naive import own
from scv.features.fetcher import Fetcher
from scv.folds import Count
from tests.flow.session import clean_environment
from tests.project.shop import Project
from tests.sources import ROOT

pytestmark = pytest.mark.timeout(300)


class Probe(Fetcher):
    """Letters."""

    family = "mail"
    sent = Count(kinds=("sent",)).over(28)


def test_it_compares_each_fetcher_and_runs_the_tests(made: Project) -> None:
    done = made.run("test")
    told = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()[1:]}
    assert set(told) == {"baskets", "upgrade"}
    assert told["baskets"][0] == "fetcher over orders" and int(told["baskets"][1]) > 10_000
    assert told["upgrade"][0] == "target" and int(told["upgrade"][1]) > 100
    assert {one[2] for one in told.values()} == {"0"}
    assert re.search(r"0 mismatches of [\d,]+ values: batch SQL and streamed rows, populations and labels", done.stderr)
    assert "2 passed" in done.stderr


def test_another_seed_makes_other_worlds(made: Project) -> None:
    one, other = (made.run("test", "--only-parity", "--seed", seed).stdout for seed in ("1", "2"))
    assert one != other and "passed" not in one


def test_a_fold_whose_sql_is_wrong_is_found(made: Project) -> None:
    """The SQL of Max takes the smallest."""
    script = (
        "import sys, cli\nfrom scv.folds import Max\n"
        "Max.sql_merges = 'min'\n"
        "sys.exit(cli.main(['test', '--only-parity']))"
    )
    environment = clean_environment({"PYTHONPATH": str(ROOT)})
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=made.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert re.search(r"baskets__largest_\w+ (batch|row).* is not ", done.stderr)


def test_a_label_that_looks_too_far_is_found(made: Project) -> None:
    """The product's horizon is three weeks longer."""
    script = (
        "import sys, cli\nfrom scv.targets.target import Clause\n"
        "right = Clause.window\n"
        "Clause.window = lambda self, country: (right(self, country)[0], right(self, country)[1] + 21)\n"
        "sys.exit(cli.main(['test', '--only-parity']))"
    )
    environment = clean_environment({"PYTHONPATH": str(ROOT)})
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=made.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and re.search(r"upgrade label.* is not ", done.stderr), done.stderr


def test_a_test_of_ones_own_that_fails_is_an_exit_of_1(project: Project) -> None:
    project.write("tests/test_mine.py", "def test_mine() -> None:\n    assert 1 == 2\n")
    assert "1 failed" in project.run("test", code=1).stderr


def test_without_fetchers_nothing_is_compared_and_said(project: Project) -> None:
    for room in ("fetchers", "derived", "targets", "tests"):
        shutil.rmtree(project.folder / room)
    assert "nothing was compared" in project.run("test").stderr


def test_outside_a_project_it_says_how_to_make_one(made: Project, tmp_path: Path) -> None:
    assert "cerebro init" in made.run("test", code=2, cwd=tmp_path).stderr


def test_too_little_proves_nothing() -> None:
    tally = own.compare([Probe], [], seed=3)
    assert own.lacking(["probe"], tally) == [] and tally.wrong == []
    assert own.lacking(["probe", "sealed"], tally) == ["sealed"], "of which nothing was compared"
