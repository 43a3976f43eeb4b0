"""What a customer id may be: schema, decoder, files and questions say the same, of nasty ids and of random ones."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scv.errors import UserError
from scv.events import country, customer_id, event
from scv.events.schema import schema
from streams.replay.history import History
from tests.hostile import REFUSED, TAKEN

GOOD = {"kind": "resumed", "id": "1", "country": "ZZ", "customer_id": "c.1_-Z"}
TIMES = {"occurred_at": "2017-01-01T00:00:00Z", "seen_at": "2017-01-01T00:00:00Z"}


def decoded(**changed: str) -> event.Event:
    found = event.decoder("subscription").decode(json.dumps(GOOD | TIMES | changed))
    assert isinstance(found, event.Event)
    return found


def takes(text: str) -> bool:
    try:
        return decoded(customer_id=text).customer_id == text
    except msgspec.ValidationError as error:
        assert "customer_id" in str(error)
        return False


def drawn(count: int) -> list[str]:
    """Short texts of all that Unicode has, with what decides (spaces, controls, words, lengths) in many of them."""
    rng = random.Random(8)
    near = [*"  \t\n\u00a0\u200b\u200d\u2028\ufeff\ufffe<>@=", *"nanNULLonea", "\u00e9", "\U0001f600"]
    found = []
    for _ in range(count):
        letters = [
            rng.choice(near) if rng.random() < 0.4 else chr(rng.randrange(0x110000)) for _ in range(rng.randrange(6))
        ]
        letters = [one for one in letters if not "\ud800" <= one <= "\udfff"]
        found.append("".join(letters) + rng.choice(("", "", "", "x" * 124, "\u00e9" * 63)))
    return found


EVERY = [*TAKEN, *REFUSED, *drawn(1500)]


def test_every_nasty_id_is_judged_as_listed() -> None:
    assert [one for one in TAKEN if not takes(one) or customer_id.why_not(one)] == []
    assert [one for one in REFUSED if takes(one) or not customer_id.why_not(one)] == []


def test_schema_decoder_and_questions_say_the_same() -> None:
    (pattern,) = re.findall(r'"customer_id": {"type": "string", "pattern": ("\^.*?")}', json.dumps(schema("app")))[:1]
    published = re.compile(json.loads(pattern))
    verdicts = [takes(one) for one in EVERY]
    assert [not customer_id.why_not(one) for one in EVERY] == verdicts
    short = [bool(published.search(one)) and len(one.encode()) <= customer_id.LONGEST for one in EVERY]
    assert short == verdicts
    assert 0.2 < sum(verdicts) / len(verdicts) < 0.8


@pytest.mark.parametrize("name", ["h.jsonl", "h.parquet"])
def test_a_file_is_judged_as_its_records_are_and_gives_the_same_ids(tmp_path: Path, name: str) -> None:
    rows = [GOOD | TIMES | {"id": str(n), "customer_id": one} for n, one in enumerate(EVERY)]
    good = [row for row in rows if takes(row["customer_id"])]
    for some, path in ((rows, tmp_path / name), (good, tmp_path / f"good-{name}")):
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(some), path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in some))
    with History(tmp_path / name) as history, pytest.raises(UserError, match="no consumer takes") as caught:
        history.check(country.known())
    assert f"{len(rows) - len(good):,} rows are such" in str(caught.value)
    with History(tmp_path / f"good-{name}") as history:
        assert history.check(country.known()) == len(good)
        records = [one for batch in history.batches() for one in zip(batch.key, batch.value, strict=True)]
    assert [key for key, _ in records] == [f"ZZ:{row['customer_id']}".encode() for row in good]
    assert [event.decoder("subscription").decode(value).customer_id for _, value in records] == [
        row["customer_id"] for row in good
    ]


@pytest.mark.parametrize("tail", ["\n", " ", "\r\n", "\u2028", "\u00e9"])
def test_nothing_hides_at_the_end_of_a_country(tail: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="country"):
        decoded(country=f"ZZ{tail}")


@pytest.mark.parametrize("name", ["id", "method"])
def test_no_other_text_holds_a_control_character(name: str) -> None:
    def charged(**changed: str) -> event.Event | event.Watermark:
        row = GOOD | TIMES | {"kind": "charged", "method": "card", "amount_cents": 1} | changed
        return event.decoder("payments").decode(json.dumps(row))

    for good in ("a b", "\u00e9", " #1001", "\U0001f469\u200d\U0001f467"):
        assert getattr(charged(**{name: good}), name) == good
    for bad in ("a\n", "a\tb", "\x00", "a\x7f", "a\x85b", "a\u2028", "", "x" * 200):
        with pytest.raises(msgspec.ValidationError, match=rf"\$\.{name}"):
            charged(**{name: bad})
