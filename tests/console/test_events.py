"""Events over HTTP: all or none, each bad field named, under the right key in the right partition; and dead letters."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scv.errors import Busy
from scv.events import event
from scv.events.partition import partition_of
from scv.fetchers import roles
from scv.settings import Settings
from store.client import connect
from streams.door import Door
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.lake.consumer import LakeConsumer
from tests.console.desk import Desk, child, desk
from tests.hostile import TAKEN
from tests.scorer.shop import AT
from tests.streams import shop as log
from tests.streams.topic_reading import described, read

SEEN = AT.isoformat()
ORDER = {
    "kind": "placed", "id": "o-1", "country": "US", "customer_id": "900", "occurred_at": SEEN, "seen_at": SEEN,
    "amount_cents": 4590, "items": 3,
}  # fmt: skip


@pytest.fixture
def broker(services: Any, tmp_path: Path) -> Settings:
    """A broker with topics of one's own."""
    return Settings(
        home=str(tmp_path), store=services.store_url, broker=services.broker_address, topic_prefix=tmp_path.name,
        partitions=3, wait_s=10, session_ms=6000 if services.broker_address.startswith("kafka") else 1000, metrics="0",
    )  # fmt: skip


@pytest.fixture
def counter(broker: Settings) -> Iterator[Desk]:
    with desk(broker, child()) as opened:
        yield opened


def post(console: Desk, body: object, kind: str = "application/json") -> Any:
    return console.ask("POST", "/api/v1/events", body, Content_Type=kind)


def test_events_lie_under_their_key_where_consumers_look(counter: Desk, broker: Settings) -> None:
    some = [ORDER | {"id": f"o-{n}", "customer_id": one} for n, one in enumerate(TAKEN)]
    some.append({"kind": "rating", "id": "r", "country": "US", "customer_id": "900", "stars": 5} | {
        name: ORDER[name] for name in ("occurred_at", "seen_at")})  # fmt: skip
    reply = post(counter, some)
    assert reply.status == 202 and reply.body["taken"] == len(some) and reply.body["ignored"] == [], reply.text
    for sent, place in zip(some, reply.body["events"], strict=True):
        key = f"US:{sent['customer_id']}".encode()
        assert place["partition"] == partition_of(key, 3) and place["offset"] is not None
        assert place["topic"] == f"{broker.topic_prefix}.{'support' if sent['kind'] == 'rating' else 'orders'}"
    lying: dict[int, list[Any]] = {}
    for one in read(broker, *described(broker, [topics.events(broker, "orders")]).values()):
        lying.setdefault(one.partition, []).append(one)
    for sent, place in zip(some[:-1], reply.body["events"], strict=False):
        record = lying[place["partition"]][place["offset"]]
        assert record.key == f"US:{sent['customer_id']}".encode() and json.loads(record.value) == sent


def test_what_was_posted_is_on_the_customer_s_page(counter: Desk, broker: Settings) -> None:
    with connect(broker) as client:
        client.hset(f"{broker.key_prefix}:clock:US", "mode", "replay")
        log.send(broker, [])
        log.consume(broker)
        for number in range(2):
            seen = (log.AT + timedelta(minutes=number)).isoformat()
            event = ORDER | {
                "id": f"p-{number}",
                "customer_id": "anna+x@example.org",
                "occurred_at": seen,
                "seen_at": seen,
            }
            assert post(counter, event).status == 202
            log.consume(broker)
            told = counter.ask("GET", "/api/v1/customers/US/anna%2Bx%40example.org").body
            assert told["known"] and told["values"][roles.SPENT] == 4590 * (number + 1)
            assert [one["id"] for one in told["timeline"]] == [f"p-{n}" for n in range(number, -1, -1)]


def test_lines_and_one_object_are_taken_too(counter: Desk) -> None:
    lines = "\n".join(json.dumps(ORDER | {"id": f"l-{n}"}) for n in range(3)) + "\n\n"
    assert post(counter, lines.encode(), "application/x-ndjson").body["taken"] == 3
    assert post(counter, ORDER).body["taken"] == 1
    extra = post(counter, ORDER | {"colour": "red", "amount_cent": 3})
    assert extra.status == 202 and {one["pointer"] for one in extra.body["ignored"]} == {"/0/colour", "/0/amount_cent"}
    assert "Did you mean 'amount_cents'?" in json.dumps(extra.body["ignored"])


