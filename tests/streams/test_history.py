"""Files in, records out: order, defaults, refusals."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scv.errors import UserError
from scv.events import country, event
from scv.events.calendar import to_us
from scv.settings import Settings
from streams.replay import sender
from streams.replay.columns import FAMILIES
from streams.replay.history import History, write_parquet
from streams.replay.refusals import BadRows
from tests.streams import cdnow
from tests.streams.histories import HistoryRecord, records_of

COUNTRIES = country.known()
ROW = {"id": "a", "country": "US", "customer_id": "1", "kind": "placed", "occurred_at": "2017-05-01T10:00:00Z"}


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [ROW | {"amount_cents": 100} | change for change in changes]


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pd.DataFrame(found).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> list[HistoryRecord]:
    with History(path, **options) as history:
        if not history.keep_bad:
            history.check(COUNTRIES)
        return list(records_of(history))


def decoded(record: HistoryRecord) -> event.Event:
    found = event.decoder(record.family).decode(record.value)
    assert isinstance(found, event.Event)
    return found


both = pytest.mark.parametrize("name", ["h.parquet", "h.jsonl"])


def test_all_of_a_history_is_looked_at_once_to_say_what_it_spans(tmp_path: Path) -> None:
    path = write(tmp_path / "h.parquet", rows({}, {"id": "b", "occurred_at": "2017-05-02T10:00:00Z"}))
    with History(path) as history:
        spans = history.spans()
        path.unlink()
        assert history.spans() == spans and spans["US"].records == 2


@both
def test_order_is_that_of_seeing(tmp_path: Path, name: str) -> None:
    found = rows(
        {"id": "late", "seen_at": "2017-05-09T00:00:00Z"},
        {"id": "second", "occurred_at": "2017-05-02T12:00:00+02:00", "seen_at": None},
        {"id": "third", "occurred_at": "2017-05-02T11:00:00Z", "seen_at": "2017-05-02T11:00:00Z"},
    )
    records = read(write(tmp_path / name, found))
    assert [decoded(record).id for record in records] == ["second", "third", "late"]
    assert [record.key for record in records] == [b"US:1"] * 3
    second = decoded(records[0])
    assert second.seen_at == second.occurred_at == datetime(2017, 5, 2, 10, tzinfo=UTC)


SPELT = st.builds(
    lambda second, fraction, sign, hours, minutes, short, separator: spelt(
        second, fraction, sign * (60 * hours + (0 if short == "hours" else minutes)), short, separator
    ),
    st.integers(1_490_000_000, 1_500_000_000), st.text("0123456789", max_size=12), st.sampled_from([1, -1]),
    st.integers(0, 14), st.sampled_from([0, 30, 45]), st.sampled_from(["Z", "z", "hours", "no colon", "colon"]),
    st.sampled_from("Tt "),
)  # fmt: skip


def spelt(second: int, fraction: str, offset: int, short: str, separator: str) -> tuple[str, int]:
    """A way to write an instant, and which microsecond that is: the nearest, upwards from the middle."""
    offset = 0 if short in "Zz" else offset
    local = datetime.fromtimestamp(second, UTC) + timedelta(minutes=offset)
    hours, minutes = f"{abs(offset) // 60:02}", f"{abs(offset) % 60:02}"
    after = {"hours": hours, "no colon": hours + minutes, "colon": f"{hours}:{minutes}"}
    zone = short if short in "Zz" else "+-"[offset < 0] + after[short]
    text = local.strftime(f"%Y-%m-%d{separator}%H:%M:%S") + ("." + fraction if fraction else "") + zone
    return text, second * 1_000_000 + (int((fraction + "0000000")[:7]) + 5) // 10


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(SPELT, min_size=1, max_size=60), cut=st.integers(1_490_000_000, 1_500_000_000))
def test_an_instant_is_the_same_however_it_is_written(tmp_path: Path, times: list[tuple[str, int]], cut: int) -> None:
    found = rows(*({"id": str(n), "occurred_at": text} for n, (text, _) in enumerate(times)))
    wanted = [(us, str(n)) for us, n in sorted((us, n) for n, (_, us) in enumerate(times))]
    for name in ("h.jsonl", "h.parquet"):
        path = write(tmp_path / name, found)
        records = read(path)
        events = [decoded(record) for record in records]
        assert [(record.seen_us, one.id) for record, one in zip(records, events, strict=True)] == wanted
        assert [(to_us(one.seen_at), to_us(one.occurred_at)) for one in events] == [(us, us) for us, _ in wanted]
        with History(path) as history:
            assert history.count(until_us=cut * 1_000_000) == sum(us < cut * 1_000_000 for us, _ in wanted)


@both
@pytest.mark.parametrize(
    "text",
    ["2017-05-01T10:00:00", "2017-05-01T10:00:00 +02:00", "2017-05-01T10:00+02:00", "2017-05-01T24:00:00Z",
     "2017-05-01T10:00:60Z", "2017-05-01T10:00:00+24:00", "2017-05-01T10:00:00.+02:00", "2017-02-30T10:00:00Z",
     "2017-05-01T10:00:00,5Z", "2017-05-01T10:00:00+2:00", "01/05/2017 10:00:00Z"],
)  # fmt: skip
@pytest.mark.parametrize("column", ["occurred_at", "seen_at"])
def test_an_instant_that_cannot_be_read_is_a_bad_row(tmp_path: Path, name: str, text: str, column: str) -> None:
    path = write(tmp_path / name, rows({"seen_at": ROW["occurred_at"]}, {"id": "b", column: text}))
    with pytest.raises(UserError, match=column):
        read(path)


def test_what_is_sent_at_no_time_is_bad_whatever_a_consumer_makes_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "h.jsonl", rows({}))
    (good,) = read(path)
    bad = BadRows([path], COUNTRIES)
    bad.judge(FAMILIES.index(good.family), good.key, good.value, good.seen_us, (0, 0))
    bad.refuse()
    bad.judge(FAMILIES.index(good.family), good.key, good.value, None, (0, 0))
    with pytest.raises(UserError, match="row 1: seen_at: no instant"):
        bad.refuse()


@both
def test_a_family_comes_from_the_kind_and_an_erasure_goes_everywhere(tmp_path: Path, name: str) -> None:
    found = [
        ROW | {"kind": "session", "duration_s": 60},
        ROW | {"kind": "erased", "occurred_at": "2017-05-02T10:00:00Z"},
    ]
    records = read(write(tmp_path / name, found))
    assert [record.family for record in records] == ["app", *event.FAMILIES]
    assert {decoded(record).kind for record in records[1:]} == {"erased"}


@both
def test_an_id_defaults_to_the_content(tmp_path: Path, name: str) -> None:
    found = [dict(row) for row in rows({}, {"seen_at": "2017-05-02T10:00:00Z"}, {"amount_cents": 101})]
    for row in found:
        del row["id"]
    first, again, other = (decoded(record).id for record in sorted(read(write(tmp_path / name, found))))
    ids = [first, again, other]
    assert len(set(ids)) == 2 and all(len(one) == 32 for one in ids)
    twin = "h.jsonl" if name == "h.parquet" else "h.parquet"
    assert {decoded(record).id for record in read(write(tmp_path / twin, found))} == set(ids)


BAD = [
    ({"kind": "plcaed"}, "kind: unknown 'plcaed'. Did you mean 'placed'?"),
    ({"kind": "watermark"}, "a watermark is no event"),
    ({"amount_cents": 10.5}, "amount_cents"),
    ({"amount_cents": None}, "amount_cents"),
    ({"customer_id": " a"}, "customer_id"),
    ({"customer_id": None}, "customer_id"),
    ({"country": "us"}, "country"),
    ({"occurred_at": "2017-05-01T10:00:00"}, "occurred_at"),
    ({"occurred_at": "yesterday"}, "occurred_at"),
    ({"occurred_at": None}, "occurred_at"),
    ({"seen_at": "2017-04-01T10:00:00Z"}, "occurred_at"),
    ({"stars": 4}, "stars: placed has no such field"),
    ({"id": ""}, "id"),
    (
        {"kind": "consent", "amount_cents": None, "channel": "Email", "given": False},
        "channel: 'Email' is none of email, phone, post",
    ),
]


@both
@pytest.mark.parametrize(("change", "said"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_named_by_file_row_and_field(tmp_path: Path, name: str, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path / name, rows({}, {"id": "b"}, {"id": "c"} | change))
    with pytest.raises(UserError) as caught:
        read(path)
    assert f"{path}, row 3: " in str(caught.value) and said in str(caught.value) and "--keep-bad" in str(caught.value)
    kept = read(path, keep_bad=True)
    assert len(kept) == 3


def test_a_line_that_is_no_json_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    path.write_bytes(json.dumps(rows({})[0]).encode() + b'\n{"kind": "placed", \xff\n\n[1]\n17\n{"id": "\xff"}\n')
    with pytest.raises(UserError, match=r"row 2: .*malformed") as caught:
        read(path)
    assert "4 rows" in str(caught.value)
    kept = {record.value: record.key for record in read(path, keep_bad=True)}
    assert kept[b'{"kind": "placed", \xff'] is None and kept[b"[1]"] is None and kept[b'{"id": "\xff"}'] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"occurred_at": pd.Timestamp("2017-05-01 10:00")}, "no time zone"),
        ({"occurred_at": date(2017, 5, 1)}, "no time zone"),
        ({"occurred_at": 1493632800}, "no time zone"),
        ({"customer_id": 1.0}, "not text"),
        ({"amuont_cents": 1}, "Did you mean 'amount_cents'?"),
    ],
)
def test_columns_that_cannot_be_events_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        read(write(tmp_path / "h.parquet", rows(change)))


def advised(path: Path, df: pd.DataFrame, column: str) -> list[HistoryRecord]:
    """The records of a frame after what its refusal advises."""
    df.to_parquet(path)
    with pytest.raises(UserError) as caught:
        read(path)
    df[column] = eval(re.findall("`(df.*?)`", str(caught.value))[0], {"df": df})
    df.to_parquet(path)
    return read(path, keep_bad=True)


def test_the_advice_about_ids_makes_no_customer_of_a_fraction_or_of_none(tmp_path: Path) -> None:
    df = pd.DataFrame(rows(*({"id": str(n), "customer_id": one} for n, one in enumerate([12346.0, float("nan"), 7.0]))))
    keys = [record.key for record in advised(tmp_path / "h.parquet", df, "customer_id")]
    assert keys == [b"US:12346", None, b"US:7"]
    df["customer_id"] = [1, 2, 3]
    df["kind"] = [b"placed"] * 3
    with pytest.raises(UserError, match=r"`df\.kind\.astype\('string'\)`"):
        read(write(tmp_path / "h.parquet", df.to_dict("records")))


def test_the_advice_about_zones_holds_on_the_nights_of_clock_changes(tmp_path: Path) -> None:
    nights = ["2017-03-26 01:30", "2017-10-29 01:30", "2017-06-01 12:00"]
    df = pd.DataFrame(rows(*({"id": str(n), "occurred_at": pd.Timestamp(one)} for n, one in enumerate(nights))))
    events = [decoded(record) for record in advised(tmp_path / "h.parquet", df, "occurred_at")]
    hours = ["2017-03-26T01:00:00Z", "2017-06-01T11:00:00Z", "2017-10-29T00:30:00Z"]
    assert [one.occurred_at for one in events] == [datetime.fromisoformat(hour) for hour in hours]


def test_the_advice_about_milliseconds_makes_the_times_that_were_meant(tmp_path: Path) -> None:
    """`pd.to_datetime` takes a bare number for nanoseconds: every event lies in January 1970."""
    df = pd.DataFrame(rows({"id": "1"}, {"id": "2"}))
    df["occurred_at"] = pd.to_datetime([1496305200000, 1496391600000]).tz_localize("UTC")
    df.to_parquet(tmp_path / "h.parquet")
    with History(tmp_path / "h.parquet") as history, pytest.raises(UserError) as caught:
        sender.prepare(history, Settings(home=str(tmp_path)), None, None, None, lambda *_: None)
    df["occurred_at"] = eval(re.findall("`(pd.*?)`", str(caught.value))[0], {"df": df, "pd": pd})
    df.to_parquet(tmp_path / "h.parquet")
    events = [decoded(record) for record in read(tmp_path / "h.parquet")]
    assert [str(one.occurred_at) for one in events] == ["2017-06-01 08:20:00+00:00", "2017-06-02 08:20:00+00:00"]


def test_milliseconds_taken_for_seconds_lie_in_a_year_that_the_calendar_does_not_have(tmp_path: Path) -> None:
    path, df = tmp_path / "h.parquet", pd.DataFrame(rows({"id": "a"}, {"id": "b"})).drop(columns="occurred_at")
    taken = pa.array([1_494_323_716_000, 1_494_323_716_500], pa.timestamp("s", "UTC"))
    pq.write_table(pa.Table.from_pandas(df).append_column("occurred_at", taken), path)
    said = r"seen from after the year 9999 to .* Milliseconds that were read as seconds\?"
    with History(path) as history, pytest.raises(UserError, match=said):
        sender.prepare(history, Settings(home=str(tmp_path)), None, None, None, lambda *_: None)


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows({})).rename(columns={"customer_id": "customerid"})
    frame.to_parquet(tmp_path / "h.parquet")
    with pytest.raises(UserError, match=r"'customer_id' is missing. Did you mean 'customerid'\?"):
        read(tmp_path / "h.parquet")


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "orders.parquet", rows({}))
    with pytest.raises(UserError, match=r"Did you mean 'orders.parquet'\?"):
        read(tmp_path / "order.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no event file"):
        read(tmp_path / "empty")
    (tmp_path / "h.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read(tmp_path / "h.parquet")


def test_what_pandas_does_to_columns_is_undone(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [
            ROW | {"id": 1, "customer_id": 900, "amount_cents": 100, "items": 3},
            ROW | {"id": 2, "customer_id": 900, "kind": "sent", "campaign": "news"},
            ROW | {"id": 3, "customer_id": 900, "kind": "skipped", "delivery_on": pd.Timestamp("2017-05-09")},
            ROW | {"id": 4, "customer_id": 900, "kind": "consent", "channel": "email", "given": True},
            ROW | {"id": 5, "customer_id": 900, "kind": "paused"},
        ]
    )
    assert frame.amount_cents.dtype == "float64"
    frame.to_parquet(tmp_path / "h.parquet")
    found = {decoded(record).kind: decoded(record) for record in read(tmp_path / "h.parquet")}
    assert (found["placed"].amount_cents, found["placed"].items, found["placed"].id) == (100, 3, "1")  # type: ignore[attr-defined]
    assert found["skipped"].delivery_on == date(2017, 5, 9)  # type: ignore[attr-defined]
    assert found["consent"].given is True and found["paused"].until_on is None  # type: ignore[attr-defined]


def test_a_country_is_chosen_or_given(tmp_path: Path) -> None:
    two = write(tmp_path / "two.parquet", rows({"id": "a"}, {"id": "z", "country": "ZZ"}))
    assert [record.key for record in read(two, country="ZZ")] == [b"ZZ:1"]
    for name in ("none.parquet", "none.jsonl"):
        none = write(tmp_path / name, [{k: v for k, v in row.items() if k != "country"} for row in rows({})])
        assert [record.key for record in read(none, country="ZZ")] == [b"ZZ:1"]
        with pytest.raises(UserError, match="country"):
            read(none)


def test_a_folder_is_one_history(tmp_path: Path) -> None:
    write(tmp_path / "b.parquet", rows({"id": "2", "occurred_at": "2017-05-02T10:00:00Z"}, {"id": "4"}))
    write(tmp_path / "a.jsonl", rows({"id": "1", "occurred_at": "2017-04-02T10:00:00Z"}, {"id": "3"}))
    (tmp_path / "notes.txt").write_text("no events")
    assert [decoded(record).id for record in read(tmp_path)] == ["1", "3", "4", "2"]


def test_since_and_until_are_half_open(tmp_path: Path) -> None:
    path = write(
        tmp_path / "h.parquet", rows(*({"id": str(n), "occurred_at": f"2017-05-0{n}T00:00:00Z"} for n in range(1, 6)))
    )
    with History(path) as history:
        first, last = (pd.Timestamp(f"2017-05-0{n}", tz="UTC").value // 1000 for n in (2, 4))
        seen = [us for batch in history.batches(first, last) for us in batch.seen_us]
        assert len(seen) == history.count(first, last) == 2 and seen[0] == first and max(seen) < last


def test_written_events_come_back_and_are_the_same_bytes(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(pd.DataFrame(rows({"id": "b"}, {"id": "a"})), preserve_index=False)
    at = table.column_names.index("occurred_at")
    table = table.set_column(at, "occurred_at", pa.array([datetime(2017, 5, 1, tzinfo=UTC)] * 2))
    first, second = (write_parquet(table, tmp_path / f"{n}.parquet") for n in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    assert [decoded(record).id for record in read(first)] == ["a", "b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.parquet", "2.parquet"]
    with pytest.raises(UserError, match="Did you mean 'items'"):
        write_parquet(table.append_column("itmes", pa.array([1, 2])), tmp_path / "3.parquet")


def test_cdnow_goes_in_from_a_plain_frame_of_orders(tmp_path: Path) -> None:
    cdnow.write_country(tmp_path / "countries")
    cdnow.orders().to_parquet(tmp_path / "cdnow.parquet")
    with History(tmp_path / "cdnow.parquet") as history:
        known = country.known(tmp_path / "countries")
        assert history.check(known) == 6919
        records = list(records_of(history))
    assert len({decoded(record).id for record in records}) == 6919
    zone = known["GB"].zone
    assert all(decoded(record).occurred_at.astimezone(zone).hour == 12 for record in records)


@both
def test_all_bad_rows_are_told_at_once_by_reason(tmp_path: Path, name: str) -> None:
    """400 bad rows must not be 400 rounds: of each reason the count and the first ten."""
    found = [{"id": str(n)} for n in range(20)]
    found += [{"id": f"c{n}", "customer_id": "a "} for n in range(400)]
    found += [{"id": f"k{n}", "kind": "contacted", "amount_cents": None} for n in range(3)]
    found += [{"id": "e", "kind": "erased", "amount_cents": None, "occurred_at": "yesterday"}]
    path = write(tmp_path / name, rows(*found))
    with pytest.raises(UserError) as caught:
        read(path)
    first, *lines, last = str(caught.value).splitlines()
    assert first == "404 rows are such that no consumer takes them." and last.startswith("Mend them, or")
    heads = {line.rpartition(": ")[0]: line.rpartition(": ")[2] for line in lines if not line.startswith("  ")}
    assert heads == {
        "customer_id: wrong type": "400 rows, the first 10 of them", "kind: unknown": "3 rows",
        "occurred_at: wrong type": "1 row",
    }  # fmt: skip
    told = [line.partition(", row ")[2].partition(":")[0] for line in lines if line.startswith("  ")]
    assert told == [str(n) for n in [*range(21, 31), 421, 422, 423, 424]]
    assert "of 1 to 128 bytes of UTF-8, no control" in lines[1] and "(?!" not in str(caught.value)


def test_a_sentence_has_one_mark_at_its_end(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(write(tmp_path / "h.jsonl", rows({"kind": "plcaed"})))
    assert "Did you mean 'placed'? `cerebro schemas` lists the kinds. Mend it" in str(caught.value)
    with pytest.raises(UserError) as caught:
        read(write(tmp_path / "g.jsonl", rows({"amuont_cents": 1})))
    assert "Did you mean 'amount_cents'? Mend it" in str(caught.value) and "?." not in str(caught.value)


def test_an_index_of_pandas_is_no_field(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows({}, {"id": "b"})).set_index(pd.Index([7, 9]))
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"])
    frame.to_parquet(tmp_path / "h.parquet", index=True)
    assert "__index_level_0__" in pq.ParquetFile(tmp_path / "h.parquet").schema_arrow.names
    assert len(read(tmp_path / "h.parquet")) == 2


def test_all_strange_columns_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'amuont_cents'\. Did you mean 'amount_cents'\? No event has a field 'shop'"):
        read(write(tmp_path / "h.parquet", rows({"amuont_cents": 1, "shop": "a"})))
