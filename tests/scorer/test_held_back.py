"""What is not published: another day than Tuesday, a week that is not complete, one in which nobody is scored."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import cli
from scorer.feedback.outcomes import collect
from scorer.tuesday.week import Folder
from scv.errors import UserError
from scv.events import calendar
from scv.settings import Settings
from tests.scorer import shop
from tests.scorer.shop import AT, EARLIER, US, Shop

NOT_COMPLETE = calendar.reference("2017-12-12", US)  # the shop's lake is complete to the 4th


@pytest.fixture(autouse=True)
def environment(live: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_HOME", live.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", live.settings.store)
    monkeypatch.setenv("CEREBRO_EXPORTS", str(tmp_path / "exports"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "exports"), US)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", ["export", "week"])
@pytest.mark.parametrize("date", ["2017-09-04", "2017-09-05T00:00:00-05:00", "2017-08-29T12:00:00+00:00"])
def test_only_tuesdays_are_published(
    name: str, date: str, live: Shop, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    live.mark(AT + timedelta(days=7))
    code, out, err = run(capsys, name, "US", "-d", date)
    assert code == 2 and out == "" and f"{date} is no Tuesday of US" in err and "--any-day" in err
    assert folder.references() == []


def test_any_day_is_published_when_asked_and_counts_in_no_feedback(
    live: Shop, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same people again a day later were counted twice."""
    live.mark(AT + timedelta(days=7))
    wednesday = AT + timedelta(days=1)
    code, out, _ = run(capsys, "week", "US", "-d", "2017-09-06", "--any-day", "--wait", "0")
    assert code == 0 and "2017-09-06: published" in out and "No earlier list" in out
    code, _, err = run(capsys, "feedback", "US")
    assert code == 2 and "No Tuesday of US is published" in err
    assert run(capsys, "export", "US", "-d", "2017-09-05")[0] == 0
    assert folder.references() == [AT, wednesday]
    code, out, _ = run(capsys, "feedback", "US")
    assert code == 0 and "contacts listed over 1 Tuesdays" in out
    code, _, err = run(capsys, "feedback", "US", "-d", "2017-09-05", "-d", "2017-09-06")
    assert code == 2 and "2017-09-06 is no Tuesday" in err
    with pytest.raises(UserError, match="2017-09-06 is no Tuesday"):
        collect(msgspec.structs.replace(live.settings, exports=folder.path[:-3]), US, [AT, wednesday])


def test_a_week_that_is_not_complete_is_not_published_unless_asked(
    live: Shop, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    live.mark(NOT_COMPLETE)
    code, out, err = run(capsys, "week", "US", "-d", "2017-12-12", "--wait", "1")
    assert "US: waiting for the log (complete to 2017-12-04 04:00 UTC) …" in err
    assert code == 2 and out == "" and "is complete to 2017-12-04 04:00 UTC" in err and "--anyway" in err
    live.fetch(NOT_COMPLETE)
    code, out, err = run(capsys, "export", "US", "-d", "2017-12-12")
    assert code == 2 and out == "" and "complete to 2017-12-04 04:00 UTC" in err and "--anyway" in err
    assert folder.references() == []
    code, out, _ = run(capsys, "week", "US", "-d", "2017-12-12", "--wait", "0", "--anyway")
    assert code == 0 and "2017-12-12: published" in out
    assert run(capsys, "week", "US", "-d", "2017-12-12", "--wait", "0")[0] == 0  # it stands: nothing to hold back
    assert run(capsys, "export", "US", "-d", "2017-12-12")[0] == 0


def test_a_week_in_which_nobody_is_scored_is_not_published_unless_asked(
    live: Shop, tmp_path: Path, folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop in which nobody has ordered for months: the log is complete, and the list would be empty."""
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    silent = Shop(Settings(home=str(tmp_path)), live.client, shop.history(20, datetime(2017, 5, 1, tzinfo=UTC)))
    silent.fill_lake(AT)
    silent.fetch(AT)
    shutil.copytree(live.settings.bundles_path, silent.settings.bundles_path)
    for name in ("export", "week"):
        code, out, err = run(capsys, name, "US", "-d", "2017-09-05")
        assert code == 2 and out == "" and "2017-09-05 is not published: nobody of 20 customers is scored" in err
        assert "--anyway" in err and folder.references() == []
    code, out, _ = run(capsys, "export", "US", "-d", "2017-09-05", "--anyway")
    assert code == 0 and "0 scored for lapse" in out and folder.references() == [AT]


def test_one_country_that_is_held_back_holds_no_other_back(
    live: Shop, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "week", "ZZ", "US", "-d", "2017-08-29", "--wait", "0")
    assert code == 2 and "ZZ 2017-08-29 is not published: the log is complete to nobody knows where" in err
    assert "US 2017-08-29: published" in out and folder.references() == [EARLIER]
    latest = json.loads((Path(folder.path) / "latest.json").read_bytes())
    assert latest["date"] == "2017-08-29"
