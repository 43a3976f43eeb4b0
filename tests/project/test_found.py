# ruff: noqa: E501 - tables read better in lines
"""Definitions of a project are found by lying there, by every command; what cannot be used is told with its line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from scv import project as projects
from scv.errors import BadSetting, UserError
from scv.events import country as countries
from scv.features import derived, fetcher
from scv.model import vector
from scv.targets import target
from tests.project.shop import Project

FETCHER = '''from scv.features.fetcher import Fetcher
from scv.folds import Count


class {name}(Fetcher):
    """Letters."""

    family = "mail"
    sent = Count(kinds=("sent",), doc="Letters sent.", unit="letters").over(28)
'''
DERIVED = """from scv.features.derived import Derived, Over

DERIVED = (
    Derived("{name}", Over("{input}", "orders__count_91d"), "{doc}"),
)
"""
TARGET = """from scv.targets.population import Among
from scv.targets.target import Clause, Target

ONE = Target(
    "{name}",
    basis="recorded",
    template="an order within {{horizon_days}} days",
    horizon="{horizon}",
    clauses=(Clause("{family}", ("placed",), "horizon_days"),),
    among=({among},),
)
"""
GOOD = {"name": "splurge", "horizon": "horizon_days", "family": "orders"}
AMONG = 'Among("orders__days_since", "<=", "active_days", "no order lately")'


def catalogued(done: str) -> set[str]:
    return {one["fetcher"] for one in json.loads(done)} | {one["name"] for one in json.loads(done)}


MINE = {"baskets", "baskets__largest_28d", "derived__basket_growth", "derived__basket_spread"}


def test_the_catalogue_has_them_after_ours(made: Project) -> None:
    listed = json.loads(made.run("catalogue", "--json").stdout)
    assert {one["name"] for one in listed} | {one["fetcher"] for one in listed} >= MINE
    growth = next(one for one in listed if one["name"] == "derived__basket_growth")
    assert growth["fold"] == "baskets__largest_28d / baskets__largest_182d" and growth["fetcher"] == "derived"
    assert "orders__days_since" in {one["name"] for one in listed} and "derived__overdue" in {
        one["name"] for one in listed
    }


def test_the_page_is_written_into_the_project(project: Project) -> None:
    project.run("catalogue", "--write", cwd=project.folder / "fetchers")
    page = (project.folder / "docs" / "features.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in MINE if "__" in name)
    project.run("catalogue", "--check")


def test_from_below_and_from_anywhere_if_it_is_named(made: Project, tmp_path: Path) -> None:
    assert catalogued(made.run("catalogue", "--json", cwd=made.folder / "countries").stdout) >= MINE
    assert not catalogued(made.run("catalogue", "--json", cwd=tmp_path).stdout) & MINE
    named = made.run("catalogue", "--json", cwd=tmp_path, more={"CEREBRO_PROJECT": str(made.folder)})
    assert catalogued(named.stdout) >= MINE


def test_a_project_that_is_named_and_is_none(made: Project, tmp_path: Path) -> None:
    told = made.run("catalogue", code=2, more={"CEREBRO_PROJECT": str(tmp_path)}).stderr
    assert str(tmp_path) in told and "cerebro init" in told


def test_countries_are_found_and_their_targets_known(made: Project) -> None:
    (ours,) = (one for one in json.loads(made.run("countries", "--json").stdout) if one["code"] == "NL")
    assert ours["targets"] == ["cancellation", "upgrade"]
    said = made.python(
        "from scv import settings\nfrom scv.events import country\nfrom scv.targets import target\n"
        "place = country.load('NL', settings.load().countries_path)\n"
        "print([one.name for one in target.of_country(place)], target.get('upgrade').sentence(place))"
    )
    assert "['cancellation', 'upgrade']" in said and "in the next 28 days" in said


def test_feast_has_a_view_of_each(made: Project) -> None:
    said = made.python(
        "from feature_repo.views import catalogue\nfrom feature_repo.home import settings\n"
        "found = catalogue(settings())\n"
        "print([one.name for one in found['baskets_view'].features], settings().home)\n"
        "print('baskets' in [one.name for one in found['scv'].feature_view_projections])"
    )
    assert "largest_28d" in said and str(made.folder / "var") in said and said.endswith("True\n")


def test_the_canarys_process_knows_them(made: Project) -> None:
    """It works in another folder."""
    said = made.python(
        "import os, subprocess, sys\nfrom scv import project\nproject.stay()\n"
        "print(subprocess.run([sys.executable, '-c', 'from scv.features import fetcher; print(len(fetcher.own()))'],"
        " cwd='/', capture_output=True, text=True).stdout)"
    )
    assert said.strip() == "1"


def test_neighbours_share_what_begins_with_an_underscore(project: Project) -> None:
    project.write("fetchers/_sizes.py", "LARGE = 5000\n")
    text = (project.folder / "fetchers" / "baskets.py").read_text(encoding="utf-8")
    shared = text.replace("from scv.folds", "from cerebro_project.fetchers._sizes import LARGE\nfrom scv.folds", 1)
    project.write("fetchers/baskets.py", shared.replace('">=", 5000', '">=", LARGE'))
    assert catalogued(project.run("catalogue", "--json").stdout) >= MINE


# -- what cannot be used -------------------------------------------------------------------------------------
BROKEN = {
    "a syntax error": ("fetchers/a.py", "x = (\n", r"fetchers/a\.py:1: SyntaxError.*Mend it"),
    "a mistake of its own": ("fetchers/a.py", "\n\nx = nothing\n", r"fetchers/a\.py:3: NameError.*nothing.*Mend it"),
    "a way out": ("fetchers/a.py", "raise SystemExit(0)\n", r"fetchers/a\.py:1: SystemExit"),
    "a program": ("derived/a.py", "import os\n", r"derived/a\.py:1: a definition is data and imports no os"),
    "a relative import": ("fetchers/a.py", "from . import baskets\n", r"fetchers/a\.py:1: a definition is data"),
    "a name of ours": ("fetchers/a.py", FETCHER.format(name="Mail"), r"two fetchers `mail`.*fetchers/a\.py:5"),
    "its own name again": ("fetchers/a.py", FETCHER.format(name="Baskets"), r"two fetchers `baskets`.*fetchers/baskets"),
    "an unknown family": (
        "fetchers/a.py", FETCHER.format(name="Post").replace('"mail"', '"mial"'), r"family 'mial'.*mail.*fetchers/a\.py:5"
    ),
    "no docstring": (
        "fetchers/a.py", FETCHER.format(name="Post").replace('"""Letters."""', ""), r"fetchers/a\.py:5: .*needs a docstring"
    ),
    "a class that is no fetcher": ("fetchers/a.py", "class Post:\n    family = 'mail'\n", r"fetchers/a\.py declares none"),
    "a fold of one's own": (
        "fetchers/a.py",
        FETCHER.format(name="Post").replace("\n\nclass Post", "\n\nclass Odd(Count):\n    pass\n\n\nclass Post").replace(
            "sent = Count", "sent = Odd"
        ),
        r"fetchers/a\.py:\d+: feature sent is made of Odd, which is no fold of ours",
    ),
    "a name that cannot be imported": ("fetchers/a-b.py", "", r"fetchers/a-b\.py cannot be imported: rename it"),
    "a derived name of ours": (
        "derived/a.py", DERIVED.format(name="overdue", input="orders__tenure", doc="Old."),
        r"two derived features `overdue`: Cerebro's own and .*derived/a\.py:4",
    ),
    "an input that there is not": (
        "derived/a.py", DERIVED.format(name="odd", input="orders__tenur", doc="Old."), r"derived/a\.py:4: .*orders__tenure"
    ),
    "a derived feature that says nothing": (
        "derived/a.py", DERIVED.format(name="odd", input="orders__tenure", doc=" "), r"derived/a\.py:4: .*says nothing"
    ),
    "a tuple that is empty": ("derived/a.py", "DERIVED = ()\n", r"derived/a\.py declares none"),
}  # fmt: skip


@pytest.fixture
def inside(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project is this process's for a while; what it declared is forgotten afterwards."""
    monkeypatch.delenv(projects.VARIABLE, raising=False)
    declared = dict(fetcher._declared)
    fetcher.collect(), derived.collect(), target.collect()
    monkeypatch.chdir(project.folder)
    _forget()
    yield project
    fetcher._declared.clear()
    fetcher._declared.update(declared)
    _forget()
    for name in [name for name in sys.modules if name.partition(".")[0] == projects.PACKAGE]:
        del sys.modules[name]


