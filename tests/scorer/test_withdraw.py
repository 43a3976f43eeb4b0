"""A wrong week is taken back: readers go on with the newest that remains, and nothing of it is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

import cli
from scorer.tuesday import manifest as manifests
from scorer.tuesday.claim import CLAIM
from scorer.tuesday.manifest import WeekManifest
from scorer.tuesday.week import Folder
from scv import stamp
from scv.errors import UserError
from scv.events import calendar
from tests.scorer.published import manifest_of
from tests.scorer.shop import AT, EARLIER, US

WRONG = calendar.reference("2030-09-03", US)


def made(at: Any, text: str = "scores") -> tuple[WeekManifest, dict[str, bytes]]:
    """A week of two small files."""
    date = calendar.label(at, US)
    files = {f"scores_US_{date}.parquet": f"{text} of {date}".encode(), f"contacts_US_{date}.xlsx": b"contacts"}
    return manifest_of(US, at, files), files


@pytest.fixture(params=["disk", "object store", "S3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    places = {"disk": lambda: str(tmp_path / "exports"), "object store": lambda: "memory://exports"}
    url = places.get(request.param, lambda: request.getfixturevalue("s3"))()
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    monkeypatch.setenv("CEREBRO_EXPORTS", url)
    yield Folder(url, US)
    fsspec.filesystem("memory").store.clear()


def latest(folder: Folder) -> str | None:
    try:
        return str(json.loads(folder.read("latest.json"))["date"])
    except FileNotFoundError:
        return None


def contents(folder: Folder) -> dict[str, bytes]:
    names = folder.fs.find(folder.path)
    return {name.removeprefix(folder.path).strip("/"): folder.fs.cat_file(name) for name in names}


def withdraw(capsys: pytest.CaptureFixture[str], date: str) -> tuple[int, str, str]:
    code = cli.main(["export", "withdraw", "US", date])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_week_of_the_future_is_taken_back(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """It stood before the newest right one for ever."""
    for at in (EARLIER, WRONG, AT):
        folder.publish(*made(at))
    assert latest(folder) == "2030-09-03"
    before = contents(folder)
    code, out, _ = withdraw(capsys, "2030-09-03")
    assert code == 0 and "2030-09-03: taken back, it lies in" in out and "latest.json: names 2017-09-05" in out
    after = contents(folder)
    assert latest(folder) == "2017-09-05" and folder.references() == [EARLIER, AT] and folder.week(WRONG) is None
    old, new = "2030-09-03/", "withdrawn/2030-09-03.1/"
    assert {name: body for name, body in before.items() if name != "latest.json"} == {
        name.replace(new, old): body for name, body in after.items() if name != "latest.json"
    }
    code, out, _ = withdraw(capsys, "2030-09-03")
    assert code == 0 and "was taken back before" in out and contents(folder) == after


def test_another_week_may_take_its_place_and_be_taken_back(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.publish(*made(AT, "wrong"))
    with pytest.raises(UserError, match=r"never overwritten.*cerebro export withdraw US 2017-09-05"):
        folder.publish(*made(AT, "right"))
    assert "latest.json: nothing is published now" in withdraw(capsys, "2017-09-05")[1]
    assert latest(folder) is None
    for text in ("also wrong", "right"):
        assert folder.publish(*made(AT, text)) and latest(folder) == "2017-09-05"
        if text != "right":
            assert "withdrawn/2017-09-05.2" in withdraw(capsys, "2017-09-05")[1]
    texts = [contents(folder)[f"{where}/scores_US_2017-09-05.parquet"].split(b" of")[0]
             for where in ("withdrawn/2017-09-05.1", "withdrawn/2017-09-05.2", "2017-09-05")]  # fmt: skip
    assert texts == [b"wrong", b"also wrong", b"right"]


def test_what_was_never_published_cannot_be_taken_back(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.publish(*made(AT))
    before = contents(folder)
    code, out, err = withdraw(capsys, "2017-08-29")
    assert code == 2 and out == "" and "No week 2017-08-29 is published" in err
    assert contents(folder) == before


class Killed(BaseException):
    """Stands for a kill between two calls of the file system."""


def dying(folder: Folder, monkeypatch: pytest.MonkeyPatch, survived: int) -> None:
    """The file system dies at change number `survived`; before each, whoever reads latest.json finds a whole week."""
    count = iter(range(100))

    def wrap(name: str, call: Any) -> Any:
        def changed(*args: Any, **named: Any) -> Any:
            check_reader(folder)
            if next(count) == survived:
                raise Killed(name)
            return call(*args, **named)

        return changed

    for name in ("pipe_file", "rm_file"):
        monkeypatch.setattr(folder.fs, name, wrap(name, getattr(folder.fs, name)))
    monkeypatch.setattr(Path, "rename", wrap("rename", Path.rename))
    monkeypatch.setattr(Path, "replace", wrap("replace", Path.replace))


def check_reader(folder: Folder) -> None:
    """What latest.json names is there, and every week that looks published is whole."""
    date = latest(folder)
    published = {calendar.label(at, US): folder.week(at) for at in folder.references()}
    assert date is None or date in published
    for week in published.values():
        assert week is not None and week.damage() == ""


@pytest.mark.parametrize("survived", range(12))
def test_a_killed_withdrawal_is_finished_by_the_next(
    folder: Folder, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in (AT, WRONG):
        folder.publish(*made(at))
    with monkeypatch.context() as patch:
        dying(folder, patch, survived)
        try:
            folder.withdraw(WRONG)
        except Killed:
            pass
    check_reader(folder)
    done = folder.withdraw(WRONG)
    assert done.newest == AT and latest(folder) == "2017-09-05" and folder.references() == [AT]
    _, files = made(WRONG)
    found = contents(folder)
    assert {name for name in found if "2030" in name} == {
        f"{done.path.removeprefix(folder.path).strip('/')}/{name}" for name in (*files, "manifest.json")
    }
    for name, body in files.items():
        assert found[f"withdrawn/2030-09-03.1/{name}"] == body
    assert CLAIM not in found


def test_two_publishers_of_other_content_do_not_mix(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one writes, the other is told; in an object store nothing but the claim says so."""
    put, others = folder.put, Folder(os.environ["CEREBRO_EXPORTS"], US)
    refused = []

    def meanwhile(name: str, body: bytes) -> None:
        with pytest.raises(UserError, match="Another export is writing") as found:
            others.publish(*made(AT, "theirs"))
        refused.append(str(found.value))
        put(name, body)

    monkeypatch.setattr(folder, "put", meanwhile)
    assert folder.publish(*made(AT, "ours")) and len(refused) == 4
    assert {body for name, body in contents(folder).items() if "scores" in name} == {b"ours of 2017-09-05"}
    with pytest.raises(UserError, match="published with other content"):
        others.publish(*made(AT, "theirs"))
    assert not others.publish(*made(AT, "ours"))


def test_a_claim_that_a_killed_one_left_is_its_own_again(tmp_path: Path) -> None:
    folder = Folder("memory://claims", US)
    manifest, files = made(AT)
    left = f"publish 2017-09-05 {stamp.sha256_of(manifests.encode(manifest))}".encode()
    try:
        folder.fs.pipe_file(f"{folder.path}/{CLAIM}", left)
        with pytest.raises(UserError, match=f"if it was killed, remove .*/US/{CLAIM}"):
            folder.publish(*made(AT, "other"))
        with pytest.raises(UserError, match="Another export"):
            folder.publish(*made(AT - timedelta(days=7)))
        assert folder.references() == []
        assert folder.publish(manifest, files) and folder.references() == [AT]
        assert CLAIM not in contents(folder)
    finally:
        fsspec.filesystem("memory").store.clear()
