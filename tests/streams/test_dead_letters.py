"""What consumers refuse is counted, shown and sent again by commands; nobody's id stands where it was not asked for."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import confluent_kafka
import pytest

import cli
from scv.events import event
from scv.events.partition import partition_of
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.lake.consumer import LakeConsumer
from tests.streams import shop
from tests.streams.test_bad_input import body, told

CANARY = "canary-7"


def letters_of(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What `cerebro dead-letters show --json` shows."""
    return [json.loads(line) for line in told(capsys, "show", "--json", *words).splitlines()]


@pytest.mark.usefixtures("here", "client")
def test_letters_are_counted_by_reason_and_shown_where_somebody_asks(
    live: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    topics.ensure(live)
    begun = datetime.now(UTC)
    key = f"US:{CANARY}".encode()
    with Producer(live) as producer:
        for value in (b"{" + CANARY.encode(), b"\xff\xfe", body(customer_id=CANARY, kind=CANARY)):
            producer.send(topics.events(live, "orders"), value, key, headers=[("trace", b"1")])
        producer.send(topics.events(live, "app"), body(country="QQ"), b"QQ:7")
    shop.consume(live, LakeConsumer)

    listed = told(capsys, "list", "--json")
    counts = {(one["family"], one["reason"]): one["waiting"] for one in json.loads(listed)}
    assert counts == {("app", "wrong type"): 1, ("orders", "not JSON"): 2, ("orders", "wrong type"): 1}
    assert CANARY not in listed + told(capsys, "list"), "an id, or a word that a sender wrote"
    (wrong,) = json.loads(told(capsys, "list", "--json", "--family", "orders", "--reason", "wrong type"))
    assert "'…' - at `$.kind`" in wrong["words"] and 0 <= wrong["newest_age_s"] == wrong["oldest_age_s"] < 60
    assert not json.loads(told(capsys, "list", "--json", "--until", begun.isoformat()))
    assert len(json.loads(told(capsys, "list", "--json", "--since", (begun - timedelta(seconds=5)).isoformat()))) == 3

    shown = letters_of(capsys, "--family", "orders", "--reason", "not JSON")
    assert {(one["value"], one.get("value_in")) for one in shown} == {
        ("{" + CANARY, None), (base64.b64encode(b"\xff\xfe").decode(), "base64")
    }  # fmt: skip
    assert all(one["key"] == key.decode() and one["headers"] == {"trace": "1"} for one in shown)
    assert all(one["from"]["topic"] == topics.events(live, "orders") and one["message"] for one in shown)
    assert len(letters_of(capsys, "--limit", "2")) == 2, "never more than asked"
    assert CANARY in told(capsys, "show") and "\xff" not in told(capsys, "show")


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("--reason", "bad"), ("--family", "order")])
def test_a_choice_that_says_nothing_is_your_mistake(words: tuple[str, str]) -> None:
    assert cli.main(["dead-letters", "list", *words]) == 2


@pytest.mark.usefixtures("here")
def test_where_there_is_none_that_is_said(live: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dead-letters", "list"]) == 0 and cli.main(["dead-letters", "show"]) == 0
    assert capsys.readouterr() == ("", "No dead letter waits.\n" * 2)


def orders(count: int) -> dict[bytes, bytes]:
    """Key → a good order, each of another customer."""
    return {f"US:{n}".encode(): body(id=f"o{n}", customer_id=str(n)) for n in range(count)}


def waiting(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[int, int]]:
    """Reason → how many wait, and how many were sent again."""
    return {one["reason"]: (one["waiting"], one["sent"]) for one in json.loads(told(capsys, "list", "--json"))}


@pytest.mark.usefixtures("here")
def test_orders_of_a_producer_with_its_own_partitioner_are_told_of_and_sent_again_once(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """librdkafka's default, as every client of it has; a sender without keys; one with another customer's."""
    topics.ensure(live)
    plain, topic = confluent_kafka.Producer({"bootstrap.servers": live.broker}), topics.events(live, "orders")
    away: list[bool] = []

    def note(_: Any, one: Any) -> None:
        away.append(one.partition() != partition_of(one.key(), live.partitions))

    for key, value in orders(40).items():
        plain.produce(topic, value, key, on_delivery=note)
    for number, strange in enumerate((None, b"US:9999", b"ZZ:1")):
        plain.produce(topic, body(id=f"k{number}", customer_id=f"k{number}"), strange)
    plain.flush()
    shop.send(live, [])
    shop.consume(live)
    lost = sum(away)
    assert lost > 10 and waiting(capsys) == {"key differs": (2, 0), "no key": (1, 0), "wrong partition": (lost, 0)}
    assert "partitioner=murmur2_random" in letters_of(capsys, "--reason", "wrong partition")[0]["message"]

    killed = shop.process(live, "dead-letters", "send", fault="letters.sent")
    assert killed.wait(60) < 0, killed.communicate()
    assert waiting(capsys)["wrong partition"] == (lost, 0), "sent, and nobody noted it"
    assert "wrong partition" in told(capsys, "send")
    assert waiting(capsys) == {"key differs": (0, 2), "no key": (0, 1), "wrong partition": (0, lost)}
    online, lake = shop.consume(live)
    assert online["admitted"] == lost + 3 == online["repeated"] and lake["dead"] == {}
    assert shop.compare(live, client)["orders"] and shop.lake_count(live)[0] == 40 - lost + 2 * (lost + 3)

    assert told(capsys, "send") == "", "what was sent does not wait"
    assert shop.lake_count(live)[0] == 40 - lost + 2 * (lost + 3)


@pytest.mark.usefixtures("here", "client")
def test_what_would_be_refused_again_stays_and_is_a_new_letter_if_it_is_sent_anyway(
    live: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    topics.ensure(live)
    with Producer(live) as producer:
        producer.send(topics.events(live, "app"), b"{", b"US:7", headers=[("replayed", b"1")])
        mark = event.encode(event.Watermark(country="QQ", seen_at=shop.FIRST))
        producer.send(topics.events(live, "app"), mark, b"QQ:", 1)
    shop.consume(live, LakeConsumer)
    left = told(capsys, "send", code=1)
    assert "not JSON\t0\t1" in left and "unknown country\t0\t1\tno country file for 'QQ'" in left
    assert waiting(capsys) == {"not JSON": (1, 0), "unknown country": (1, 0)}
    (first, _) = letters_of(capsys, "--reason", "not JSON"), told(capsys, "send", "--anyway")
    (lake,) = shop.consume(live, LakeConsumer)
    assert lake["dead"] == {"not JSON": 1, "unknown country": 1}
    assert waiting(capsys) == {"not JSON": (1, 1), "unknown country": (1, 1)}
    (again,) = letters_of(capsys, "--reason", "not JSON")
    where = first[0]["letter"]
    assert again["sent_again_from"] == f"{where['topic']}/{where['partition']}@{where['offset']}"
    assert again["value"] == "{" and again["headers"] == {"replayed": "1"} and again["key"] == "US:7"
    (mark_again,) = letters_of(capsys, "--reason", "unknown country")
    assert mark_again["from"]["partition"] == 1, "a watermark speaks of its own partition"
