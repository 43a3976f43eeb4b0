"""What a member hears in passing from the broker: where its partitions end, and whether its group has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from scv.errors import Unreachable
from scv.settings import Settings
from streams.kafka import librdkafka, topics
from streams.kafka.intake import Intake, group_of
from streams.kafka.log import Broker, Part, parts, standing
from streams.kafka.question import EVERY_S, Heard, Question
from streams.online.consumer import OnlineConsumer
from tests.streams import shop
from tests.streams.conftest import BROKER

A, B = Part("a", 0), Part("a", 1)


class Admin:
    """Answers whenever the test lets it."""

    def __init__(self) -> None:
        self.ends: dict[Part, Future[Any]] = {}
        self.group: Future[Any] = Future()
        self.asked = 0

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        self.ends = {Part(one.topic, one.partition): Future() for one in wanted}
        return {TopicPartition(*part): future for part, future in self.ends.items()}

    def list_groups(self, group: str, timeout: float) -> list[Any]:
        self.asked += 1
        self.group = Future()
        found: list[Any] = self.group.result(timeout)
        return found

    def say(self, ends: dict[Part, int], *groups: tuple[str, tuple[str, ...]]) -> None:
        """Its answer; of partitions without an end it is an error."""
        for part, future in self.ends.items():
            if part in ends:
                future.set_result(SimpleNamespace(offset=ends[part]))
            else:
                future.set_exception(KafkaException("no leader"))
        self.group.set_result(
            [
                SimpleNamespace(
                    state=state,
                    members=[SimpleNamespace(id=one, assignment=b"a" * (state == "Stable")) for one in ids],
                )
                for state, ids in groups
            ]
        )


SAID: list[tuple[list[tuple[str, tuple[str, ...]]], bool | None]] = [
    ([("Stable", ("other", "me"))], True),
    ([("Stable", ("other",))], False),
    ([("Stable", ())], None),
    ([("PreparingRebalance", ("other", "me"))], True),
    ([("PreparingRebalance", ("other",))], False),
    ([("Unknown", ("other", "me"))], None),
    ([("Unknown", ("other",))], None),
    ([("Empty", ())], False),
    ([("Dead", ())], False),
    ([], None),
]


@pytest.mark.parametrize(("groups", "ours"), SAID)
def test_an_answer_comes_once(groups: list[tuple[str, tuple[str, ...]]], ours: bool | None) -> None:
    admin, now = Admin(), [0.0]
    question = Question(admin, "g", lambda: now[0])

    def answer() -> Heard | None:
        return question.answer({A, B}, lambda: "me")

    assert answer() is None and answer() is None, "no answer yet: it waits for none"
    shop.wait(lambda: admin.asked == 1)
    admin.say({A: 7}, *groups)
    heard: list[Heard] = []
    shop.wait(lambda: heard.append(said) or True if (said := answer()) else False)
    assert heard == [Heard({A: 7}, ours)], "what one partition does not say is no silence of the broker"
    assert answer() is None and admin.asked == 1
    now[0] += EVERY_S
    assert answer() is None
    shop.wait(lambda: admin.asked == 2)
    admin.say({}, *groups)


def test_a_broker_that_answers_nothing_is_told_from_one_without_records() -> None:
    for wanted, said in (({A}, Heard(None, None)), (set(), Heard({}, False))):
        admin = Admin()
        question = Question(admin, "g")
        assert question.answer(wanted, str) is None
        shop.wait(lambda admin=admin: admin.asked == 1)
        if wanted:
            admin.ends[A].set_exception(KafkaException("timed out"))
            admin.group.set_exception(KafkaException("timed out"))
        else:
            admin.say({}, ("Empty", ()))
        shop.wait(lambda question=question, wanted=wanted, said=said: question.answer(wanted, str) == said)


@contextmanager
def joined(live: Settings) -> Iterator[Intake]:
    intake = Intake(live, "online", standing(live, 1), lambda _: None)
    try:
        yield intake
    finally:
        intake.close()


def test_the_running_broker_answers(live: Settings) -> None:
    """The embedded one tells nothing of groups; Kafka names the members."""
    logs = standing(live, 1)
    client = librdkafka.admin(live)

    def heard(wanted: list[Part], member: Callable[[], str], meanwhile: Callable[[], object]) -> Heard:
        question = Question(client, group_of(live, "online"))
        until = time.monotonic() + 10
        while (answer := question.answer(wanted, member)) is None:
            meanwhile()
            assert time.monotonic() < until
            time.sleep(0.01)
        return answer

    empty = Heard(dict.fromkeys(parts(logs), 0), None)  # nobody ever joined that group
    # Of a topic that was made just now Kafka may not yet name every leader.
    shop.wait(lambda: heard(parts(logs), str, lambda: None) == empty)
    shop.send(live, shop.log(1, 30))
    with joined(live) as intake:
        shop.wait(lambda: bool(intake.take(1, 0.05) or intake.assigned))
        ends, member = heard(sorted(intake.assigned), intake.member, lambda: intake.take(1, 0))
    assert member is (True if BROKER == "kafka" else None)
    assert ends is not None and sum(ends.values()) > 0 and ends.keys() == set(parts(logs))
    assert topics.events(live, "app") in {part.topic for part in ends}


def test_one_who_left_while_the_group_formed_keeps_nobody_out(live: Settings, client: Any) -> None:
    """The embedded broker goes on taking it for the leader, and gives partitions to nobody."""
    shop.send(live, shop.log(2, 50))
    with joined(live) as intake:
        shop.wait(lambda: intake.take(1, 0.05) == [] and intake._consumer.memberid())
        assert BROKER == "kafka" or not intake.assigned, "it leaves too late"
    (counted,) = shop.consume(live, OnlineConsumer)
    assert counted["taken"] > 50


def test_what_does_not_come_is_asked_for_anew_and_comes_once(live: Settings) -> None:
    shop.send(live, shop.log(3, 60), None)
    logs = standing(live, 1)
    with joined(live) as intake:
        shop.wait(lambda: intake.take(1, 0.05) or intake.assigned == set(parts(logs)))
        with closing(Broker(live)) as broker:
            ends = broker.bounds(parts(logs))
        shop.wait(lambda: not intake.place(dict.fromkeys(intake.unplaced, 0), ends) and not intake.unplaced)
        came = intake.take(1, 10)
        intake._consumer.pause([TopicPartition(*part) for part in intake.placed])  # as if each fetch were lost
        while more := intake.take(1, 0.5):
            came += more
        intake.ask_anew(intake.placed)
        shop.wait(lambda: came.extend(intake.take(100, 0.05)) or intake.at_end == set(parts(logs)))
    sent = {(part, offset) for part, (low, high) in ends.items() for offset in range(low, high)}
    took = [(Part(one.topic(), one.partition()), one.offset()) for one in came]
    assert sorted(took) == sorted(sent) and len(took) > 60


class Hesitant:
    """Says of each partition so many times that it has no leader yet, and then where it ends."""

    def __init__(self, code: int, times: int) -> None:
        self.code, self.times, self.asked = code, times, list[int]()

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        self.asked.append(len(wanted))
        found: dict[TopicPartition, Future[Any]] = {}
        for at in wanted:
            found[at] = Future()
            if at.partition and len(self.asked) <= self.times:
                found[at].set_exception(KafkaException(KafkaError(self.code)))
            else:
                found[at].set_result(SimpleNamespace(offset=7))
        return found


@pytest.mark.parametrize("code", [KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.LEADER_NOT_AVAILABLE])
def test_a_partition_without_a_leader_yet_is_asked_for_again(code: int) -> None:
    with closing(Broker(Settings(broker="127.0.0.1:1"))) as broker:
        broker.admin = hesitant = Hesitant(code, 2)
        assert broker._offsets([A, B], None) == {A: 7, B: 7}
        assert hesitant.asked == [2, 1, 1], "only of what has not been said"


def test_whoever_may_not_ask_is_told_at_once() -> None:
    with closing(Broker(Settings(broker="127.0.0.1:1"))) as broker:
        broker.admin = hesitant = Hesitant(KafkaError.TOPIC_AUTHORIZATION_FAILED, 1)
        with pytest.raises(Unreachable, match="does not say where its logs end"):
            broker._offsets([A, B], None)
        assert hesitant.asked == [2]
