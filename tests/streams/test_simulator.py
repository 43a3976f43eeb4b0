"""The invented world: repeatable, complete, valid, dirty on purpose, and with something to learn."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cli
from scv import calendar, country, event
from scv.errors import UserError
from streams.history import History, write_parquet
from streams.simulator import ENDS, simulate

ZZ = country.load("ZZ")


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return simulate(ZZ, 200, 30, 7).to_pandas()


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (write_parquet(simulate(ZZ, 60, 12, 5), tmp_path / name) for name in ("1.parquet", "2.parquet"))
    assert first.read_bytes() == second.read_bytes()
    other = write_parquet(simulate(ZZ, 60, 12, 6), tmp_path / "3.parquet")
    assert other.read_bytes() != first.read_bytes()


def test_every_family_kind_and_field_is_there(events: pd.DataFrame) -> None:
    kinds = {str(kind.__struct_config__.tag) for members in event.FAMILIES.values() for kind in members}
    assert set(events.kind) == kinds
    for family in event.FAMILIES:
        for field in event.fields(family):
            assert events[field].notna().any(), f"{family}: {field} is never filled"


def test_every_record_is_valid(tmp_path: Path) -> None:
    with History(write_parquet(simulate(ZZ, 200, 30, 7), tmp_path / "ZZ.parquet")) as history:
        assert history.check({"ZZ": ZZ}) > 10_000


def test_the_dirt_is_there(events: pd.DataFrame) -> None:
    delay = events.seen_at - events.occurred_at
    assert delay.min() == timedelta(0)
    assert 0.01 < (delay > timedelta(minutes=30)).mean() < 0.06
    assert (delay > timedelta(days=36)).sum() >= 3
    content = [name for name in events.columns if name != "seen_at"]
    same = events.duplicated(["id", "occurred_at"], keep=False)
    exact = events.duplicated(content, keep=False)
    assert exact.sum() >= 6 and (same & ~exact).sum() >= 6


def test_clean_means_none(tmp_path: Path) -> None:
    found = simulate(ZZ, 50, 10, 1, clean=True).to_pandas()
    assert found.id.is_unique and (found.seen_at == found.occurred_at).all()


def test_the_weeks_lie_inside_the_span(events: pd.DataFrame) -> None:
    end = pd.Timestamp(calendar.midnight(ENDS, ZZ.zone))
    assert events.seen_at.max() < end and events.occurred_at.max() > end - timedelta(days=1)
    assert end - timedelta(weeks=30, hours=1) <= events.occurred_at.min() < end - timedelta(weeks=29)
    for weeks in (2, 47, 60, 206):
        found = simulate(ZZ, 3, weeks, 1).to_pandas()
        assert found.seen_at.max() < pd.Timestamp(calendar.midnight(ZZ.ends_on, ZZ.zone))
        assert found.seen_at.min() >= pd.Timestamp(calendar.midnight(ZZ.starts_on, ZZ.zone))
    with pytest.raises(UserError, match="at most 206 weeks"):
        simulate(ZZ, 3, 207, 1)
    with pytest.raises(UserError, match="customers >= 1"):
        simulate(ZZ, 0, 30, 1)


def test_boxes_come_on_delivery_days_and_are_cut_off_before(events: pd.DataFrame) -> None:
    on_time = events[(events.kind == "delivered") & (events.late_days == 0)].drop_duplicates("id")
    local = on_time.occurred_at.dt.tz_convert(ZZ.time_zone)
    assert set(local.dt.weekday) <= set(ZZ.delivery_weekdays)
    placed = events[events.kind == "placed"].drop_duplicates("id")
    days = placed.occurred_at.dt.tz_convert(ZZ.time_zone).dt.date
    pairs = set(zip(placed.customer_id, days, strict=True))
    before = [
        (who, day - timedelta(days=ZZ.cut_off_days))
        for who, day in zip(on_time.customer_id, local.dt.date, strict=True)
    ]
    assert set(before) <= pairs


def test_lifecycles_make_sense(events: pd.DataFrame) -> None:
    """started first; cancelled only while here; reactivated only after a cancellation; resumed only after a pause."""
    after = {
        "started": {None}, "cancelled": {"started", "reactivated", "resumed", "paused"},
        "reactivated": {"cancelled"}, "paused": {"started", "reactivated", "resumed"}, "resumed": {"paused"},
    }  # fmt: skip
    moves = events[events.kind.isin(list(after))].drop_duplicates("id").sort_values("occurred_at")
    last: dict[str, str] = {}
    for who, kind in zip(moves.customer_id, moves.kind, strict=True):
        assert last.get(who) in after[kind], f"{who}: {kind} after {last.get(who)}"
        last[who] = kind
    count = Counter(moves.kind)
    assert count["cancelled"] > 60 and count["reactivated"] > 20 and count["paused"] > 20
    assert events[events.kind == "cancelled"].voluntary.astype(bool).mean() < 1


def test_reasons_to_leave_can_be_found() -> None:
    """Weeks after a complaint end in a cancellation more often; the first weeks do too."""
    found = simulate(ZZ, 2000, 30, 11, clean=True).to_pandas()
    origin = found.occurred_at.min()
    found["week"] = (found.occurred_at - origin) // timedelta(weeks=1)
    here = found[found.kind == "placed"].groupby(["customer_id", "week"]).size().index
    left = set(map(tuple, found[found.kind == "cancelled"][["customer_id", "week"]].to_numpy()))
    cross = set(map(tuple, found[found.kind == "complaint_opened"][["customer_id", "week"]].to_numpy()))
    start = found[found.kind == "started"].set_index("customer_id").week

    def rate(rows: list[tuple[str, int]]) -> float:
        return float(np.mean([any((who, week + ahead) in left for ahead in (1, 2)) for who, week in rows]))

    rows = [(who, week) for who, week in here if week < 27]
    assert rate([row for row in rows if row in cross]) > 1.8 * rate([row for row in rows if row not in cross])
    young = [(who, week) for who, week in rows if week - start[who] <= 3]
    old = [(who, week) for who, week in rows if week - start[who] > 12]
    assert rate(young) > 1.5 * rate(old)


def test_the_command_writes_a_file_and_prints_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    assert cli.main(["simulate", "--customers", "20", "--weeks", "6"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'events' / 'ZZ.parquet'}\n"
    assert cli.main(["simulate", "--weeks", "400"]) == 2
    assert cli.main(["simulate", "--out", str(tmp_path / "x.csv")]) == 2
    assert "must end in .parquet" in capsys.readouterr().err
