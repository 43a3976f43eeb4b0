"""Where the week goes: S3 over HTTP, and a folder whose files a sync client holds while people have them open."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

import cli
from scorer.tuesday.export import export
from scorer.tuesday.week import Folder
from scv import atomic
from scv.errors import Unreachable
from tests.scorer.killed import CODE
from tests.scorer.shop import AT, EARLIER, US, Shop
from tests.sources import ROOT

SLOW = """
import sys
from scorer.tuesday.week import Folder
from scv.events import country
print("now", flush=True)
Folder(sys.argv[1], country.load("US")).put("2017-09-05/scores_US_2017-09-05.parquet", bytes(200_000_000))
"""


def contents(folder: Folder) -> dict[str, bytes]:
    names = folder.fs.find(folder.path)
    return {name.removeprefix(folder.path).strip("/"): folder.fs.cat_file(name) for name in names}


@pytest.fixture(scope="module")
def weeks(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Two weeks on a disk."""
    url = str(tmp_path_factory.mktemp("exports"))
    for at in (EARLIER, AT):
        export(msgspec.structs.replace(made.settings, exports=url), US, at)
    return Folder(url, US)


def test_s3_gets_the_same_bytes_and_gives_them_back(made: Shop, weeks: Folder, s3: str) -> None:
    settings = msgspec.structs.replace(made.settings, exports=s3)
    assert [export(settings, US, at).new for at in (EARLIER, AT, AT)] == [True, True, False]
    there = Folder(s3, US)
    assert contents(there) == contents(weeks) and there.references() == [EARLIER, AT]
    week = there.usable(AT, {}, content=True)
    assert week is not None and len(week.scores()) > 100


@pytest.mark.parametrize("survived", range(6))
def test_a_killed_upload_leaves_nothing_that_is_taken_for_whole(weeks: Folder, s3: str, survived: int) -> None:
    there = Folder(s3, US)
    for at in (EARLIER, AT):
        week = weeks.week(at)
        assert week is not None
        files = {name: weeks.read(f"{week.manifest.date}/{name}") for name in week.manifest.files}
        if at == EARLIER:
            there.publish(week.manifest, files)
    command = [sys.executable, "-m", "tests.scorer.killed", str(Path(weeks.path).parent), s3, AT.isoformat()]
    killed = subprocess.run([*command, str(survived)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == (CODE if survived < 5 else 0), killed.stderr
    whole = survived >= 4  # three files, then the manifest
    assert there.references() == [EARLIER] + [AT] * whole
    assert there.publish(week.manifest, files) is not whole
    assert contents(there) == contents(weeks)


def test_half_a_body_is_no_file(s3: str) -> None:
    """Killed while it was sending: the store waits for the rest, and shows nothing."""
    there = Folder(s3, US)
    with subprocess.Popen([sys.executable, "-c", SLOW, s3], cwd=ROOT, stdout=subprocess.PIPE) as sending:
        assert sending.stdout is not None and sending.stdout.readline() == b"now\n"
        time.sleep(0.1)
        sending.send_signal(signal.SIGKILL)
    assert sending.returncode == -signal.SIGKILL
    assert contents(there) == {} and there.references() == []


@pytest.mark.parametrize(
    ("url", "environment", "code", "said"),
    [
        ("s3://tuesdays/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 1, "Could not connect to the endpoint URL"),
        ("nowhere://x", {}, 2, "CEREBRO_EXPORTS is 'nowhere://x': Protocol not known: nowhere"),
    ],
)
def test_a_folder_that_cannot_be_reached_is_named(
    url: str, environment: dict[str, str], code: int, said: str, s3: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    for name, value in {"CEREBRO_HOME": str(tmp_path), "CEREBRO_EXPORTS": url, **environment}.items():
        monkeypatch.setenv(name, value)
    Folder(s3, US).fs.clear_instance_cache()  # a command is a process of its own
    assert cli.main(["export", "withdraw", "US", "2017-09-05"]) == code
    told = capsys.readouterr().err
    assert told.startswith("Error: ") and said in told and "bug" not in told


def holding(monkeypatch: pytest.MonkeyPatch, name: str, times: float) -> None:
    """A sync client holds what is called so, for so many tries."""
    left = {"tries": times}
    for call in ("replace", "rename"):
        real = getattr(Path, call)

        def tried(path: Path, target: Path | str, real=real) -> Path:  # type: ignore[no-untyped-def]
            if name in (Path(target).name, path.name) and left["tries"] > 0:
                left["tries"] -= 1
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(target))
            return real(path, target)

        monkeypatch.setattr(Path, call, tried)


@pytest.mark.parametrize("held", ["latest.json", "2017-09-05"])
def test_what_a_sync_client_holds_for_a_moment_is_waited_for(
    held: str, weeks: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(weeks, tmp_path)
    holding(monkeypatch, held, 3)
    assert folder.withdraw(AT).newest == EARLIER
    assert folder.references() == [EARLIER] and folder.is_pointed()


@pytest.mark.parametrize("held", ["latest.json", "2017-09-05"])
def test_what_is_held_for_long_is_named_and_the_next_run_goes_on(
    held: str, weeks: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(weeks, tmp_path)
    monkeypatch.setattr(atomic, "HELD_S", 0.3)
    with monkeypatch.context() as patch:
        holding(patch, held, float("inf"))
        with pytest.raises(Unreachable, match=f"{held}: somebody holds it open. Close it there, then run it again"):
            folder.withdraw(AT)
    assert folder.withdraw(AT).newest == EARLIER
    assert folder.references() == [EARLIER] and folder.is_pointed()


def copied(weeks: Folder, to: Path) -> Folder:
    """The two weeks elsewhere."""
    folder = Folder(str(to), US)
    for name, body in contents(weeks).items():
        folder.put(name, body)
    return folder
