"""One grammar of instants: lines and columns of files, live events and command lines take the same, to the µs."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pandas as pd
import pytest

from proof.naive import world
from scv.errors import BadEvent, BadReference
from scv.events import event, instant, record
from scv.events.arrival import Arrival, Recorded, decode
from scv.events.calendar import reference, to_us
from streams.replay.history import History
from tests.streams.histories import records_of

ZZ = world.country("Europe/Berlin")
ORDER = {"country": "ZZ", "customer_id": "1", "kind": "placed", "amount_cents": 100, "seen_at": "2017-12-31T00:00:00Z"}


def written(rng: random.Random) -> str:
    """An instant as somebody might write it, and now and then a letter of it is wrong, missing or too many."""
    at = datetime(2017, 3, 25, tzinfo=UTC) + timedelta(seconds=rng.randrange(20_000_000))
    fraction = rng.choice(["", "." + "".join(rng.choices("0123456789", k=rng.randint(1, 10)))])
    zone = rng.choice(["Z", "z", "+02", "-0330", "+05:45", "+0200", "-00:00", "+14:00", "-23:59"])
    text = at.strftime(f"%Y-%m-%d{rng.choice('TTt ')}%H:%M:%S") + fraction + zone
    if rng.random() < 0.6:
        return text
    place = rng.randint(0, len(text))
    return text[:place] + rng.choice(["", *"0269:+-. ,TZ"]) + text[place + rng.randint(0, 1) :]


def taken(value: bytes) -> int | str:
    """When a consumer believes a record to have occurred (us), or why it refuses it."""
    try:
        arrival = decode("orders", b"ZZ:1", value, {"ZZ": ZZ}, Recorded(to_us(datetime(2020, 1, 1, tzinfo=UTC))))
    except BadEvent as refused:
        return refused.reason
    assert isinstance(arrival, Arrival)
    return arrival.claimed_us


def commanded(text: str) -> int | str:
    try:
        return to_us(reference(text, ZZ))
    except BadReference:
        return "wrong type"


@pytest.mark.parametrize("seed", range(2))
def test_whoever_reads_an_instant_reads_the_same(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    texts = list({written(rng) for _ in range(600)} | {"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"})
    rows = [ORDER | {"id": str(n), "occurred_at": text} for n, text in enumerate(texts)]
    live = {str(row["id"]): taken(json.dumps(row).encode()) for row in rows}
    for name in ("h.jsonl", "h.parquet"):
        path = tmp_path / name
        pd.DataFrame(rows).to_parquet(path) if name == "h.parquet" else path.write_text(
            "\n".join(map(json.dumps, rows))
        )
        with History(path, keep_bad=True) as history:
            values = [record.value for record in records_of(history)]
        assert {str(msgspec.json.decode(value)["id"]): taken(value) for value in values} == live
    for n, text in enumerate(texts):
        if (heard := live[str(n)]) == "wrong type" or isinstance(heard, int):
            assert commanded(text) == heard, text


def test_what_is_read_fast_is_what_the_grammar_says() -> None:
    """msgspec reads first: whatever it takes is ours too, and the same microsecond."""
    rng, fast = random.Random(3), 0
    for text in (written(rng) for _ in range(3000)):
        with contextlib.suppress(msgspec.ValidationError):
            read = event.decoder("orders").decode(json.dumps(ORDER | {"id": "a", "occurred_at": text}))
            assert isinstance(read, event.Placed) and instant.parse(text) == read.occurred_at
            fast += 1
    assert fast > 1000


@pytest.mark.parametrize("text", ["2017-05-01T10:00:00+02", "2017-05-01 10:00:00.25-0330", "2017-05-01t10:00:00z"])
@pytest.mark.parametrize("name", ["occurred_at", "seen_at"])
def test_a_live_event_may_write_its_offset_as_a_file_does(text: str, name: str) -> None:
    sent = ORDER | {"id": "a", "occurred_at": "2017-05-01T00:00:00Z"} | {name: text}
    read = record.read("orders", json.dumps(sent | {"strange": [1.0, {"a": "b"}]}).encode())
    assert isinstance(read, event.Placed) and getattr(read, name) == instant.parse(text)
    mark = {"kind": "watermark", "country": "ZZ", "seen_at": "2017-05-01T10:00:00+02"}
    assert record.read("orders", json.dumps(mark).encode()).seen_at == datetime(2017, 5, 1, 8, tzinfo=UTC)


def test_sql_reads_what_python_reads() -> None:
    good = ["2017-05-01T10:00:00.1234565+02", "2017-05-01 10:00:00.9999999Z"]
    texts = [*good, "2017-05-01T10:00:00", "10:00", "\uff12017-05-01T10:00:00Z"]
    rows = duckdb.execute(f"SELECT {instant.sql('t')} FROM (SELECT unnest(?) AS t)", [texts]).fetchall()
    assert [us for (us,) in rows] == [to_us(instant.parse(text)) for text in good] + [None] * 3
