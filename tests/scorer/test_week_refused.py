"""A published week that is not what it should be is read by nobody: each reader says why, and what mends it."""

from __future__ import annotations

import json
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import cli
from scorer.archive import Archive
from scorer.feedback.outcomes import collect
from scorer.tuesday.export import export
from scorer.tuesday.week import Folder
from scv.errors import NoWeek, UserError
from scv.events.country import Country
from scv.settings import Settings
from tests.scorer.shop import AT, EARLIER, US, Shop

OTHERWISE = msgspec.structs.replace(US, silence_days=US.silence_days + 7)
MENDS = r"cerebro export withdraw US 2017-08-29.*cerebro week US -d 2017-08-29"


@pytest.fixture(scope="module")
def published(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks; only copied."""
    url = tmp_path_factory.mktemp("published")
    for at in (EARLIER, AT):
        export(msgspec.structs.replace(made.settings, exports=str(url)), US, at)
    return url


@pytest.fixture
def settings(live: Shop, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(published, tmp_path / "exports")
    monkeypatch.setenv("CEREBRO_HOME", live.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", live.settings.store)
    monkeypatch.setenv("CEREBRO_EXPORTS", str(tmp_path / "exports"))
    return msgspec.structs.replace(live.settings, exports=str(tmp_path / "exports"))


def earlier(settings: Settings, name: str = "manifest.json") -> Path:
    return Path(settings.exports) / "US" / "2017-08-29" / name


def damage(settings: Settings, name: str) -> None:
    path = earlier(settings, name)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


def ask(settings: Settings, country: Country, caplog: pytest.LogCaptureFixture) -> tuple[object, str]:
    """What the live scorer compares with on the Monday after, and what its log says."""
    with caplog.at_level(logging.WARNING, "cerebro.scorer"):
        return Archive(settings).past(country, EARLIER + timedelta(days=6)), caplog.text


def test_another_question_is_compared_with_by_nobody(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    words = f"silence_days was {US.silence_days} and is {OTHERWISE.silence_days}"
    with pytest.raises(NoWeek, match=rf"{words}.*{MENDS}"):
        collect(settings, OTHERWISE, [EARLIER])
    past, said = ask(settings, OTHERWISE, caplog)
    assert past == {} and words in said and "withdraw" in said
    assert set(ask(settings, US, caplog)[0]) == {"lapse", "skip"}  # type: ignore[call-overload]


def test_a_list_goes_out_that_cannot_be_compared_with_last_week(made: Shop, settings: Settings) -> None:
    """The question of a target changed in between: the list begins anew, and says so."""
    shutil.rmtree(Path(settings.exports) / "US" / "2017-09-05")
    damage_question(settings)
    exported = export(settings, US, AT)
    assert "not compared with 2017-08-29: it has another definition of target lapse" in exported.apart
    rows = exported.week.scores().to_pylist()
    assert {row["change_since_last_week"] for row in rows} == {None}
    assert {row["weeks_on_list"] for row in rows if row["target"] == "lapse"} == {0, 1}


def damage_question(settings: Settings) -> None:
    """The week of EARLIER asked something else."""
    from scorer.tuesday import manifest as manifests

    path = earlier(settings)
    made = manifests.decode(path.read_bytes())
    asked = {**made.stamp.definitions, "target lapse": "00000000"}
    stamp = msgspec.structs.replace(made.stamp, definitions=asked)
    path.write_bytes(manifests.encode(msgspec.structs.replace(made, stamp=stamp)))


def test_feedback_leaves_out_what_it_cannot_use_and_says_so(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage_question(settings)
    page = tmp_path / "page.html"
    code, out, err = run(capsys, "feedback", "US", "--out", str(page))
    assert code == 0 and "over 1 Tuesdays" in out
    assert "Left out: The week 2017-08-29 of US" in err and "another definition of target lapse" in err
    assert "another definition of target lapse" in page.read_text()
    code, out, err = run(capsys, "feedback", "US", "-d", "2017-08-29")
    assert code == 2 and out == "" and "cerebro export withdraw US 2017-08-29" in err
    damage(settings, "scores_US_2017-08-29.csv")
    run(capsys, "export", "withdraw", "US", "2017-09-05")
    code, out, err = run(capsys, "feedback", "US")
    assert code == 2 and "cerebro export withdraw US 2017-08-29" in err


def test_a_week_is_unchanged_only_where_every_file_is(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert "already published, unchanged" in run(capsys, "export", "US", "-d", "2017-08-29")[1]
    for name in ("scores_US_2017-08-29.parquet", "scores_US_2017-08-29.csv", "contacts_US_2017-08-29.xlsx"):
        path = earlier(settings, name)
        whole = path.read_bytes()
        damage(settings, name)
        for command in ("week", "export"):
            code, out, err = run(capsys, command, "US", "-d", "2017-08-29")
            assert code == 2 and out == "" and f"{name} is not what was written" in err
            assert "cerebro export withdraw US 2017-08-29" in err
        path.unlink()
        assert run(capsys, "week", "US", "-d", "2017-08-29")[0] == 2
        path.write_bytes(whole)
    damage(settings, name)
    assert run(capsys, "export", "withdraw", "US", "2017-08-29")[0] == 0
    assert "published in" in run(capsys, "export", "US", "-d", "2017-08-29")[1]


def test_what_is_damaged_is_compared_with_by_nobody(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer's change since Tuesday, and how long he is on the list, may not come from a file that rotted."""
    damage(settings, "scores_US_2017-08-29.parquet")
    shutil.rmtree(Path(settings.exports) / "US" / "2017-09-05")
    with pytest.raises(NoWeek, match=rf"scores_US_2017-08-29.parquet is not what was written.*{MENDS}"):
        export(settings, US, AT)
    archive, after = Archive(settings), EARLIER + timedelta(days=6)
    monkeypatch.setattr("scorer.archive.LOOK_S", 0.0)
    with caplog.at_level(logging.WARNING, "cerebro.scorer"):
        assert archive.past(US, after) == {} and "is not what was written" in caplog.text
    damage(settings, "scores_US_2017-08-29.parquet")  # the same bit once more: it is whole again
    assert set(archive.past(US, after)) == {"lapse", "skip"}


def test_a_week_of_another_release_is_refused_in_words_and_can_be_taken_back(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    path = earlier(settings)
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps({name: one for name, one in told.items() if name != "stamp"} | {"version": 1}))
    folder = Folder(settings.exports, US)
    with pytest.raises(UserError, match=rf"it was published by another release \(form 1, not 2\).*{MENDS}"):
        folder.week(EARLIER)
    assert run(capsys, "export", "withdraw", "US", "2017-09-05")[0] == 0  # which lets latest.json name the old one
    assert json.loads((Path(settings.exports) / "US/latest.json").read_bytes())["list_id"] == "US-lapse-2017-08-29"
    assert run(capsys, "export", "withdraw", "US", "2017-08-29")[0] == 0
    assert "published in" in run(capsys, "export", "US", "-d", "2017-08-29")[1]


def test_a_folder_that_was_renamed_is_not_the_week_of_its_name(settings: Settings) -> None:
    earlier(settings).parent.rename(earlier(settings).parents[1] / "2017-08-22")
    folder = Folder(settings.exports, US)
    with pytest.raises(NoWeek, match="it is that of US at 2017-08-29"):
        folder.usable(EARLIER - timedelta(days=7), {})
    assert folder.usable(EARLIER, {}) is None


def test_a_week_of_another_lake_is_told_apart(settings: Settings) -> None:
    with pytest.raises(NoWeek, match=r"cannot be used: it is of another log \(orders was "):
        Folder(settings.exports, US).usable(EARLIER, {"orders": "another-table"})


def test_every_bit_of_the_manifest_counts(settings: Settings) -> None:
    path, folder = earlier(settings), Folder(settings.exports, US)
    body = path.read_bytes()
    whole = folder.week(EARLIER)
    assert whole is not None
    for i in range(0, len(body), 7):
        path.write_bytes(body[:i] + bytes([body[i] ^ (1 << i % 8)]) + body[i + 1 :])
        try:
            found = folder.week(EARLIER)
        except NoWeek:
            continue
        assert found is None or found.manifest == whole.manifest, i
