"""What is due: by each country's own clock and calendar, oldest first, until it is done; and doing it, by itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import cli
from operation import due, turn
from operation.due import TUESDAYS, Due, Fulfilled
from scv import atomic
from scv.events import country
from scv.events.calendar import midnight, to_us
from scv.model import bundle, champion
from scv.settings import Settings
from tests import champions
from tests.keys import clock_key
from tests.scorer.shop import US, Shop
from tests.sources import ROOT

ZZ = country.load("ZZ")
MONDAY, TUESDAY = date(2017, 9, 4), date(2017, 9, 5)


def of(found: list[Due]) -> list[str]:
    return [f"{slot.work} {slot.date}" for slot in found]


def at(day: date, **later: int) -> datetime:
    return midnight(day, US.zone) + timedelta(**later)


def everything(weeks: int = 0, **champions: datetime | None) -> Fulfilled:
    """Trained as of the Monday, and so many of the newest Tuesdays published."""
    published = [at(TUESDAY) - timedelta(days=7 * number) for number in range(weeks)]
    return Fulfilled(champions={"lapse": at(MONDAY)} | champions, first=at(date(2017, 1, 2)), weeks=published)


# -- the calendar --------------------------------------------------------------------------------------------------


def test_what_is_done_is_not_due() -> None:
    assert due.slots(US, at(TUESDAY, hours=1), everything(weeks=TUESDAYS)) == []


def test_a_day_begins_with_its_local_midnight() -> None:
    before, instant = timedelta(microseconds=-1), everything(weeks=5)
    old = msgspec.structs.replace(instant, champions={"lapse": at(MONDAY) - timedelta(days=7)})
    for day, done in ((MONDAY, old), (TUESDAY, everything(weeks=0))):
        newest = [one for one in due.slots(US, at(day), done) if one.at == at(day)]
        assert [one.date for one in newest] == [day]
        assert not [one for one in due.slots(US, at(day) + before, done) if one.at == at(day)]


def test_what_was_missed_is_caught_up_oldest_first_with_the_training_in_its_place() -> None:
    missed = msgspec.structs.replace(everything(), champions={"lapse": at(date(2017, 7, 3)), "skip": at(MONDAY)})
    found = due.slots(US, at(TUESDAY, days=2), missed)
    assert of(found) == ["week 2017-08-15", "week 2017-08-22", "week 2017-08-29", "train 2017-09-04", "week 2017-09-05"]
    assert found[3].targets == ("lapse",), "what is trained already is not trained again"
    assert found[3].words == ["train", "US", "-d", "2017-09-04", "--target", "lapse"]
    assert found[4].words == ["week", "US", "-d", "2017-09-05", "--wait", "120"]


def test_only_the_newest_monday_is_trained() -> None:
    long_ago = everything(weeks=9, lapse=None)
    assert of(due.slots(US, at(MONDAY, days=6), long_ago)) == ["train 2017-09-04"]
    assert of(due.slots(US, at(MONDAY, days=7), long_ago)) == ["train 2017-09-11"]


def test_no_list_is_due_of_before_the_first_model() -> None:
    new = Fulfilled(champions={"lapse": None}, first=None, weeks=())
    assert of(due.slots(US, at(TUESDAY, days=3), new)) == ["train 2017-09-04", "week 2017-09-05"]
    assert of(due.slots(US, at(MONDAY), new)) == ["train 2017-09-04"]
    begun = Fulfilled(champions={"lapse": at(MONDAY)}, first=at(date(2017, 8, 28)), weeks=())
    assert of(due.slots(US, at(TUESDAY), begun)) == ["week 2017-08-29", "week 2017-09-05"]


def test_nothing_is_due_of_a_target_before_there_is_anything_to_learn(live: Shop, tmp_path: Path) -> None:
    """Then `cerebro train` would fail, every quarter of an hour for a quarter of a year."""
    (tmp_path / "lake").symlink_to(live.settings.lake_path)
    young = msgspec.structs.replace(live.settings, home=str(tmp_path))
    seen = min(one.seen_at for one in live.events if one.kind == "placed" and one.seen_at)
    begins = seen + timedelta(days=US.active_days)
    reference = next(day for n in range(9) if at(day := date(2017, 1, 31) + timedelta(days=7 * n)) >= begins)
    final = reference + timedelta(days=US.silence_days + US.late_allowance_days)
    monday = final + timedelta(days=-final.weekday() % 7)
    for now, learnt in ((at(monday), True), (at(monday) - timedelta(hours=1), False)):
        done = due.done(young, US, now)
        assert ("lapse" in done.champions) is learnt
        assert [slot.work for slot in due.slots(US, now, done) if "lapse" in slot.targets] == ["train"] * learnt
    nothing = Fulfilled(champions={}, first=None, weeks=())
    assert due.slots(US, at(TUESDAY), nothing) == [], "and no list without a model"


def test_a_clock_change_moves_no_day() -> None:
    """2017-11-05 has 25 hours in New York: the Tuesday before and the one after begin at local midnight."""
    found = due.slots(US, at(date(2017, 11, 7)), everything(weeks=0, lapse=at(date(2017, 11, 6))))
    assert [one.at.isoformat() for one in found[-2:]] == ["2017-10-31T04:00:00+00:00", "2017-11-07T05:00:00+00:00"]


def test_a_week_that_was_taken_back_is_not_due(live: Shop, tmp_path: Path) -> None:
    """Somebody took it back: the next turn must not send it out again."""
    settings = msgspec.structs.replace(live.settings, exports=str(tmp_path))
    folder = tmp_path / "US/withdrawn/2017-09-05.1"
    before = of(due.of_country(settings, US))
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert set(before) - set(of(due.of_country(settings, US))) == {"week 2017-09-05"}


def test_a_country_without_events_has_nothing_due_and_one_past_its_span_nothing_new(live: Shop) -> None:
    assert due.of_country(live.settings, ZZ) == []
    ended = msgspec.structs.replace(US, ends_on=date(2017, 8, 30))
    assert "week 2017-08-29" in (found := of(due.of_country(live.settings, ended))) and "week 2017-09-05" not in found


def test_on_wall_time_the_wall_says_what_is_due(live: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    live.client.hset(clock_key("US"), "mode", "wall")
    for early, newest in ((timedelta(), TUESDAY), (timedelta(microseconds=1), date(2017, 8, 29))):
        monkeypatch.setattr("scv.events.clock.wall_us", lambda early=early: to_us(at(TUESDAY) - early))
        assert max(slot.date for slot in due.of_country(live.settings, US) if slot.work == "week") == newest


def test_where_no_store_answers_the_lake_says_what_is_due(live: Shop) -> None:
    away = msgspec.structs.replace(live.settings, store="redis://127.0.0.1:1/0")
    assert of(due.of_country(away, US))[-1] == "week 2017-11-28", "the lake is complete to 2017-12-04"


@pytest.fixture(autouse=True)
def nothing_rests(live: Shop) -> Iterator[None]:
    """What failed in one test is tried in the next."""
    yield
    for left in (live.settings.home_path / "due").glob("*.failed.json"):
        left.unlink()


# -- doing it ------------------------------------------------------------------------------------------------------


def starting(codes: dict[str, int], begun: list[str]) -> turn.Start:
    """Slots that do nothing and end with a code."""

    def start(settings: Settings, slot: Due, lock: int) -> int:
        begun.append(f"{slot.work} {slot.date}")
        assert turn.at_work(settings, slot.country)
        return codes.get(slot.work, 0)

    return start


def test_what_fails_is_told_the_next_is_tried_and_it_stays_due(live: Shop) -> None:
    said, begun = list[str](), list[str]()
    every = of(due.of_country(live.settings, US))
    assert len(every) == TUESDAYS + 1 and every[3:] == ["train 2017-09-04", "week 2017-09-05"]
    assert turn.run(live.settings, ["US"], starting({"train": 1}, begun), said.append) == 1
    assert begun == every
    targets = "--target lapse --target skip --target return"
    assert [line for line in said if "Failed" in line] == [
        f"Failed: cerebro train US -d 2017-09-04 {targets} ended with 1. It stays due."
    ]
    assert said[-1].startswith("US 2017-09-05: no new champion since Monday; old ones answered: lapse of 2017-06-06")
    assert turn.run(live.settings, ["US"], starting({"train": -9, "week": 2}, begun), said.append) == len(every)
    assert begun == every * 2 and any("was killed by signal 9" in line for line in said)
    assert not turn.at_work(live.settings, "US")


def test_a_training_that_fails_again_and_again_rests_ever_longer_and_a_week_never_does(
    live: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(live.settings, home=str(tmp_path))
    (tmp_path / "lake").symlink_to(live.settings.lake_path)
    monkeypatch.setattr(due, "done", lambda *_: msgspec.structs.replace(everything(), champions={"lapse": None}))
    now, begun, said = [to_us(at(TUESDAY))], list[str](), list[str]()
    monkeypatch.setattr("scv.events.clock.wall_us", lambda: now[0])
    monkeypatch.setattr(due, "clock", lambda *_: at(TUESDAY))

    def turns(hours: int) -> tuple[int, int]:
        """So many hours of quarters: trainings and weeks that were begun."""
        before = len(begun)
        for _ in range(4 * hours):
            turn.run(settings, ["US"], starting({"train": 1, "week": 2}, begun), said.append)
            now[0] += 15 * 60 * 1_000_000
        trained = sum(one.startswith("train") for one in begun[before:])
        return trained, len(begun) - before - trained

    assert turns(1) == (3, 4 * TUESDAYS), "at once, at the next quarter, half an hour later"
    assert turns(7) == (3, 28 * TUESDAYS), "then after one, two and four hours"
    assert turns(24) == (6, 96 * TUESDAYS), "and every four"
    line = "cerebro train US -d 2017-09-04 --target lapse failed 3 times and rests until 2017-09-05 05:35 UTC; typed"
    assert [one for one in said if one.startswith(line)]
    turn.run(settings, ["US"], starting({}, begun), said.append)
    now[0] += 4 * 3600 * 1_000_000
    turn.run(settings, ["US"], starting({}, begun), said.append)
    assert not list((tmp_path / "due").glob("*.failed.json")), "what came about is forgotten"


def test_what_another_did_meanwhile_is_not_done_again(live: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = list[str]()
    monkeypatch.setattr(due, "everywhere", lambda *_: (due.slots(US, at(TUESDAY), everything()), {}))
    monkeypatch.setattr(due, "of_country", lambda *_: [])
    assert turn.run(live.settings, ["US"], starting({}, begun), begun.append) == 0 and begun == []


def test_a_country_that_cannot_be_read_stops_no_other(live: Shop, tmp_path: Path) -> None:
    said, begun = list[str](), list[str]()
    settings = msgspec.structs.replace(live.settings, countries=str(tmp_path))
    (tmp_path / "GB.toml").write_text("no toml")
    assert turn.run(settings, ["GB", "US"], starting({}, begun), said.append) == 1
    assert len(begun) == TUESDAYS + 1
    assert said[0].startswith(f"GB: what is due cannot be told: Country file {tmp_path}/GB.toml cannot be used")


OWNER = """if True:
    import subprocess, sys, time
    from operation import turn
    from scv.settings import Settings
    with turn.alone(Settings(home=sys.argv[1]), "US") as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock], stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        time.sleep(60)
