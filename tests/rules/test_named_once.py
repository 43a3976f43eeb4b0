"""What is looked up by name has one owner: a second of one name is refused with both places, never kept instead."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scv.errors import BadSetting, UnknownName, named
from scv.events import event
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.folds import FOLDS, Count
from tests.sources import PACKAGES, ROOT

HERE = "tests.rules.test_named_once"


def declared(name: str = "Letters", module: str = HERE, **body: Any) -> type[Fetcher]:
    """A fetcher as a newcomer's file declares it."""
    return type(Fetcher)(name, (Fetcher,), {"__doc__": "Letters.", "__module__": module, "family": "mail"} | body)


def test_a_second_class_of_one_name_is_refused_with_both_places() -> None:
    before = dict(fetcher.collect())
    with pytest.raises(BadSetting, match=r"(?s)two fetchers `mail`.*fetchers/mail\.py:\d+.*test_named_once\.py:\d+"):
        declared("Mail", module="scv.fetchers.letters", sent=Count())
    fetcher.collect.cache_clear()
    assert fetcher.collect() == before


def test_a_newcomers_file_that_takes_a_name_is_told_on_the_command_line(tmp_path: Path) -> None:
    """In a copy: exit 2, both files, and no feature of `mail` has gone."""
    for name in PACKAGES:
        if name != "scv":
            (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scv", tmp_path / "scv", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "cli.py", tmp_path / "cli.py")  # not a link: Python looks beside the script itself
    folder = tmp_path / "scv"
    (folder / "fetchers" / "letters.py").write_text(
        "from scv.features.fetcher import Fetcher\nfrom scv.folds import Count\n\n\n"
        'class Mail(Fetcher):\n    """Letters."""\n\n    family = "mail"\n    sent = Count(kinds=("sent",))\n',
        "utf-8",
    )
    told = subprocess.run(
        [sys.executable, "cli.py", "catalogue", "mail"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(tmp_path), "CEREBRO_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert (told.returncode, told.stdout) == (2, ""), told.stderr
    assert "fetchers/letters.py:5" in told.stderr and "fetchers/mail.py:" in told.stderr


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"count": Count().each(7), "count_7d": Count()}, r"two features `count_7d`.*count.*count_7d"),
        ({"count_7d": Count(), "count": Count().each(7)}, r"two features `count_7d`.*count_7d.*count"),
        ({"count_w": Count(), "count": Count().each_week(2), "count_w1": Count().over(7)}, r"two features `count_w1`"),
    ],
)
def test_two_features_of_one_name_are_refused(body: dict[str, Any], told: str) -> None:
    with pytest.raises(BadSetting, match=told):
        declared(**body)


@pytest.mark.parametrize("family", [None, 5, ("mail",)])
def test_no_family_is_told_with_those_there_are(family: Any) -> None:
    body = {"sent": Count()} | ({"family": family} if family is not None else {})
    found = {"__doc__": "Letters.", "__module__": HERE, **body}
    with pytest.raises(BadSetting, match=r"Letters.*family.*mail.*test_named_once\.py:\d+"):
        type(Fetcher)("Letters", (Fetcher,), found)


def test_an_unknown_family_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"family 'mial'.*mail.*test_named_once\.py:\d+"):
        declared(family="mial", sent=Count())


@pytest.mark.parametrize(
    ("name", "body"),
    [("Mail_Again", {"sent": Count()}), ("Letters", {"sent__often": Count()}), ("Derived", {"a": Count()})],
)
def test_a_name_that_could_be_another_full_name_is_refused(name: str, body: dict[str, Any]) -> None:
    """`a__b` + `c` and `a` + `b__c` would be one column; `derived__…` is taken."""
    with pytest.raises(BadSetting):
        declared(name, **body)


def test_full_names_are_one_each() -> None:
    listed = [one.full_name for each in fetcher.collect().values() for one in each.features]
    assert len(listed) == len(set(listed)) == len(fetcher.all_features())


def test_named_refuses_the_second() -> None:
    assert named("target", [("a", 1), ("b", 2)]) == {"a": 1, "b": 2}
    with pytest.raises(BadSetting, match="two targets `a`"):
        named("target", [("a", 1), ("b", 2), ("a", 3)])


def test_folds_and_kinds_have_one_name_each() -> None:
    assert len({fold.__name__ for fold in FOLDS}) == len(FOLDS), "a row's states are kept by the fold's name"
    tags = [event.tag(one) for kinds in event.FAMILIES.values() for one in kinds]
    assert len(tags) == len(set(tags)), "family_of would answer with the first"


@pytest.mark.parametrize("family", event.FAMILIES)
def test_a_payload_field_has_one_type_in_its_family(family: str) -> None:
    """`fields` keeps one type by name."""
    for kind in event.kinds(family):
        own = event.payload(kind)
        assert {name: event.fields(family)[name] for name in own} == own