def _forget() -> None:
    for collected in (fetcher.collect, derived.collect, target.collect):
        collected.cache_clear()


@pytest.mark.parametrize(("path", "text", "told"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_used_is_told_with_its_line(inside: Project, path: str, text: str, told: str) -> None:
    inside.write(path, text)
    with pytest.raises(UserError) as error:
        derived.collect()
    assert re.search(told, str(error.value), re.S) and str(inside.folder) in str(error.value)


def test_sex_by_another_name_is_no_column_unless_a_country_says_so(inside: Project) -> None:
    inside.write(
        "fetchers/who.py",
        FETCHER.format(name="Who")
        .replace('"mail"', '"profile"')
        .replace('Count(kinds=("sent",)', 'Count(kinds=("set",)'),
    )
    values = {name: np.array([90.0, 5.0]) for name in fetcher.all_features()} | {"who__sent": np.array([7.0, 8.0])}
    us = countries.load("US")
    names = {
        asked: {one.name for one in vector.candidates(values, replace(us, use_age_and_sex=asked))}
        for asked in (False, True)
    }
    assert "who__sent" not in names[False] and "who__sent" in names[True]


def test_it_is_the_callers_mistake_and_nothing_is_printed(project: Project) -> None:
    project.write("fetchers/a.py", FETCHER.format(name="Mail"))
    done = project.run("catalogue", "--json", code=2)
    assert "two fetchers `mail`" in done.stderr and done.stdout == ""


def test_help_and_init_go_on_beside_a_broken_file(project: Project, tmp_path: Path) -> None:
    project.write("fetchers/a.py", "x = (\n")
    project.write("targets/a.py", "x = (\n")
    assert "catalogue" in project.run("--help").stdout
    for name in ("train", "test"):
        assert "Example" in project.run(name, "--help").stdout
    project.run("init", str(tmp_path / "another"))
    project.run("settings")


TARGETS = {
    "a name of ours": (TARGET.format(**{**GOOD, "name": "lapse"}, among=AMONG), r"two targets `lapse`: Cerebro's own and .*a\.py:5"),
    "a setting that there is not": (TARGET.format(**{**GOOD, "horizon": "horizon_day"}, among=AMONG), r"a\.py:4: .*horizon_days"),
    "a family that there is not": (TARGET.format(**{**GOOD, "family": "order"}, among=AMONG), r"a\.py:\d+: .*'orders'"),
    "a feature that there is not": (TARGET.format(**GOOD, among=AMONG.replace("since", "sinc")), r"a\.py:4: .*orders__days_since"),
    "a sign that there is not": (TARGET.format(**GOOD, among=AMONG.replace("<=", "=<")), r"a\.py:4: .*Unknown sign"),
    "a number for a word": (
        TARGET.format(**GOOD, among='Among("lifecycle__state", ">=", 1, "over")'), r"lifecycle__state is a word"
    ),
    "nobody asked about": (TARGET.format(**GOOD, among=""), r"a\.py:\d+: "),
    "a bad name": (TARGET.format(**{**GOOD, "name": "Big Splurge"}, among=AMONG), r"a\.py:5: .*lower case"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), TARGETS.values(), ids=TARGETS)
def test_a_target_that_cannot_be_asked_is_told_with_its_line(inside: Project, text: str, told: str) -> None:
    inside.write("targets/a.py", text)
    with pytest.raises(BadSetting, match=re.compile(told, re.S)):
        target.collect()


def test_a_country_that_lists_a_target_that_there_is_not(project: Project) -> None:
    path = project.folder / "countries" / "NL.toml"
    path.write_text(path.read_text("utf-8").replace('"upgrade"]\n', '"upgrde"]\n'), "utf-8")
    told = project.run("train", "NL", "-d", "2026-01-06", code=2).stderr
    assert "upgrde" in told and "Did you mean 'upgrade'?" in told
