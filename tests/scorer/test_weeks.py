"""Which week is meant: the one of the Tuesday before an instant, the one of seven days earlier, or none."""

from __future__ import annotations

import io
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rpc.client import ScorerClient
from scorer.archive import Archive
from scorer.tuesday.contact_list import SCHEMA
from scorer.tuesday.export import export
from scorer.tuesday.sheet import movers
from scorer.tuesday.week import Folder
from scv.events import calendar
from scv.events.country import Country
from scv.offline.lake import Lake
from scv.settings import Settings
from tests.scorer.published import manifest_of
from tests.scorer.shop import AT, EARLIER, LIVELY, US, Shop

ZONES = ("Pacific/Auckland", "Europe/Paris", "UTC", "America/New_York", "America/Santiago")
PROBABILITIES = {"2017-08-29": 0.1, "2017-09-05": 0.2}


def publish(url: Path, country: Country, at: datetime, probability: float) -> None:
    """A week in which one customer has one score."""
    blank: dict[str, object] = dict.fromkeys(SCHEMA.names)
    row = blank | {"customer_id": "1", "target": "lapse", "status": "SCORED", "probability": probability}
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), body)
    date = calendar.label(at, country)
    name, content = f"scores_{country.code}_{date}.parquet", body.getvalue()
    files = {name: content}
    assert Folder(str(url), country).publish(manifest_of(country, at, files), files)


@pytest.mark.parametrize("zone", ZONES)
def test_since_tuesday_is_since_the_tuesday_before_the_instant(zone: str, tmp_path: Path) -> None:
    """Around midnight, wherever it is: until Tuesday has begun it is last week's file, from then on this week's."""
    country = msgspec.structs.replace(US, time_zone=zone)
    for date, probability in PROBABILITIES.items():
        publish(tmp_path, country, calendar.reference(date, country), probability)
    archive = Archive(Settings(exports=str(tmp_path)))
    begins = calendar.reference("2017-09-05", country)
    for hours in (-13, -11, -3, -1, 0):
        assert archive.past(country, begins + timedelta(hours=hours)) == {"lapse": {"1": 0.1}}, hours
    for after in (timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=13), timedelta(days=7)):
        assert archive.past(country, begins + after) == {"lapse": {"1": 0.2}}, after
    assert archive.past(country, begins + timedelta(days=7, microseconds=1)) == {}  # that Tuesday has no file


def test_a_published_week_is_heard_of_and_a_missing_one_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, after = Archive(Settings(exports=str(tmp_path))), AT + timedelta(hours=1)
    assert archive.past(US, after) == {}
    publish(tmp_path, US, AT, 0.3)
    monkeypatch.setattr("scorer.archive.LOOK_S", 0.0)
    assert archive.past(US, after) == {"lapse": {"1": 0.3}}


def test_weeks_are_in_the_order_of_their_instants(tmp_path: Path) -> None:
    """As text, the label of an instant in UTC sorts after that of a local day that begins later."""
    country = msgspec.structs.replace(US, time_zone="Pacific/Auckland")
    tuesday = calendar.reference("2017-09-05", country)
    hour_before = tuesday - timedelta(hours=1)
    assert calendar.label(tuesday, country) > calendar.label(hour_before, country)
    hour_after = tuesday + timedelta(hours=1)
    assert calendar.label(tuesday, country) > calendar.label(hour_after, country)
    for at in (hour_after, tuesday, hour_before):
        publish(tmp_path, country, at, 0.1)
    folder = Folder(str(tmp_path), country)
    assert folder.references() == [hour_before, tuesday, hour_after]
    latest = msgspec.json.decode((tmp_path / "US" / "latest.json").read_bytes())
    assert latest["date"] == calendar.label(hour_after, country)


def test_no_week_but_that_of_seven_days_earlier_is_last_week(made: Shop, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(made.settings, exports=str(tmp_path))
    long_ago = calendar.reference("2017-06-06", US)
    export(settings, US, long_ago)
    rows = export(settings, US, AT).week.scores().to_pylist()
    assert {row["change_since_last_week"] for row in rows} == {None} and movers(rows) == []
    assert {row["weeks_on_list"] for row in rows if row["target"] == "lapse"} == {0, 1}  # begun anew
    assert Folder(str(tmp_path), US).references() == [long_ago, AT]


def test_live_the_change_is_since_the_tuesday_before_or_absent(
    live: Shop, client: ScorerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(live.settings, exports=str(tmp_path))
    archive = Archive(settings)
    row = next(
        one
        for one in export(settings, US, EARLIER).week.scores().to_pylist()
        if (one["customer_id"], one["target"]) == (LIVELY, "lapse")
    )
    assert archive.past(US, AT)["lapse"][LIVELY] == row["probability"]
    assert archive.past(US, AT + timedelta(days=1)) == {}
    live.mark(AT + timedelta(days=1))
    assert not client.score("US", LIVELY, ["lapse"]).targets[0].HasField("change_since_tuesday")


def test_the_lake_is_not_opened_at_every_look(made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a tenth of a second, for which every caller waits; who made its tables is seen in a few files."""
    settings = msgspec.structs.replace(made.settings, exports=str(tmp_path))
    archive, opened = Archive(settings), []
    version = Lake.version
    monkeypatch.setattr(Lake, "version", lambda self: opened.append(self) or version(self))
    monkeypatch.setattr("scorer.archive.LOOK_S", 0.0)
    for _ in range(3):
        assert archive.past(US, AT) == {}
    assert not opened, "no week is published: nothing is asked of the lake"
    export(settings, US, EARLIER)
    opened.clear()
    for _ in range(3):
        assert archive.past(US, AT)["lapse"]
    assert len(opened) == 1
    os.utime(settings.lake_path / "epoch.json")  # as it is for a lake that is filled anew
    assert archive.past(US, AT)["lapse"] and len(opened) == 2
