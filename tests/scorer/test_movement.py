"""`cerebro why-changed`: steps that add up for every customer, and name what moved them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import cli
from scorer.tuesday.export import export
from scorer.tuesday.movement import DID, MODEL, STEPS, Movement, movements
from scorer.tuesday.week import Folder
from scv.errors import UserError
from scv.settings import Settings
from tests.scorer.shop import AT, EARLIER, US, Shop


@pytest.fixture(scope="module")
def published(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The Tuesday before by one model of lapse, the Tuesday by another; both of skip by the same."""
    settings = msgspec.structs.replace(made.settings, exports=str(tmp_path_factory.mktemp("two weeks")))
    export(settings, US, EARLIER)
    made.train("lapse", rounds=35)
    try:
        export(settings, US, AT)
    finally:
        made.train("lapse")
    return settings


@pytest.fixture(scope="module")
def found(published: Settings) -> dict[str, Movement]:
    return {one.target: one for one in movements(published, US, EARLIER, AT)}


@pytest.fixture
def typed(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_HOME", published.home)
    monkeypatch.setenv("CEREBRO_EXPORTS", published.exports)


def test_the_steps_add_up_for_every_customer(found: dict[str, Movement]) -> None:
    assert set(found) == {"lapse", "skip"}
    for one in found.values():
        assert list(one.steps) == list(STEPS) and len(one.customers) > 20
        np.testing.assert_allclose(one.before + sum(one.steps.values()), one.after, atol=1e-12)
        assert sum(one.shares.values()) == pytest.approx(1) and one.shares[DID] > 0
        for name in STEPS:
            assert name in (DID, MODEL) or not one.steps[name].any(), "nothing was corrected"


def test_another_model_moves_what_it_answers_and_is_told_apart(found: dict[str, Movement]) -> None:
    lapse, skip = found["lapse"], found["skip"]
    assert lapse.models == ("lapse-20", "lapse-35") and skip.models[0] == skip.models[1]
    assert lapse.steps[MODEL].any() and not skip.steps[MODEL].any()
    assert not skip.differences and lapse.shares[MODEL] > 0


def test_what_both_weeks_published_is_what_is_compared(found: dict[str, Movement], published: Settings) -> None:
    weeks = [Folder(published.exports_url, US).week(at) for at in (EARLIER, AT)]
    for one in found.values():
        for week, told in zip(weeks, (one.before, one.after), strict=True):
            assert week is not None
            rows = week.scores().to_pylist()
            said = {row["customer_id"]: row["probability"] for row in rows if row["target"] == one.target}
            assert [said[customer] for customer in one.customers] == told.tolist()
            others = {customer for customer, p in said.items() if p is not None} - set(one.customers)
            assert len(others) == sum((one.gone if week is weeks[0] else one.come).values())


def test_a_column_is_named_by_how_its_part_of_the_logit_moved(found: dict[str, Movement]) -> None:
    skip = found["skip"]
    sizes = list(skip.by_column.values())
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    first = skip.most_moved(1)[0]
    assert abs(skip.after - skip.before).max() == abs(skip.after[first] - skip.before[first])
    assert skip.cause(first) in skip.columns


@pytest.mark.usefixtures("typed")
def test_it_is_told_as_tables_as_json_and_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why-changed", "US", "2017-08-29", "2017-09-05", "--out", str(tmp_path / "why.html")]) == 0
    out = capsys.readouterr().out
    assert "lapse: " in out and "customers scored in both weeks" in out and "what customers did" in out
    page = (tmp_path / "why.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "Why did it change? US, 2017-08-29 to 2017-09-05" in page
    assert cli.main(["why-changed", "US", "2017-08-29", "2017-09-05", "--target", "skip", "--json"]) == 0
    (skip,) = json.loads(capsys.readouterr().out)
    moved = skip["moved"][0]
    assert moved["before"] + sum(moved["steps"].values()) == pytest.approx(moved["after"])


@pytest.mark.usefixtures("typed")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["US", "2017-09-05", "2017-08-29"], "name the earlier Tuesday first"),
        (["US", "2017-08-22", "2017-09-05"], "No week 2017-08-22 of US is published"),
        (["US", "2017-08-29", "2017-09-05", "--target", "laps"], "lapse"),
        (["US", "2017-08-29", "2017-09-05", "--target", "return"], "Nobody answered for return"),
    ],
)
def test_what_cannot_be_compared_is_the_user_s(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["why-changed", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_model_that_is_gone_is_told(published: Settings, made: Shop) -> None:
    folder = Path(published.home) / "bundles/US/lapse/lapse-35"
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        with pytest.raises(UserError, match="lapse-35 of the week 2017-09-05 is not in"):
            list(movements(published, US, EARLIER, AT, ["lapse"]))
    finally:
        aside.rename(folder)
