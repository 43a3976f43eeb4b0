"""`cerebro refused` lists what the oracle refuses, with its reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

import cli
from proof.naive import oracle, world
from scv.events import admission, country
from scv.events.event import FAMILIES
from tests.parity import lakes

ZZ = country.load("ZZ")
SEA_ENDS = world.local(world.LAST, ZZ)
NAMES = ("reason", "seen_at", "family", "customer_id", "kind", "id", "occurred_at")


@pytest.fixture(scope="module")
def sea(tmp_path_factory: pytest.TempPathFactory) -> lakes.Sea:
    return lakes.fill(tmp_path_factory.mktemp("sea") / "lake", ZZ, 5, 6, SEA_ENDS)


@pytest.fixture(scope="module")
def expected(sea: lakes.Sea) -> list[tuple[str, ...]]:
    """Every verdict of the oracle, in order of (verdict, seen)."""
    found = [
        (verdict, fact.seen, family, name, fact.kind, fact.id, fact.claimed)
        for family, made in sea.worlds.items()
        for name in made.customers
        for fact, verdict in oracle.judged(made.log, ZZ, name)
    ]
    return [(why, seen.isoformat(), *rest, claimed.isoformat()) for why, seen, *rest, claimed in sorted(found)]


@pytest.fixture(autouse=True)
def home(sea: lakes.Sea, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_HOME", sea.settings(tmp_path / "home").home)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    assert cli.main(["refused", "ZZ", "--json", *words]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said["verdicts"], [tuple(one[name] for name in NAMES) for one in said["first"]]


def test_all_that_does_not_count_is_listed_with_its_reason(
    expected: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts, listed = asked(capsys, "--limit", "100000")
    assert verdicts == Counter(why for why, *_ in expected) and verdicts.keys() == set(get_args(admission.Verdict))
    assert listed == [one for one in expected if one[0] != "admitted"]


def test_of_each_reason_the_first_are_listed_and_all_counted(
    expected: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts, listed = asked(capsys, "--limit", "2")
    assert verdicts == Counter(why for why, *_ in expected)
    for why in verdicts.keys() - {"admitted"}:
        assert [one[1] for one in listed if one[0] == why] == [one[1] for one in expected if one[0] == why][:2]
    assert asked(capsys, "--limit", "0") == (verdicts, [])


def test_one_customer_or_one_family_is_what_is_asked_for(
    expected: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    for words, place, value in ((["--customer", "c2"], 3, "c2"), (["--family", "app"], 2, "app")):
        mine = [one for one in expected if one[place] == value]
        verdicts, listed = asked(capsys, *words, "--limit", "100000")
        assert verdicts == Counter(why for why, *_ in mine) and listed == [one for one in mine if one[0] != "admitted"]


def test_a_table_names_them_and_says_how_many(
    expected: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["refused", "ZZ", "--limit", "1"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(get_args(admission.Verdict)) and out.startswith("reason\tfamily\tcustomer")
    late = sum(one[0] == "too late" for one in expected)
    assert f"too late {late:,}" in err and "events count. Not: " in err


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--customer", "nobody"], "no event of customer 'nobody'"), (["--family", "order"], "Did you mean 'orders'?")],
)
def test_what_there_is_not_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["refused", "ZZ", *words]) == 2
    assert said in capsys.readouterr().err and "app" in FAMILIES
