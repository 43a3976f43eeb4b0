"""The commands as typed: what they print, what they exit with, and that a second run does nothing."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

import cli
from scorer.live.server import Server
from scorer.tuesday import preparation
from scv import stamp
from scv.errors import UserError
from scv.events.calendar import to_us
from scv.events.hashed_id import IdKey
from scv.features.fetcher import collect
from scv.offline import fetch, snapshot
from scv.online.rowstore import RowStore
from scv.targets.target import Target
from tests.marking import unmark
from tests.scorer import shop
from tests.scorer.shop import AT, LIVELY, US, Shop
from trainer.recipe import DEFAULT
from trainer.train import Trained


@pytest.fixture(autouse=True)
def environment(made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_HOME", made.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", made.settings.store)
    monkeypatch.setenv("CEREBRO_EXPORTS", str(tmp_path / "exports"))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_score_prints_everything(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    code, out, _ = run(capsys, "score", "US", LIVELY)
    assert code == 0
    for words in (
        f"US {LIVELY}, established, at 2017-09-05",
        "lapse (derived): ",
        "% within 56 days, until 2017-10-31",
    ):
        assert words in out
    for words in ("times the usual rate", "[SCORED, model lapse-20]", "    - ", "FRESH: ", "contact: ", "return: "):
        assert words in out
    code, out, err = run(capsys, "score", "US", LIVELY, "nobody", "--target", "lapse", "--json")
    known, unknown = (json.loads(line) for line in out.splitlines())
    assert code == 1 and "nobody" in err
    assert 0 < known["targets"][0]["probability"] < 1
    assert "probability" not in unknown["targets"][0] and unknown["targets"][0]["status"] == "UNKNOWN_CUSTOMER"
    code, out, _ = run(capsys, "score", "US", LIVELY, "-d", "2017-08-29")
    assert code == 0 and "at 2017-08-29" in out


def test_who_knows_an_address_and_the_key_asks_about_its_hash(
    live: Shop, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "id.key").write_bytes(b"a secret that nobody sees")
    hashed = IdKey(b"a secret that nobody sees").hashed("anna@example.org")
    live.write(live.apply(shop.order(hashed, AT - timedelta(days=1))))
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    monkeypatch.setenv("CEREBRO_ID_KEY_FILE", str(tmp_path / "id.key"))
    code, out, _ = run(capsys, "score", "US", "anna@example.org", "--hash-ids")
    assert code == 0 and out.startswith(f"US {hashed}, ")
    code, _, err = run(capsys, "score", "US", "anna@example.org")
    assert code == 1 and "Unknown customer" in err


def test_score_calls_nobody_unknown_while_rows_are_not_built(
    live: Shop, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    unmark(RowStore(live.client), "US", [collect()["orders"]])
    code, out, err = run(capsys, "score", "US", "nobody")
    assert code == 0 and "UNKNOWN" not in out + err
    assert (
        "US nobody, phase not known, at 2017-09-05" in out and "lapse: STALE_REFUSED: not complete here: orders" in out
    )
    RowStore(live.client).next_generation()
    code, _, err = run(capsys, "score", "US", LIVELY)
    assert code == 2 and "No rows of US are built" in err and "cerebro rebuild" in err


def test_score_tells_mistakes(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    code, _, err = run(capsys, "score", "USA", LIVELY)
    assert code == 2 and "Did you mean 'US'?" in err
    code, _, err = run(capsys, "score", "US", LIVELY, "--target", "laps")
    assert code == 2 and "Did you mean 'lapse'?" in err
    monkeypatch.setenv("CEREBRO_SCORER", "127.0.0.1:1")
    code, _, err = run(capsys, "score", "US", LIVELY)
    assert code == 1 and "cerebro serve" in err and "Traceback" not in err


def test_export_reconciles_with_the_live_scorer(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    code, out, err = run(capsys, "export", "US", "--reconcile")  # no -d: the clock stands on a Tuesday
    assert code == 0 and "2017-09-05: published" in out and "0 of " in err
    code, out, _ = run(capsys, "export", "US", "-d", "2017-09-05", "--json")
    assert code == 0 and json.loads(out)["new"] is False and "compared" not in json.loads(out)
    code, out, _ = run(capsys, "export", "US", "--reconcile", "--json")
    assert code == 0 and json.loads(out)["compared"] > 100 and json.loads(out)["different"] == 0
    code, _, err = run(capsys, "export", "US", "-d", "2017-01-10")
    assert code == 2 and "cerebro fetch US -d 2017-01-10" in err


def test_a_week_runs_and_runs_again(live: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    live.mark(AT + timedelta(days=7))
    code, out, _ = run(capsys, "week", "US", "-d", "2017-09-12")
    assert code == 0 and "2017-09-12: published" in out
    assert "Of 100 contacts" in out or "contacts listed over 1 Tuesdays" in out
    page = Path(out.splitlines()[-1].strip())
    assert page.is_file() and "<html" in page.read_text()
    code, again, _ = run(capsys, "week", "US", "-d", "2017-09-12")
    assert code == 0 and "already published, unchanged" in again


def test_a_list_that_is_acted_on_needs_a_secret_draw(
    made: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not one of long ago, which was made to look back."""
    words, secret = ("export", "US", "-d", "2017-09-05"), "Set CEREBRO_HOLD_OUT_SALT to a secret"
    assert secret not in run(capsys, *words)[2]
    monkeypatch.setattr("scv.events.clock.wall_us", lambda: to_us(AT + timedelta(days=7)))
    assert run(capsys, *words)[2].count(secret) == 1
    monkeypatch.setenv("CEREBRO_HOLD_OUT_SALT", "pepper")
    assert secret not in run(capsys, *words)[2]


