"""What people did with a list reaches the rows: `cerebro feedback import`, from the sheet to the next live answer."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import cli
from scorer.feedback import lists
from scorer.feedback.lists import PublishedList
from scv.events import calendar
from scv.features import fetcher
from scv.online.reader import Reader
from scv.settings import Settings
from tests.streams import shop
from tests.streams.shop import AT, US
from tests.tables.test_contact_sheet import csv_of

TUESDAY = calendar.last_tuesday(AT, US.zone)
LIST = f"US-lapse-{calendar.label(TUESDAY, US)}"
DAY = (TUESDAY + timedelta(days=1)).astimezone(US.zone).date().isoformat()


@pytest.fixture
def listed(live: Settings, here: None, client: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A replayed country that stands after a Tuesday whose list has three customers."""
    client.hset(f"{live.key_prefix}:clock:US", "mode", "replay")
    shop.send(live, shop.log(3, 300))
    shop.consume(live)
    monkeypatch.setattr(lists, "find", lambda *_: PublishedList(US, TUESDAY, frozenset(("1", "2", "3"))))
    return live


def row(**cells: Any) -> dict[str, Any]:
    return {
        "customer_id": "1", "list_id": LIST, "contacted_at": DAY, "channel": "phone", "disposition": "no answer",
        "offer_code": "",
    } | cells  # fmt: skip


def give_back(capsys: pytest.CaptureFixture[str], path: Path, *rows: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    path.write_text(csv_of(rows, ";"))
    code = cli.main(["feedback", "import", str(path), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def contacts(client: Any, customer: str) -> dict[str, Any]:
    (view,) = Reader(client).read(US, [customer], [fetcher.get("contacts")])
    return dict(view.fetchers["contacts"].values)


def test_an_outcome_counts_once_and_at_once(
    listed: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "returned.csv"
    rows = [row(), row(customer_id="2", disposition="asked not to be contacted"), row(customer_id="3", contacted_at="",
            channel="", disposition="")]  # fmt: skip
    code, said, err = give_back(capsys, path, *rows)
    assert code == 0 and said["became"] == {"taken": 2, "not filled in": 1}, err
    assert (tmp_path / "returned.marked.xlsx").is_file()
    shop.consume(listed)
    before = {customer: contacts(client, customer) for customer in "123"}
    assert before["1"]["contacts"] == 1 and before["1"]["reached"] == 0 and before["3"]["contacts"] in (0, None)
    assert before["2"]["days_since_asked_not"] is not None and before["2"]["reached"] == 1
    # the same again, and with the folder of what was taken lost: nothing counts twice
    code, said, _ = give_back(capsys, path, *rows)
    assert code == 0 and said["became"] == {"taken before": 2, "not filled in": 1}
    for ledger in (listed.home_path / "feedback").rglob("*.json"):
        assert '"1"' not in ledger.read_text() and cli.main(["verify", "US"]) == 0
        ledger.unlink()
    capsys.readouterr()
    assert give_back(capsys, path, *rows)[1]["became"]["taken"] == 2
    shop.consume(listed)
    assert {customer: contacts(client, customer) for customer in "123"} == before


def test_refused_rows_are_said_and_the_others_taken(
    listed: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, err = give_back(
        capsys, tmp_path / "a.csv", row(), row(customer_id="99"), row(customer_id="2", channel="")
    )
    assert code == 2 and said["became"]["taken"] == 1 and "not on this list" in err and "row 3" in err
    code, said, err = give_back(capsys, tmp_path / "a.csv", row(disposition="call back"))
    assert code == 2 and "stays" in err


def test_a_dry_run_sends_and_writes_nothing(
    listed: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(csv_of([row()]))
    assert cli.main(["feedback", "import", str(path), "--dry-run"]) == 0
    assert "1 would be taken" in capsys.readouterr().out
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix in (".csv", ".xlsx")) == ["a.csv"]
    assert not (listed.home_path / "feedback").exists()
