"""Hashes for ids: in files and in Python the same, by a key that nobody sees; who has the key can ask."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import re
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cli
from scv.errors import BadSetting, UserError
from scv.events import country, customer_id, event, hashed_id
from scv.events.hashed_id import IdKey
from scv.offline.csv_text import csv_of
from scv.settings import Settings
from streams.replay.history import History
from tests.hostile import TAKEN
from tests.rules.test_customer_ids import EVERY, GOOD, TIMES
from tests.sources import ROOT

SECRET = b"a secret that nobody sees"


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "id.key"
    path.write_bytes(SECRET)
    monkeypatch.setenv("CEREBRO_ID_KEY_FILE", str(path))
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path / "var"))
    for name, value in (("BROKER", "127.0.0.1:1"), ("STORE", "redis://127.0.0.1:1/0"), ("WAIT_S", "0")):
        monkeypatch.setenv(f"CEREBRO_{name}", value)
    return path


@pytest.mark.parametrize("secret", [SECRET, bytes(range(100))])
def test_sql_and_python_hash_alike_what_is_an_id_and_leave_the_rest(secret: bytes) -> None:
    key = IdKey(secret)
    with duckdb.connect() as connection:
        for name, pad in zip(("inner_pad", "outer_pad"), key.pads(), strict=True):
            connection.execute(f"SET VARIABLE {name} = ?::BLOB", [pad])
        query = f"SELECT {hashed_id.sql('id')} FROM (SELECT unnest(?) AS id)"
        found = [one for (one,) in connection.execute(query, [EVERY]).fetchall()]
    assert found == [one if customer_id.why_not(one) else key.hashed(one) for one in EVERY]
    assert key.hashed("anna") == "h" + hmac.new(secret, b"anna", hashlib.sha256).hexdigest()[:32]
    assert all(customer_id.why_not(one) == "" for one in map(key.hashed, TAKEN))


@pytest.mark.parametrize("name", ["h.jsonl", "h.parquet"])
def test_no_record_of_a_hashed_history_holds_an_id(tmp_path: Path, name: str) -> None:
    rows = [{one: value for one, value in (GOOD | TIMES).items() if one != "id"} for _ in TAKEN]
    rows = [row | {"customer_id": one} for row, one in zip(rows, TAKEN, strict=True)]
    path, key = tmp_path / name, IdKey(SECRET)
    if name == "h.parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with History(path) as plain, History(path, key=key) as history:
        assert history.check(country.known()) == len(TAKEN)
        clear = {one.id for batch in plain.batches() for one in map(event.decoder("subscription").decode, batch.value)}
        records = [one for batch in history.batches() for one in zip(batch.key, batch.value, strict=True)]
    found = [event.decoder("subscription").decode(value) for _, value in records]
    assert [one.customer_id for one in found] == [key.hashed(one) for one in TAKEN]
    assert [of for of, _ in records] == [f"ZZ:{key.hashed(one)}".encode() for one in TAKEN]
    assert len(clear) == len(TAKEN) and not clear & {one.id for one in found}  # by which an id could be guessed


def test_an_import_writes_hashes(tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map.toml").write_text(
        'country = "US"\n[columns]\nid = "n"\ncustomer_id = "who"\noccurred_at = "at"\namount_cents = "sum"\n'
    )
    (tmp_path / "o.csv").write_text("n;who;at;sum\n1;anna@example.org;2017-05-11T09:55:16-04:00;10,00\n")
    out = tmp_path / "o.parquet"
    words = ["import", str(tmp_path / "o.csv"), "--map", str(tmp_path / "map.toml"), "--out", str(out), "--hash-ids"]
    assert cli.main(words) == 0, capsys.readouterr().err
    assert pq.read_table(out)["customer_id"].to_pylist() == [IdKey(SECRET).hashed("anna@example.org")]
    said = capsys.readouterr()
    assert "anna" not in said.out + said.err


def test_without_a_key_nothing_is_hashed_and_no_message_shows_one(
    tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="CEREBRO_ID_KEY_FILE"):
        hashed_id.key_of(Settings())
    with pytest.raises(BadSetting, match="cannot be read"):
        hashed_id.key_of(Settings(id_key_file=str(tmp_path / "none")))
    assert SECRET.decode() not in repr(hashed_id.key_of(Settings(id_key_file=str(key_file))))
    key_file.write_bytes(b"short")
    with pytest.raises(BadSetting, match="holds 5 bytes") as caught:
        hashed_id.key_of(Settings(id_key_file=str(key_file)))
    assert "short" not in str(caught.value)
    (tmp_path / "h.jsonl").write_text(json.dumps(GOOD | TIMES) + "\n")
    for words in (["replay", str(tmp_path / "h.jsonl")], ["score", "US", "anna"]):
        assert cli.main([*words, "--hash-ids"]) == 2
    key_file.write_bytes(SECRET)
    assert cli.main(["replay", str(tmp_path / "h.jsonl"), "--hash-ids", "--keep-bad"]) == 2
    assert "not both" in capsys.readouterr().err


def test_the_page_tells_how_to_have_an_id_back_and_how_to_find_a_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines of Python are run."""
    page = (ROOT / "docs/customer-ids.md").read_text(encoding="utf-8")
    back, find = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    body = csv_of(pa.table({"customer_id": TAKEN}), country.load("ZZ"))
    table = pd.read_csv(io.BytesIO(body), sep=";", dtype={"customer_id": str}, keep_default_na=False)
    known = {"table": table, "hmac": hmac, "Path": Path, "customer": "anna@example.org"}
    exec(back, known)
    assert list(known["ids"]) == list(TAKEN)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "id.key").write_bytes(SECRET)
    assert eval(find, known) == IdKey(SECRET).hashed("anna@example.org")
