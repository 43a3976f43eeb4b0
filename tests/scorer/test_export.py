"""Tuesday's files: the same again is the same bytes, a crash leaves the old or the new, and nothing is a formula."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import fsspec
import msgspec
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

import cli
from rpc.client import ScorerClient
from scorer import champions
from scorer.contact import held_out, season
from scorer.tuesday.claim import claimed
from scorer.tuesday.export import Exported, export
from scorer.tuesday.reconcile import reconcile, settle
from scorer.tuesday.sheet import COLUMNS
from scorer.tuesday.week import Folder
from scv import language
from scv.errors import NoRoom, UserError
from scv.events import country
from scv.offline.csv_text import csv_of
from scv.settings import Settings
from tests.scorer.killed import CODE
from tests.scorer.shop import AT, EARLIER, LIVELY, US, Shop
from tests.sources import ROOT

SMALL = msgspec.structs.replace(US, capacity=9, held_out_share=0.3)
ORDER = [
    "rank", "customer_id", "phase", "risk_band", "times_average", "probability", "target", "horizon_end",
    "change_since_last_week", "weeks_on_list", "reason_1", "reason_2", "suggested_action", "channels_allowed",
    "cut_off_local", "last_contact", "contacted_at", "channel", "disposition", "offer_code", "list_id", "model",
    "reference", "data_complete_to",
]  # fmt: skip


def settings_of(shop: Shop, folder: Path | str) -> Settings:
    return msgspec.structs.replace(shop.settings, exports=str(folder))


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `exported` lies; only read by the tests."""
    return tmp_path_factory.mktemp("tuesdays")


@pytest.fixture(scope="module")
def exported(made: Shop, folder: Path) -> Exported:
    settings = settings_of(made, folder)
    export(settings, SMALL, EARLIER)
    return export(settings, SMALL, AT)


def test_the_same_week_again_changes_nothing(made: Shop, folder: Path, exported: Exported) -> None:
    before = contents(folder)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    again = export(settings_of(made, folder), SMALL, AT)
    assert exported.new and not again.new
    assert contents(folder) == before
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")} == stamps


def test_the_same_week_elsewhere_has_the_same_bytes(
    made: Shop, tmp_path: Path, folder: Path, exported: Exported
) -> None:
    export(settings_of(made, tmp_path), SMALL, EARLIER)
    export(settings_of(made, tmp_path), SMALL, AT)
    assert contents(tmp_path) == contents(folder)


def test_another_content_is_an_error_that_says_so(made: Shop, folder: Path, exported: Exported) -> None:
    before = contents(folder)
    made.train("lapse", rounds=25)
    try:
        with pytest.raises(UserError, match=r"never overwritten.* lapse by lapse-20, now lapse-25"):
            export(settings_of(made, folder), SMALL, AT)
    finally:
        made.train("lapse")
    assert contents(folder) == before


