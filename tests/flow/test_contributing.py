"""CONTRIBUTING's example of a new feature, in a copy of the packages: every claim that it makes, with real parts."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scv.events import country as countries
from scv.features import derived, fetcher
from scv.fetchers import derived as definitions
from scv.model import vector
from scv.settings import PREFIX, Settings
from store.client import connect
from streams.kafka import topics
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from tests.flow import town
from tests.flow.pages import ROOT, blocks, text
from tests.flow.session import clean_environment
from tests.flow.town import BEGIN, LATER, TUESDAY
from tests.sources import PACKAGES
from tests.streams import shop

pytestmark = pytest.mark.timeout(300)
PAGE, SECTION = "CONTRIBUTING.md", "Add a feature"
NAME = "treats"
OTHERS = ("cli.py", "pyproject.toml", "tests/parity", "tests/flow")
LINES = 10


def block() -> str:
    (found,) = blocks(PAGE, "python", SECTION)
    return found.text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, and the file that the page tells to write, where it says."""
    folder = tmp_path_factory.mktemp("copy")
    for name in (*PACKAGES, *OTHERS):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    assert f"in one file in `scv/fetchers/`, for instance `{NAME}.py`" in text(PAGE)
    (folder / "scv" / "fetchers" / f"{NAME}.py").write_text(block(), encoding="utf-8")
    return folder


def run(copy: Path, settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, with these settings; it must exit with 0."""
    given = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.__struct_fields__}
    env = clean_environment({name: value for name, value in given.items() if value} | {"PYTHONPATH": str(copy)})
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


def test_the_definition_is_short_and_is_as_our_tools_want_it(copy: Path) -> None:
    assert len([line for line in block().splitlines() if line.strip()]) <= LINES
    assert all(not isinstance(node, ast.FunctionDef | ast.Lambda) for node in ast.walk(ast.parse(block())))
    target = f"scv/fetchers/{NAME}.py"
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, target], cwd=copy, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_the_page_promises_what_is_proved_here() -> None:
    section = text(PAGE).partition(f"## {SECTION}")[2].partition("\n## ")[0]
    promised = re.findall(r"^- the (.+?)[:`]", section, re.M)
    assert [one.strip() for one in promised] == [
        "batch table", "stream's update", "Feast view", "catalogue", "parity tests"
    ]  # fmt: skip


def test_everything_follows_from_the_file(copy: Path, live: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The old packages take in the first half; the new ones build the fetcher and go on; then each promise."""
    first_half(live)
    town.send(live, town.make(live.home_path), TUESDAY, LATER)
    cli = str(copy / "cli.py")
    built = run(copy, live, cli, "consume", "online", "--until-idle").stderr
    assert re.search(r"Built ([1-9]\d*) rows of \d+ customers from the lake", built), built
    run(copy, live, cli, "consume", "lake", "--until-idle")
    done = json.loads(run(copy, live, cli, "fetch", "ZZ", "-d", LATER.isoformat(), "--fetcher", NAME, "--json").stdout)
    assert [(one["fetcher"], one["error"]) for one in done] == [(NAME, None)] and min(done[0]["rows"].values()) > 20
    listed = json.loads(run(copy, live, cli, "catalogue", NAME, "--json").stdout)
    assert len(listed) >= 2 and {one["fetcher"] for one in listed} == {NAME}
    said = run(copy, live, "-m", "tests.flow.newcomer", NAME).stdout
    judge(json.loads(said.splitlines()[-1]), copy, {one["name"] for one in listed})
    with capsys.disabled():
        print(f"\n{said.splitlines()[-1]}")


def test_a_derived_feature_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = blocks(PAGE, "python", "Add a derived feature")
    assert len(found.text.splitlines()) == 1
    row = eval(found.text, vars(derived).copy())
    monkeypatch.setattr(definitions, "DERIVED", (*definitions.DERIVED, row))
    derived.collect.cache_clear()
    try:
        values = {name: np.array([90.0, 5.0]) for name in fetcher.all_features()}
        values["orders__items_91d"] = np.array([3.0, 0.0])
        columns = vector.candidates(values, countries.load("US"))
        (mine,) = (one for one in columns if one.name == row.full_name)
        np.testing.assert_array_equal(vector.matrix(values, [mine])[:, 0], [30.0, np.nan])
    finally:
        derived.collect.cache_clear()


def first_half(settings: Settings) -> None:
    """As it was before the file was there."""
    assert NAME not in fetcher.collect()
    made = town.make(settings.home_path)
    topics.ensure(settings)
    with connect(settings) as client, shop.Running(settings, OnlineConsumer, LakeConsumer):
        town.send(settings, made, BEGIN, TUESDAY)
        shop.settle(settings, client)


def judge(found: dict[str, Any], copy: Path, names: set[str]) -> None:
    assert found["file"] == str(copy / "scv" / "fetchers" / f"{NAME}.py")
    assert found["wrong"] == []
    assert len(found["compared"]) == 5 and min(found["compared"].values()) > 50
    assert {f"{NAME}__{one}" for one in found["view"]} == names
    assert (found["code"], found["tested"] > 1000) == (0, True)
