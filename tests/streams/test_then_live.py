"""History first, then live: a replay ends, wall time begins, and nothing is lost or counted twice at the seam."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cli
from scv.events import event
from scv.events.calendar import from_us, last_tuesday
from scv.events.clock import wall_us
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions import epoch
from tests.streams import shop
from tests.streams.test_bounded_time import read, wall_country
from tests.streams.test_live_country import complete

DAY = timedelta(days=1)


def history(path: Path, until: datetime) -> Path:
    """A customer's order a day, up to then: as many as are in the last 28 days at any hour."""
    rows = [
        {"id": f"h{n}", "customer_id": "1", "kind": "placed", "occurred_at": until - n * DAY, "amount_cents": 500}
        for n in range(1, 28)
    ]
    pd.DataFrame(rows).assign(country="AA").to_parquet(path)
    return path


def again(until: datetime) -> list[event.Event]:
    """The newest order of the history once more, and one that it did not have, by a live sender."""
    common: dict[str, Any] = {"country": "AA", "customer_id": "1", "amount_cents": 500}
    return [
        event.Placed(id="h1", occurred_at=until - DAY, **common),
        event.Placed(id="live", occurred_at=until, **common),
    ]


@pytest.mark.usefixtures("here")
def test_a_history_and_then_live_events(
    live: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    country, now = wall_country(live), from_us(wall_us())
    path, store = history(tmp_path / "history.parquet", now - DAY / 4), RowStore(client)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(one.counters.placed for one in running.consumers))
        assert cli.main(["replay", str(path)]) == 0
        assert "`cerebro clock AA --live` ends it" in capsys.readouterr().err
        clock = store.clock("AA")
        assert (clock.mode, clock.now) == ("replay", now - DAY / 4 - DAY + timedelta(microseconds=1))
        assert cli.main(["replay", str(path), "--then-live"]) == 0, "it goes on where it stood"
        assert "AA lives on wall time now" in capsys.readouterr().err
        assert complete(live, client, now) > now, "the history is enough to begin with"
        shop.send(live, again(now - DAY / 4), None)
        complete(live, client, from_us(wall_us()))
        shop.settle(live, client)
        values = read(client, country).fetchers["orders"].values
        assert values["count_28d"] == 28, "what came twice counts once"
        assert cli.main(["replay", str(path)]) == 2
        assert "lives on wall time and has events already" in capsys.readouterr().err
        at = last_tuesday(from_us(wall_us()), country.zone)
        assert cli.main(["week", "AA", "--wait", "20"]) == 2
        assert "No champion of AA" in capsys.readouterr().err, "the log was complete, or it would say that"
    lake, store = Lake(live.lake_path), RowStore(client)
    made = snapshot.manifest(live.snapshots_path, country, at)
    assert made is not None and min(made.stamp.complete_to.values()) >= at
    client.flushdb()
    epoch.set_clocks(store, lake, {"AA": country})
    assert store.clock("AA").mode == "wall", "a store that comes back empty knows it from the lake"


@pytest.mark.usefixtures("here")
def test_a_store_that_forgot_a_replay_goes_on_with_it(live: Settings, client: Any, tmp_path: Path) -> None:
    country, now = wall_country(live), from_us(wall_us())
    path, store = history(tmp_path / "history.parquet", now - DAY), RowStore(client)
    assert cli.main(["replay", str(path)]) == 0
    shop.consume(live)
    client.flushdb()
    epoch.set_clocks(store, Lake(live.lake_path), {"AA": country})
    assert store.clock("AA").mode == "replay"


@pytest.mark.usefixtures("here")
def test_a_history_that_is_not_sent_changes_no_clock(
    live: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall_country(live)
    path, store = history(tmp_path / "history.parquet", from_us(wall_us()) - DAY), RowStore(client)
    lines = pd.read_parquet(path)
    pd.concat([lines, lines.assign(amount_cents=7)]).to_parquet(path)
    store.set_mode("AA", "wall")
    assert cli.main(["replay", str(path), "--then-live"]) == 2
    assert "Nothing was sent" in capsys.readouterr().err
    assert store.clock("AA").mode == "wall"


@pytest.mark.usefixtures("here")
def test_a_country_of_the_past_has_no_wall_time(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["clock", "US", "--live"]) == 2
    assert "does not hold today" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_a_history_that_is_invented_for_a_live_country_is_a_replay_too(
    live: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    country, store = wall_country(live), RowStore(client)
    words = ["simulate", "--country", "AA", "--customers", "9", "--weeks", "8", "--until", "now", "--to", "kafka"]
    assert cli.main([*words, "--clean", "--out", str(tmp_path / "world")]) == 0
    assert "AA stays in its replay: `cerebro clock AA --live` ends it" in capsys.readouterr().err
    assert store.clock("AA").mode == "replay"
    shop.consume(live, OnlineConsumer)
    assert store.clock("AA").now == last_tuesday(from_us(wall_us()), country.zone)
    assert cli.main(["clock", "AA", "--live"]) == 0
    assert cli.main([*words, "--out", str(tmp_path / "other")]) == 2
    assert "lives on wall time and has events already" in capsys.readouterr().err
    assert not (tmp_path / "other" / "spool").exists(), "that is said before anything is made"


@pytest.mark.usefixtures("here")
def test_what_comes_live_during_a_replay_moves_no_clock_and_is_told_of_before_the_country_goes_live(
    live: Settings, client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its customer's older history, which comes behind it, would be too late: silently so."""
    wall_country(live)
    now = from_us(wall_us())
    store, until = RowStore(client), (now - DAY).replace(microsecond=0)
    path = history(tmp_path / "history.parquet", until)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(one.counters.placed for one in running.consumers))
        assert cli.main(["replay", str(path), "--until", str((until - 9 * DAY).isoformat())]) == 0
        stands = store.clock("AA").now
        shop.send(live, again(now)[1:], None)
        shop.settle(live, client)
        assert store.clock("AA").now == stands == until - 9 * DAY
        heal = tmp_path / "heal.parquet"
        pd.read_parquet(path).tail(2).assign(customer_id="2").to_parquet(heal)
        capsys.readouterr()
        assert cli.main(["replay", str(path), "--then-live"]) == 1
        said = capsys.readouterr().err
        assert "1 customer" in said and "`cerebro refused AA`" in said and "docs/wrong-times.md" in said
        assert "AA stays in its replay" in said and store.clock("AA").mode == "replay"
        assert cli.main(["replay", str(heal), "--from", str((until - 60 * DAY).isoformat())]) == 1
        assert "Live events of 1 customer (1)" in capsys.readouterr().err, "what was replayed is not live"
        assert cli.main(["clock", "AA", "--live"]) == 0 and store.clock("AA").mode == "wall"
