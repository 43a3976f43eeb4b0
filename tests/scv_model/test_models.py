"""`cerebro models`: what was trained, which answers, how two differ, and going back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

import cli
from scv.atomic import alone
from scv.errors import CorruptBundle
from scv.events import country as countries
from scv.features.fetcher import all_features
from scv.model import bundle, champion
from scv.model.column import Column
from scv.settings import Settings
from tests import champions

US = countries.load("US")
AT = datetime(2017, 9, 5, 4, tzinfo=UTC)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))

    def models(*words: str) -> tuple[int, str, str]:
        code = cli.main(["models", *words])
        return code, *capsys.readouterr()

    return models


@pytest.fixture
def settings(run: Run, tmp_path: Any) -> Settings:
    """A home with three bundles of lapse, each better than the last; the third answers, the first never did."""
    made = Settings(home=str(tmp_path))
    for number, loss in enumerate((0.3, 0.2, 0.1), 1):
        names = ("orders__days_since", "orders__count_28d")[: min(number, 2)]
        known = all_features()
        columns = [Column(name=name, dtype="int", fingerprint=known[name].fingerprint) for name in names]
        matrix = np.random.default_rng(number).normal(size=(60, len(columns)))
        features = {name: matrix[:, j].tolist() for j, name in enumerate(names)} | {"orders__tenure": [400] * 60}
        said = {"id": f"m{number}", "params": {"leaves": 3 * number}, "metrics": {"out_of_fold": {"log_loss": loss}}}
        y = (matrix[:, 0] > 0).astype(float)
        info = champions.told(US, "lapse", columns, features, y, AT, **said)
        folder = champion.folder(made, "US", "lapse")
        path = bundle.write(folder, info, champions.grown(matrix, y, 3))
        if number > 1:
            bundle.promote(path, US, f"better by {number}")
    return made


def answering(settings: Settings) -> str:
    found = champion.pointer(champion.folder(settings, "US", "lapse"))
    assert found is not None
    return found.id


def test_all_are_listed_and_which_answers(settings: Settings, run: Run) -> None:
    code, out, err = run("list", "US", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "") and [one["id"] for one in found] == ["m1", "m2", "m3"]
    assert [one["answers"] for one in found] == [False, False, True] and all(one["may_answer"] for one in found)
    assert [one["since"] is None for one in found] == [True, False, False]
    assert found[2]["why"] == "better by 3" and found[2]["figures"] == {"log_loss": 0.1}
    assert "m2" in run("list")[1] and run("list", "US", "--target", "skip")[1:] == (
        "",
        "No model is here yet: `cerebro train COUNTRY` makes them.\n",
    )


def test_back_and_forth(settings: Settings, run: Run) -> None:
    assert answering(settings) == "m3"
    assert run("rollback", "US", "lapse") == (0, "", "US lapse: m2 answers now (back from m3).\n")
    assert answering(settings) == "m2"
    assert run("rollback", "US", "lapse")[0] == 0 and answering(settings) == "m3"
    code, _, err = run("promote", "US", "lapse", "m1", "--why", "a broken feed")
    assert code == 0 and answering(settings) == "m1" and "(a broken feed)" in err
    pointer = champion.pointer(champion.folder(settings, "US", "lapse"))
    assert pointer is not None and [one.id for one in pointer.promotions] == ["m2", "m3", "m2", "m3", "m1"]
    assert [one.at for one in pointer.promotions] == sorted(one.at for one in pointer.promotions)


def test_what_may_not_answer_is_passed_over_and_refused(settings: Settings, run: Run) -> None:
    folder = champion.folder(settings, "US", "lapse")
    (folder / "m2" / bundle.MODEL).write_text("tree\n")
    code, _, err = run("promote", "US", "lapse", "m2")
    assert code == 1 and "is not what was written" in err and answering(settings) == "m3"
    code, _, err = run("rollback", "US", "lapse")
    assert code == 2 and "No earlier champion of US lapse" in err and answering(settings) == "m3"
    (trouble,) = [one["trouble"] for one in json.loads(run("list", "US", "--json")[1]) if one["id"] == "m2"]
    assert "is not what was written" in trouble
    assert run("show", "US", "lapse", "m2")[0] == 0 and run("diff", "US", "lapse", "m2")[0] == 1


def test_nothing_moves_while_a_training_is_at_work(settings: Settings, run: Run) -> None:
    with alone(champion.folder(settings, "US", "lapse")):
        code, _, err = run("rollback", "US", "lapse")
    assert code == 2 and "is at work" in err and answering(settings) == "m3"


def test_an_unknown_one_is_a_mistake_with_those_that_are_known(settings: Settings, run: Run) -> None:
    code, out, err = run("show", "US", "lapse", "n3")
    assert (code, out) == (2, "") and "Unknown bundle of US lapse 'n3'. Known: m1, m2, m3." in err
    assert run("show", "US", "lapsed")[0] == 2 and run("show", "USA", "lapse")[0] == 2
    code, _, err = run("show", "US", "skip")
    assert code == 2 and "run `cerebro train US --target skip`" in err


def test_one_is_shown_and_two_are_compared(settings: Settings, run: Run) -> None:
    code, out, _ = run("show", "US", "lapse")
    lines = dict(line.split("\t", 1) for line in out.splitlines())
    assert code == 0 and lines["recipe leaves"] == "9" and lines["may answer"] == "yes" and lines["columns"] == "2"
    whole = json.loads(run("show", "US", "lapse", "m1", "--json")[1])
    assert whole["bundle"]["id"] == "m1" and whole["answers"] is False
    differing = {one["what"]: (one["a"], one["b"]) for one in json.loads(run("diff", "US", "lapse", "m1", "--json")[1])}
    assert differing["params leaves"] == ("3", "9") and differing["log_loss"] == ("0.3", "0.1")
    assert differing["column orders__count_28d"][0] == "-" and "column orders__days_since" not in differing
    assert run("diff", "US", "lapse", "m2", "m2") == (0, "", "m2 and m2 are alike.\n")


def test_a_pointer_of_an_earlier_release_is_read_and_a_changed_one_is_not(settings: Settings, run: Run) -> None:
    path = champion.folder(settings, "US", "lapse") / champion.POINTER
    found = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({name: found[name] for name in ("id", "manifest")}))
    assert answering(settings) == "m3" and run("rollback", "US", "lapse")[0] == 2, "nobody knows who was before"
    assert run("promote", "US", "lapse", "m2")[0] == 0
    changed = path.read_bytes().replace(b"by hand", b"by foot")
    path.write_bytes(changed)
    with pytest.raises(CorruptBundle, match="is not what was written"):
        answering(settings)
    assert run("list", "US")[0] == 1
    assert run("promote", "US", "lapse", "m3")[0] == 0, "and that mends it"
    assert answering(settings) == "m3"