"""


def test_a_turn_at_work_elsewhere_is_left_alone_until_its_last_process_is_gone(live: Shop) -> None:
    said, begun = list[str](), list[str]()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, live.settings.home], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
        assert turn.run(live.settings, ["US"], starting({}, begun), said.append) == 0, "left alone is no failure"
        assert begun == [] and "at work" in said[0] and len(said) == 1
        os.kill(child, signal.SIGKILL)
    for _ in range(500):
        if not turn.at_work(live.settings, "US"):
            break
        time.sleep(0.01)
    turn.run(live.settings, ["US"], starting({}, begun), said.append)
    assert len(begun) == TUESDAYS + 1


def test_a_training_by_hand_is_left_alone(live: Shop) -> None:
    said, begun = list[str](), list[str]()
    folder = champion.folder(live.settings, "US", "lapse")
    with atomic.alone(folder):
        assert turn.run(live.settings, ["US"], starting({}, begun), said.append) == 0
    assert not any(one.startswith("train") for one in begun) and len(begun) == TUESDAYS
    assert "US: another process is training there; it is left alone." in said


# -- as it is typed ------------------------------------------------------------------------------------------------


@pytest.fixture
def trained(live: Shop, tmp_path: Path) -> Settings:
    """The shop in a home of its own, as Monday's training leaves it: only Tuesday's file is due."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("lake", "snapshots"):
        (home / name).symlink_to(Path(live.settings.home) / name)
    (home / "services.env").write_text(f"CEREBRO_STORE={live.settings.store}\n")
    settings = msgspec.structs.replace(live.settings, home=str(home))
    path = champion.champion(live.settings, "US", "lapse")
    assert path is not None
    said = bundle.read_info(path)
    for name in US.targets:
        info = msgspec.structs.replace(
            said, target=name, reference=at(MONDAY), id=f"{name}-1", stamp=bundle.made_of(US, name)
        )
        champions.promoted(settings, US, info, (path / bundle.MODEL).read_text())
    return settings


