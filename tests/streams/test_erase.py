"""`cerebro erase`: who is forgotten stands nowhere any more, and no old event brings them back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

import cli
from console.audit_file import AuditFile
from console.audit_file import read as acts_of
from operation import erasing, tombstones
from operation.tidy import tidy
from operation.trace import holds, traces
from scorer.served.vector_file import ModelRecord, Scored, ServedRecord, VectorFile, read
from scorer.tuesday import forgotten
from scorer.tuesday.week import Folder
from scv.events import calendar, event
from scv.events.calendar import DAY_US, to_us
from scv.events.clock import wall_us
from scv.features import fetcher
from scv.model import training_file, week_file
from scv.model.training_file import SetManifest
from scv.offline.csv_text import csv_of
from scv.offline.fetch import fetch
from scv.offline.lake import Lake
from scv.offline.snapshot import Snapshots
from scv.online.keys import Keys
from scv.online.reader import Reader
from scv.settings import Settings
from scv.stamp import Stamp
from store.heartbeat import members
from streams.lake.consumer import LakeConsumer
from streams.lake.erasure import erasures
from streams.online.consumer import OnlineConsumer
from tests.scorer.published import manifest_of
from tests.streams import shop
from tests.streams.shop import AT, US

CANARY = "canary-4711"
TUESDAY = calendar.last_tuesday(AT, US.zone)


def orders(customer: str, days: range = range(10, 60, 7)) -> list[event.Event]:
    found: list[event.Event] = []
    for day in days:
        at = shop.FIRST + timedelta(days=day)
        common: dict[str, Any] = {"country": "US", "customer_id": customer, "occurred_at": at, "seen_at": at}
        found += [
            event.Placed(id=f"{customer}-o{day}", amount_cents=100, **common),
            event.Session(id=f"{customer}-s{day}", duration_s=60, **common),
            event.MailSent(id=f"{customer}-m{day}", campaign="x", **common),
        ]
    return sorted(found, key=lambda one: (one.seen_at or AT, one.id))


def sheet(customers: list[str]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    page = book.add_worksheet("Contacts")
    page.write_row(0, 0, ["Rank", "Customer"])
    for i, one in enumerate(customers, 1):
        page.write_row(i, 0, [i, one])
    book.close()
    return out.getvalue()


def publish(settings: Settings) -> Folder:
    """A week with three customers, the canary among them."""
    names, date = [CANARY, "7", "8"], calendar.label(TUESDAY, US)
    scores, parquet = pa.table({"customer_id": names, "probability": [0.5, 0.3, 0.2]}), io.BytesIO()
    pq.write_table(scores, parquet)
    files = {
        f"scores_US_{date}.parquet": parquet.getvalue(), f"scores_US_{date}.csv": csv_of(scores, US),
        f"contacts_US_{date}.xlsx": sheet(names),
    }  # fmt: skip
    folder = Folder(settings.exports_url, US)
    folder.publish(manifest_of(US, TUESDAY, files), files)
    return folder


def keep(settings: Settings) -> None:
    """Everything else that is kept of a customer: snapshots, training sets, served vectors."""
    assert not [one.error for one in fetch(settings, {US: [TUESDAY]}) if one.error]
    rows = pa.table({"customer_id": [CANARY, "7"], "event_timestamp": pa.array([TUESDAY] * 2), "y": [0, 1]})
    said = SetManifest(
        country="US", target="lapse", reference=TUESDAY, label_as_of=TUESDAY, rows=2, positives=1, share=1.0,
        columns=(), stamp=Stamp(),
    )  # fmt: skip
    training_file.write(settings, US, rows, said)
    week_file.write(settings, US, week_file.ROWS, TUESDAY, rows, Stamp())
    vectors = VectorFile(settings.vectors_path, 2**20)
    for customer in (CANARY, "7", CANARY):
        scored = [Scored(target="lapse", model="m", vector=[1.0], probability=0.5)]
        served = ServedRecord(country="US", customer_id=customer, at=TUESDAY, places={}, upto={}, scores=scored)
        vectors.write(served, [ModelRecord(id="m", country="US", target="lapse", columns=())])
    vectors.close()
    acts = AuditFile(settings.audit_path, 0)
    for customer in (CANARY, "7"):
        acts.write("anna", ["agent"], "GET /api/v1/customers/{country}/{id}", 200, ("US", customer))
    acts.close()


def erase(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = cli.main(["erase", "US", CANARY, "--yes", "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {"err": err}


def test_nothing_names_them_any_more_and_nothing_brings_them_back(
    live: Settings, here: None, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [one for one in shop.log(1, 600) if one.seen_at and one.seen_at < TUESDAY]
    told = sorted([*others, *orders(CANARY)], key=lambda one: one.seen_at or AT)
    client.hset(f"{live.key_prefix}:clock:US", "mode", "replay")
    shop.send(live, told)
    shop.consume(live)
    keep(live)
    folder = publish(live)
    home = live.home_path
    assert {"lake", "snapshots", "training", "vectors", "exports", "console"} <= set(traces(home, CANARY))
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        shop.wait(lambda: all(members(client, group) for group in ("online", "lake")))
        code, receipt = erase(capsys)
    assert code == 0, receipt
    left = traces(home, CANARY)
    assert set(left) <= {"lake"}, "all but the erasure itself"
    remains = {one["place"]: one["remains"] for one in receipt["places"] if one["remains"]}
    assert {name for name, what in remains.items() if what.startswith(erasing.ITSELF)} == {"store", "lake"}
    assert remains.keys() - {"store", "lake"} == {"topics of events", "topics of dead letters"}
    (view,) = Reader(client).read(US, [CANARY], list(fetcher.collect().values()))
    assert not view.known
    assert CANARY not in json.dumps(receipt)
    # what others have stays, and the week may be used
    week = folder.week(TUESDAY)
    assert week is not None and week.scores()["customer_id"].to_pylist() == ["7", "8"] and not week.damage()
    book = openpyxl.load_workbook(
        io.BytesIO(folder.read(f"{week.manifest.date}/contacts_US_{week.manifest.date}.xlsx"))
    )
    assert [row[1] for row in book["Contacts"].iter_rows(values_only=True)] == ["Customer", "7", "8"]
    assert [one.served.customer_id for one in read(live.vectors_path) if not isinstance(one, str)] == ["7"]
    assert [one.customer for one in acts_of(live.audit_path) if not isinstance(one, str)] == ["", "7"]
    assert cli.main(["verify", "US"]) == 0, capsys.readouterr().err
    # old events, sent once more, are of somebody whom nobody knows
    shop.send(live, orders(CANARY), until=None)
    shop.consume(live)
    assert not [one.error for one in fetch(live, {US: [TUESDAY]}) if one.error]
    for table in Snapshots(live, US).read(TUESDAY).values():
        assert CANARY not in table["customer_id"].to_pylist()


def test_after_the_stated_time_no_byte_names_them_and_old_events_bring_nobody_back(
    live: Settings, here: None, client: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEREBRO_EVENT_DAYS", "30")
    kept = msgspec.structs.replace(live, event_days=30)
    client.hset(f"{live.key_prefix}:clock:US", "mode", "replay")
    shop.send(live, sorted([*shop.log(1, 300), *orders(CANARY)], key=lambda one: one.seen_at or AT), until=None)
    shop.consume(live)
    with shop.Running(live, OnlineConsumer, LakeConsumer):
        shop.wait(lambda: all(members(client, group) for group in ("online", "lake")))
        code, receipt = erase(capsys)
    assert code == 0, receipt
    remains = {one["place"]: one["remains"] for one in receipt["places"] if one["remains"]}
    for place in ("store", "lake"):
        assert remains[place].startswith(f"{erasing.ITSELF}: until ")
    row = Keys(live.key_prefix).row("US", CANARY)
    assert client.exists(row), "the erasure, so that nothing brings them back"

    now = wall_us()
    monkeypatch.setattr(tombstones, "wall_us", lambda: now + 30 * DAY_US)
    assert "erasures" not in {one.kind for one in tidy(kept, [US]).gone} and client.exists(row)
    monkeypatch.setattr(tombstones, "wall_us", lambda: now + 31 * DAY_US + 60_000_000)
    assert "erasures" not in {one.kind for one in tidy(live, [US]).gone}, "a log that keeps events for ever"
    assert "erasures" in {one.kind for one in tidy(kept, [US], dry=True).gone} and client.exists(row)
    assert "erasures" in {one.kind for one in tidy(kept, [US]).gone}
    assert "erasures" not in {one.kind for one in tidy(kept, [US]).gone}, "once"
    stored = b" ".join(bytes(word) for word in everything(client))
    assert CANARY.encode() not in stored and not client.exists(row)
    assert erasures(Lake(live.lake_path), US, Lake(live.lake_path).version()) == {}
    assert set(traces(live.home_path, CANARY)) <= {"lake"}, "Delta's own log, until its next checkpoints"
    tables = [path for path in live.lake_path.rglob("country=*/**/*.parquet") if holds(path, CANARY)]
    assert not tables

    shop.send(live, orders(CANARY), until=None)
    shop.consume(live)
    (view,) = Reader(client).read(US, [CANARY], list(fetcher.collect().values()))
    assert not view.known and not client.exists(row)
    assert not [path for path in live.lake_path.rglob("country=*/**/*.parquet") if holds(path, CANARY)]
    assert cli.main(["dead-letters", "list", "--json"]) == 0
    assert "of a forgotten customer" in capsys.readouterr().out


def everything(client: Any) -> Iterator[bytes]:
    """Every key and value of the store."""
    for key in client.scan_iter(count=1000):
        yield key
        yield client.dump(key) or b""


def test_without_consumers_it_says_that_nothing_is_gone_yet(
    live: Settings, here: None, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client.hset(f"{live.key_prefix}:clock:US", "mode", "replay")
    shop.send(live, orders(CANARY))
    shop.consume(live)
    code, said = erase(capsys)
    assert code == 1 and "consumers do not run" in said["err"]


def test_nobody_of_that_id(live: Settings, here: None, client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = erase(capsys)
    assert code == 2 and "Nothing is known of customer" in said["err"]


@pytest.mark.parametrize("put", range(1, 6))
def test_a_week_that_was_killed_in_between_is_ended_by_the_next(
    tmp_path: Path, put: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, gone = publish(Settings(home=str(tmp_path))), {CANARY: to_us(TUESDAY) + 1}
    write, count = folder.put, iter(range(1, 100))

    def killed(name: str, body: bytes) -> None:
        if next(count) == put:
            raise KeyboardInterrupt
        write(name, body)

    monkeypatch.setattr(folder, "put", killed)
    (name,) = forgotten.holding(folder, gone)
    with pytest.raises(KeyboardInterrupt):
        forgotten.forget(folder, name, gone)
    monkeypatch.undo()
    for one in forgotten.holding(folder, gone):
        forgotten.forget(folder, one, gone)
    week = folder.week(TUESDAY)
    assert week is not None and not week.damage() and not list(forgotten.holding(folder, gone))
    assert traces(tmp_path, CANARY) == {}


def test_a_trace_is_a_whole_word(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for body, there in ((b"id\n12\n", True), (b"id\n4123\n", False), (b'{"id":"12"}', True), (b"x12,112", False)):
        path.write_bytes(body)
        assert holds(path, "12") == there