def test_the_manifest_describes_every_file(folder: Path, exported: Exported) -> None:
    week = folder / "US" / "2017-09-05"
    manifest = json.loads((week / "manifest.json").read_bytes())
    assert set(manifest["files"]) == {path.name for path in week.iterdir()} - {"manifest.json"}
    for name, file in manifest["files"].items():
        body = (week / name).read_bytes()
        assert (manifest["stamp"]["files"][name], file["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
    assert manifest["counts"]["listed"] == 9 and manifest["counts"]["held_out"] > 0
    assert manifest["models"] == {"lapse": "lapse-20", "return": "", "skip": "skip-12"}
    assert manifest["data_complete_to"] == "2017-09-05T04:00:00Z"
    latest = json.loads((folder / "US" / "latest.json").read_bytes())
    assert latest["date"] == "2017-09-05"


def test_an_old_week_does_not_become_the_latest(made: Shop, tmp_path: Path) -> None:
    settings = settings_of(made, tmp_path)
    export(settings, SMALL, AT)
    export(settings, SMALL, EARLIER)
    assert json.loads((tmp_path / "US" / "latest.json").read_bytes())["date"] == "2017-09-05"
    assert Folder(str(tmp_path), US).references() == [EARLIER, AT]


def test_the_sheet_has_exactly_the_columns_and_the_order(folder: Path, exported: Exported) -> None:
    assert list(COLUMNS) == ORDER
    book = openpyxl.load_workbook(folder / "US/2017-09-05/contacts_US_2017-09-05.xlsx")
    assert book.sheetnames == ["Contacts", "Read me", "Movers"]
    shown, *rows = list(book["Contacts"].iter_rows(values_only=True))
    header = [language.column_of(str(one)) or "" for one in shown]
    assert list(shown) == [language.load("en").columns[one] for one in header]
    assert header == [one for one in ORDER if one in header] and {*ORDER} - {*header} <= {
        "cut_off_local",
        "last_contact",
    }
    assert book["Contacts"].freeze_panes == "C2" and book["Contacts"].auto_filter.ref
    contacts = [dict(zip(header, row, strict=True)) for row in rows]
    assert [one["rank"] for one in contacts] == list(range(1, 10))
    assert [one["probability"] for one in contacts] == sorted((one["probability"] for one in contacts), reverse=True)
    assert all(isinstance(one["customer_id"], str) for one in contacts)
    assert book["Contacts"]["F2"].number_format == "0.0%" and book["Contacts"]["B2"].data_type == "s"
    scores = {row["customer_id"]: row for row in exported.week.scores().to_pylist() if row["target"] == "lapse"}
    for one in contacts:
        full = scores[one["customer_id"]]
        assert full["contact_status"] == "LISTED" and full["rank"] == one["rank"]
        # xlsxwriter keeps 16 digits; the Parquet file is the exact one.
        assert one["probability"] == pytest.approx(full["probability"], rel=1e-14)
        assert one["horizon_end"] == "2017-10-31" and one["list_id"] == "US-lapse-2017-09-05"
    readme = " ".join(str(row[0]) for row in book["Read me"].iter_rows(values_only=True))
    assert "no order in the next 56 days" in readme and "cancelled anything" in readme


def test_who_may_not_be_contacted_is_not_on_the_list(exported: Exported) -> None:
    rows = {row["customer_id"]: row for row in exported.week.scores().to_pylist() if row["target"] == "lapse"}
    assert rows["1000"]["contact_status"] == "SUPPRESSED" and "quiet" in rows["1000"]["contact_reason"]
    away = {name for name in rows if held_out(Settings().hold_out_salt, SMALL, name, AT)}
    assert {name for name, row in rows.items() if row["contact_status"] == "HELD_OUT"} == away - {"1000"}
    last = min(row["probability"] for row in rows.values() if row["contact_status"] == "LISTED")
    would = {name for name, row in rows.items() if row["contact_status"] == "HELD_OUT" and row["would_list"]}
    assert would == {name for name in away - {"1000"} if (rows[name]["probability"] or 0) > last}
    assert {row["weeks_on_list"] for row in rows.values()} >= {0, 1}
    assert any(row["change_since_last_week"] for row in rows.values())


def test_the_list_stands_on_the_rows_of_its_own_target_and_nowhere_else(exported: Exported, folder: Path) -> None:
    """Whoever filters the machine's file by LISTED gets the list: every contact once."""
    rows, listing = exported.week.scores().to_pylist(), exported.week.manifest.target
    places = ("contact_status", "contact_reason", "would_list", "rank", "weeks_on_list")
    for row in rows:
        assert {name for name in places if row[name] is None} <= (
            {"rank"} if row["target"] == listing else set(places)
        ), row
        assert row["target"] == listing or not any(row[name] is not None for name in places)
    listed = [row["customer_id"] for row in rows if row["contact_status"] == "LISTED"]
    assert len(listed) == len(set(listed)) == exported.week.manifest.counts["listed"]
    csv_rows = csv.DictReader(io.StringIO((folder / "US/2017-09-05/scores_US_2017-09-05.csv").read_text("utf-8")))
    shown = [row["customer_id"].lstrip("'") for row in csv_rows if row["contact_status"] == "LISTED"]
    assert sorted(shown) == sorted(listed)


def test_who_opens_the_csv_is_told_what_becomes_of_leading_zeros(
    folder: Path, exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    made = csv_of(pa.table({"customer_id": ["007", "12"]}), US)
    assert list(pd.read_csv(io.BytesIO(made))["customer_id"]) == [7, 12]
    assert list(pd.read_csv(io.BytesIO(made), dtype={"customer_id": str})["customer_id"]) == ["007", "12"]
    book = openpyxl.load_workbook(folder / "US/2017-09-05/contacts_US_2017-09-05.xlsx")
    told = [" ".join(str(row[0]) for row in book["Read me"].iter_rows(values_only=True))]
    for line in ("export publish", "fetch"):
        cli.main([*line.split(), "--help"])
        told.append(" ".join(capsys.readouterr().out.split()))
    assert [one for one in told if "leading zeros" not in one] == []


def test_weeks_in_a_row_are_counted(made: Shop, folder: Path, exported: Exported) -> None:
    before = Folder(str(folder), US).week(EARLIER)
    assert before is not None
    earlier, now = (
        {row["customer_id"]: row["weeks_on_list"] for row in one.scores().to_pylist() if row["target"] == "lapse"}
        for one in (before, exported.week)
    )
    assert max(earlier.values()) == 1
    assert all(weeks == earlier.get(name, 0) + 1 for name, weeks in now.items() if weeks)


def test_no_text_is_a_formula(folder: Path, exported: Exported) -> None:
    nasty = [
        "=1+1",
        "+1",
        "-1",
        "-1+1",
        "'=1",
        "\uff1d1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        'a"b',
        "a,b",
        "a;b",
        "a\nb",
        "\u202e=1",
        "plain",
    ]
    table = pa.table({"text": nasty, "number": [-0.5] * len(nasty)})
    for one in (US, country.load("ZZ")):
        body = csv_of(table, one)
        read = list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=one.separator))[1:]
        assert [text.removeprefix("'") for text, _ in read] == nasty  # an apostrophe of its own included
        plain = [text for text, _ in read if text not in ("+1", "-1")]  # numbers with a sign
        assert not any(text.startswith(("=", "\uff1d", "+", "-", "@", "\t", "\r")) for text in plain)
        assert {float(number.replace(one.decimal, ".")) for _, number in read} == {-0.5}
    body = (folder / "US/2017-09-05/scores_US_2017-09-05.csv").read_bytes()
    ids = [row[1] for row in csv.reader(io.StringIO(body.decode(), newline=""))]
    assert "-1003" in ids  # a number, whatever opens it
    scores = exported.week.scores()
    assert "-1003" in scores["customer_id"].to_pylist()
    assert body.count(b"\r\n") == len(scores) + 1


@pytest.mark.parametrize("survived", range(6))
def test_a_crash_leaves_the_old_week_or_the_whole_new_one(
    exported: Exported, tmp_path: Path, folder: Path, survived: int
) -> None:
    """Killed after so many files: readers see the old week until the manifest stands, and the next run mends it."""
    home = tmp_path / "crash"
    for at in (EARLIER, AT):
        week = Folder(str(folder), US).week(at)
        assert week is not None
        files = {name: (folder / "US" / week.manifest.date / name).read_bytes() for name in week.manifest.files}
        if at == EARLIER:
            Folder(str(home), US).publish(week.manifest, files)
    command = [sys.executable, "-m", "tests.scorer.killed", str(folder), str(home), AT.isoformat(), str(survived)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == (CODE if survived < 5 else 0), killed.stderr
    published = survived >= 4  # three files, then the manifest
    assert Folder(str(home), US).references() == [EARLIER] + [AT] * published
    latest = home / "US/latest.json"
    assert json.loads(latest.read_bytes())["date"] == ("2017-09-05" if survived > 4 else "2017-08-29")
    assert Folder(str(home), US).is_pointed() is (survived != 4)
    assert Folder(str(home), US).publish(week.manifest, files) is not published
    assert contents(home / "US") == contents(folder / "US")


def test_a_full_disk_leaves_no_part(made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(NoRoom, match="no room is left"):
        export(settings_of(made, tmp_path), SMALL, AT)
    assert not contents(tmp_path)


def test_two_at_once_do_not_mix(made: Shop, tmp_path: Path) -> None:
    settings = settings_of(made, tmp_path)
    folder = Folder(str(tmp_path), US)
    with claimed(folder.fs, folder.path, "a test"), pytest.raises(UserError, match="Another export"):
        export(settings, SMALL, AT)
    assert not contents(tmp_path)


def test_a_damaged_file_is_not_read(made: Shop, tmp_path: Path) -> None:
    found = export(settings_of(made, tmp_path), SMALL, AT)
    path = tmp_path / "US/2017-09-05/scores_US_2017-09-05.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(UserError, match=r"not what was written.*cerebro export withdraw US 2017-09-05"):
        found.week.scores()


def test_a_list_of_a_model_that_was_trained_later_says_so(
    made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A replay may look back with a model of today; whoever reads the list must not take it for a forecast."""
    settings, model = settings_of(made, tmp_path), champions.load(made.settings, US, "lapse")
    assert model is not None and export(settings, US, EARLIER).ahead == ""
    later = msgspec.structs.replace(model.info, id="lapse-later", reference=AT + timedelta(days=1))
    made.promote(later, (model.path / "model.txt").read_text())
    monkeypatch.setenv("CEREBRO_HOME", settings.home)
    monkeypatch.setenv("CEREBRO_STORE", settings.store)
    monkeypatch.setenv("CEREBRO_EXPORTS", settings.exports)
    try:
        assert cli.main(["export", "US", "-d", "2017-09-05"]) == 0
    finally:
        made.train("lapse")
    told = capsys.readouterr().out
    ahead = (
        "trained after this list's day, so that probabilities may know what then happened: lapse-later (of 2017-09-06"
    )
    assert ahead in told
    book = openpyxl.load_workbook(tmp_path / "US/2017-09-05/contacts_US_2017-09-05.xlsx")
    said = " ".join(str(row[0]) for row in book["Read me"].iter_rows(values_only=True))
    assert "Model lapse-later, trained on what was known at 2017-09-06." in said and f"Beware: {ahead}" in said


def test_an_object_store_gets_the_same_bytes(made: Shop, folder: Path, exported: Exported) -> None:
    settings = settings_of(made, "memory://tuesdays")
    try:
        export(settings, SMALL, EARLIER)
        assert export(settings, SMALL, AT).new and not export(settings, SMALL, AT).new
        found = {name.removeprefix("/tuesdays/"): body for name, body in _memory().items()}
        assert {name: hashlib.sha256(body).hexdigest() for name, body in found.items()} == contents(folder)
    finally:
        fsspec.filesystem("memory").store.clear()


def _memory() -> dict[str, bytes]:
    fs = fsspec.filesystem("memory")
    return {name: fs.cat_file(name) for name in fs.find("/tuesdays")}


def test_what_is_missing_is_told(made: Shop, tmp_path: Path) -> None:
    settings = settings_of(made, tmp_path)
    with pytest.raises(UserError, match="cerebro fetch US"):
        export(settings, US, AT + timedelta(days=3))
    with pytest.raises(UserError, match="cerebro train US"):
        export(msgspec.structs.replace(settings, home=str(tmp_path / "empty")), US, AT)


def test_the_file_equals_the_live_scorer_to_the_last_digit(live: Shop, client: ScorerClient, tmp_path: Path) -> None:
    found = export(settings_of(live, tmp_path), US, AT)
    done = reconcile(found.week, client)
    assert done.different == 0, done.examples
    assert done.customers == len(set(found.week.scores()["customer_id"].to_pylist()))
    assert done.compared == 10 * len(found.week.scores()) > 1000
    live.mark(AT + timedelta(days=1))  # beyond the barrier it must notice
    assert reconcile(found.week, client, sample=20).different > 0


def test_a_file_of_a_champion_that_was_just_promoted_waits_for_the_scorer(
    live: Shop, client: ScorerClient, tmp_path: Path
) -> None:
    """The scorer loads it beside its calls; until then every value would differ by the model."""
    assert client.score("US", LIVELY, ["lapse"]).targets[0].model == "lapse-20"
    try:
        new = live.train("lapse", rounds=31)
        found = export(settings_of(live, tmp_path), US, AT)
        settle(found.week, client)
        done = reconcile(found.week, client)
        assert done.different == 0, done.examples
        assert client.score("US", LIVELY, ["lapse"]).targets[0].model == new.info.id
    finally:
        live.train("lapse")


def test_held_out_is_stable_for_a_season_and_drawn_anew() -> None:
    people = [f"{n}" for n in range(20_000)]
    one = msgspec.structs.replace(US, held_out_share=0.1)
    first = {name for name in people if held_out("salt", one, name, AT)}
    assert abs(len(first) / len(people) - 0.1) < 0.01
    ends = AT
    while season(ends, one) == season(AT, one):
        ends += timedelta(days=1)
    assert first == {name for name in people if held_out("salt", one, name, ends - timedelta(hours=1))}
    after = {name for name in people if held_out("salt", one, name, ends)}
    other = {name for name in people if held_out("other", one, name, AT)}
    for drawn in (after, other):
        assert abs(len(first & drawn) / len(people) - 0.01) < 0.005  # independent draws
    assert not any(held_out("salt", msgspec.structs.replace(one, held_out_share=0.0), name, AT) for name in people[:99])
    wider = {name for name in people if held_out("salt", msgspec.structs.replace(one, held_out_share=0.2), name, AT)}
    assert first < wider
    assert random.Random(1).sample(sorted(first), 3)