def test_a_week_waits_for_the_log(made: Shop) -> None:
    end = AT + timedelta(days=90)  # where the shop's watermarks stand
    told: list[datetime | None] = []
    assert preparation.complete_to(made.settings, US) == end
    assert preparation.wait(made.settings, US, end, 0, told.append) and told == []
    assert not preparation.wait(made.settings, US, end + timedelta(microseconds=1), 0.1, told.append)
    assert told == [end]


def test_a_snapshot_that_knew_too_little_is_taken_again(made: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure() -> None:
        fetch.ensure(made.settings, snapshot.Snapshots(made.settings, US), [AT])

    ensure()
    calls: list[object] = []
    monkeypatch.setattr(fetch, "fetch", lambda *args, **named: calls.append(args) or [])
    ensure()
    assert calls == []
    path = snapshot.manifest_path(made.settings.snapshots_path, US, AT)
    whole = path.read_bytes()
    taken = msgspec.json.decode(whole, type=snapshot.SnapshotManifest)
    early = msgspec.structs.replace(taken.stamp, complete_to=taken.stamp.complete_to | {"orders": AT - timedelta(1)})
    path.write_bytes(stamp.sealed(msgspec.structs.replace(taken, stamp=early)))
    ensure()
    path.write_bytes(whole)
    assert len(calls) == 1


def test_feedback_writes_its_page(made: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "export", "US", "-d", "2017-09-05")[0] == 0
    code, out, _ = run(capsys, "feedback", "US", "--note", "A note.", "--out", str(tmp_path / "page.html"))
    assert code == 0 and out.startswith("Of ") and "A note." in (tmp_path / "page.html").read_text()


def test_feedback_without_a_week_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "feedback", "US")
    assert code == 2 and "cerebro export US" in err


def test_a_target_with_nothing_to_learn_stops_no_other(
    live: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(config: object, known: object, target: Target, *_: object) -> Trained:
        if target.name == "lapse":
            raise UserError("Nothing to learn about lapse")
        return Trained(target.name, None, target.name == "skip", "for a test", DEFAULT, {})

    monkeypatch.setattr("feature_repo.feast_store.apply", lambda config: None)
    monkeypatch.setattr("trainer.past.read", lambda *_: contextlib.nullcontext(SimpleNamespace(without=lambda _: None)))
    monkeypatch.setattr("trainer.tracking.tracked", train)
    code, out, err = run(capsys, "train", "US", "--json")
    assert (code, err) == (2, "Error: Nothing to learn about lapse\n")
    assert [one["target"] for one in json.loads(out)] == ["skip", "return"]
    assert run(capsys, "train", "US", "--target", "skip", "--json")[0] == 0
    assert run(capsys, "train", "US", "--target", "return")[0] == 1
    assert run(capsys, "train", "US", "--target", "lapse")[:2] == (2, "")