def crontab() -> str:
    """README's line, without when it runs."""
    (line,) = re.findall(r"^\*/15 \* \* \* \* +(.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    return str(line)


def test_the_crontab_line_of_the_readme_publishes_what_is_published_by_hand(
    trained: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a folder of nobody's and without any environment, as cron runs it: and with no reactor anywhere."""
    line = crontab().replace("/srv/cerebro/.venv", sys.prefix).replace("/srv/cerebro/var", trained.home)
    assert trained.home in line and sys.prefix in line
    done = subprocess.run(["env", "-i", "sh", "-c", line], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Due: cerebro week US -d 2017-09-05" in done.stderr and "2017-09-05: published" in done.stdout
    monkeypatch.setenv("CEREBRO_HOME", trained.home)
    assert cli.main(["due", "--run"]) == 0 and capsys.readouterr() == ("", ""), "a second turn does and says nothing"
    assert cli.main(["due"]) == 0 and capsys.readouterr() == ("", "Nothing is due.\n")
    latest = Path(trained.exports_url) / "US/latest.json"
    pointer = latest.read_bytes()
    latest.unlink()  # as where the publication was killed before its last step: nobody learns of the new list
    assert cli.main(["due", "--run"]) == 0 and "Due: cerebro week US -d 2017-09-05" in capsys.readouterr().err
    assert latest.read_bytes() == pointer and cli.main(["due", "--run"]) == 0 and capsys.readouterr() == ("", "")
    monkeypatch.setenv("CEREBRO_EXPORTS", str(tmp_path / "by hand"))
    assert cli.main(["due", "--json"]) == 0
    (slot,) = json.loads(capsys.readouterr().out)
    assert (slot["country"], slot["work"], slot["date"]) == ("US", "week", "2017-09-05")
    assert cli.main(["due"]) == 0 and "cerebro week US -d 2017-09-05" in capsys.readouterr().out
    assert cli.main(["export", "US", "-d", "2017-09-05"]) == 0
    files = [sorted(folder.rglob("*.*")) for folder in (tmp_path / "by hand", Path(trained.home) / "exports")]
    assert len(files[0]) == 5 and [one.read_bytes() for one in files[0]] == [one.read_bytes() for one in files[1]]


def test_a_home_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CEREBRO_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["due", "--run"]) == 2
    assert f"{tmp_path}/var holds no lake. Is CEREBRO_HOME right?" in capsys.readouterr().err