WRONG: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "several": (
        {"amount_cents": -1, "items": "3", "customer_id": " a", "occurred_at": "yesterday"},
        {
            "/amount_cents": ">= 0",
            "/items": "Expected `int",
            "/customer_id": "no customer id",
            "/occurred_at": "no instant",
        },
    ),
    "kind": ({"kind": "place"}, {"/kind": "Did you mean 'placed'?"}),
    "erased": ({"kind": "erased"}, {"/kind": "cerebro erase"}),
    "watermark": ({"kind": "watermark"}, {"/kind": "Unknown kind"}),
    "country": ({"country": "QQ"}, {"/country": "no country file"}),
    "country's form": ({"country": "us"}, {"/country": "two capital letters"}),
    "span": ({"seen_at": "1999-01-01T00:00:00Z"}, {"/seen_at": "outside"}),
    "after seen": ({"occurred_at": (AT + timedelta(hours=1)).isoformat()}, {"/occurred_at": "is after seen_at"}),
    "not live": ({"seen_at": None}, {"/seen_at": "seen_at"}),
    "no offset": ({"occurred_at": "2017-09-05T10:00:00"}, {"/occurred_at": "no instant"}),
    "null id": ({"id": None}, {"/id": "Expected `str`"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_bad_field_is_named_and_nothing_is_sent(counter: Desk, broker: Settings, name: str) -> None:
    change, told = WRONG[name]
    reply = post(counter, [ORDER, ORDER | change])
    assert reply.status == 422 and reply.headers["content-type"] == "application/problem+json"
    found = {one["pointer"]: one["detail"] for one in reply.body["errors"]}
    assert found.keys() == {f"/1{pointer}" for pointer in told}, found
    for pointer, words in told.items():
        assert words in found[f"/1{pointer}"], found
    assert not (broker.home_path / "services.env").exists()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b"[1, 2]", "application/json", 422),
        (b"[" * 5000, "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{}\n{", "application/x-ndjson", 422),
        (b"{}", "text/plain", 415),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "application/json", 413),
    ],
)
def test_a_body_that_is_none_is_a_problem(counter: Desk, body: bytes, kind: str, status: int) -> None:
    reply = post(counter, body, kind)
    assert reply.status == status and reply.body["detail"], reply.text


def test_what_the_published_schema_takes_is_taken(counter: Desk) -> None:
    """One of each kind, with all its fields left out that may be."""
    some = {
        "session": {"duration_s": 1}, "delivered": {}, "voucher_redeemed": {}, "returned": {"order_id": "o"},
        "charged": {"method": "card", "amount_cents": -5}, "complaint_opened": {}, "rating": {"stars": 1},
        "started": {}, "skipped": {"delivery_on": "2017-09-12"}, "cancelled": {}, "set": {"birth_year": 1980},
        "sent": {"campaign": "c"}, "consent": {"channel": "phone", "given": True},
        "outcome": {"channel": "phone", "reached": False},
    }  # fmt: skip
    envelope = {name: ORDER[name] for name in ("country", "customer_id", "occurred_at", "seen_at")}
    reply = post(counter, [envelope | {"kind": kind, "id": kind} | fields for kind, fields in some.items()])
    assert reply.status == 202, reply.text
    assert {one["family"] for one in reply.body["events"]} == set(event.FAMILIES)


def test_a_broker_that_is_away_is_said_soon(broker: Settings) -> None:
    with desk(msgspec.structs.replace(broker, broker="127.0.0.1:1", wait_s=1), child()) as console:
        reply = post(console, ORDER)
    assert reply.status == 503 and "No Kafka broker answers" in reply.body["detail"]
    assert reply.headers["retry-after"] == "5"


def test_more_than_may_be_on_their_way_are_told_to_come_again(broker: Settings) -> None:
    door, held = Door(broker, most=3), threading.Event()
    with desk(broker, child(), door=door) as console, door._room(2):
        full = post(console, [ORDER] * 2)
        held.set()
        assert full.status == 429 and full.headers["retry-after"] == "1" and "on their way" in full.body["detail"]
        assert post(console, ORDER).status == 202
    with pytest.raises(Busy), door._room(1), door._room(3):
        pass


def test_dead_letters_are_counted_looked_at_and_sent_again(counter: Desk, broker: Settings) -> None:
    topics.ensure(broker)
    canary = "<script>canary()</script>"
    body = json.dumps(ORDER | {"customer_id": canary}).encode()
    with Producer(broker) as producer:
        producer.send(topics.events(broker, "orders"), b"{" + canary.encode(), b"US:1")
        producer.send(topics.events(broker, "orders"), body, None)
    log.consume(broker, LakeConsumer)
    piles = {one["reason"]: one for one in counter.ask("GET", "/api/v1/dead-letters").body["dead_letters"]}
    assert {reason: one["waiting"] for reason, one in piles.items()} == {"not JSON": 1, "no key": 1}
    (letter,) = counter.ask("GET", "/api/v1/dead-letters/letters?reason=not%20JSON").body["letters"]
    assert letter["value"] == "{" + canary and letter["from"]["topic"] == topics.events(broker, "orders")
    page = counter.ask("GET", "/letters?family=orders&reason=not+JSON").text
    assert "canary()" in page and "<script>canary" not in page
    done = counter.ask("POST", "/api/v1/dead-letters/send", {"families": ["orders"]}).body
    assert done["sent"] == {"no key": 1} and done["left"] == {"not JSON": 1}
    left = {one["reason"]: one["waiting"] for one in counter.ask("GET", "/api/v1/dead-letters").body["dead_letters"]}
    assert left == {"not JSON": 1, "no key": 0}
    assert counter.ask("POST", "/api/v1/dead-letters/send", {"families": ["order"]}).status == 422
