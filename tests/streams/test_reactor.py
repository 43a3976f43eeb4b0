"""No alert is lost: whatever fails on the way comes again; and none stays for somebody whom nobody asks about."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import grpc
import msgspec
import pytest

from operation import turn
from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from scv.online.keys import Keys
from scv.settings import PREFIX, Settings
from store.heartbeat import members
from streams import reactor
from streams.alert import Alert, Band, Risk, StandingAlerts, decide, risk_of
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.reactor import FLUSH_S, MOST, Reactor
from tests.streams.shop import ROOT
from tests.streams.topic_reading import read

STEPS = ("ask", "of", "send", "keep")
"""What a turn of the reactor consists of; each can fail."""


def published(settings: Settings) -> list[Alert]:
    """Everything on the alerts topic."""
    name = topics.alerts(settings)
    return [msgspec.json.decode(one.value or b"", type=Alert) for one in read(settings, topics.ensure(settings)[name])]


class Broken(Exception):
    """A scorer, store or broker that is away."""


class World:
    """A scorer that says what `bands` say, a topic that keeps what is sent, and a fault at the nth call of a step."""

    def __init__(self, client: Any) -> None:
        self.bands: dict[tuple[str, str], Band] = {}
        self.sent: list[Alert] = []
        self.faults: dict[str, int] = {}
        self.said: list[str] = []
        self.standing = StandingAlerts(client)
        self.during: Callable[[], None] = lambda: None
        self.slow_for = MOST + 1
        standing = StandingAlerts(client)
        for name in ("of", "keep"):
            setattr(self.standing, name, self._at(name, getattr(standing, name)))
        self.reactor = Reactor(self._at("ask", self._ask), self.standing, self._send, self.said.append)

    def moved(self, *customer_ids: str) -> None:
        for one in customer_ids:
            self.reactor.hear(f"US:{one}".encode(), f'{{"country":"US","customer_id":"{one}"}}'.encode())

    def turn(self, times: int = 1) -> float:
        """How long the last one says to rest."""
        return [asyncio.run(self.reactor.react()) for _ in range(times)][-1]

    @property
    def waiting(self) -> set[str]:
        return set(self.reactor.waiting.get("US", ()))

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.change, one.risk.customer_id) for one in self.sent]

    def stand(self) -> set[str]:
        return {customer for _, customer in self.standing.everyone(["US"])}

    def _ask(self, country: str, customer_ids: list[str]) -> list[Risk]:
        self.during()
        if len(customer_ids) >= self.slow_for:
            raise Broken("no answer within 2 s")
        return [
            Risk(country=country, customer_id=one, target=target, band=band)
            for one in customer_ids
            for (who, target), band in self.bands.items()
            if who == one
        ]

    async def _send(self, alert: Alert) -> None:
        self._trip("send")
        self.sent.append(alert)

    def _at(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def tried(*values: Any) -> Any:
            self._trip(step)
            return work(*values)

        return tried

    def _trip(self, step: str) -> None:
        if step in self.faults:
            self.faults[step] -= 1
            if self.faults[step] == 0:
                del self.faults[step]
                raise Broken(step)


@pytest.fixture
def world(client: Any) -> World:
    return World(client)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_fault_anywhere_delays_alerts_and_loses_none(world: World, step: str, call: int) -> None:
    world.bands = {(one, "lapse"): "high" for one in "abc"}
    world.faults = {step: call}
    world.moved("a", "b", "c")
    world.turn()
    failed = not world.faults
    assert world.waiting == ({"a", "b", "c"} if failed else set()), "whoever was not served waits on"
    assert world.reactor.counts.failed == failed == len(world.said)
    world.faults.clear()
    world.turn(2)
    assert set(world.told) == {("raised", one) for one in "abc"} and len(world.told) <= 4
    assert world.stand() == {"a", "b", "c"} and not world.waiting


def test_steps_are_all_there_is(world: World) -> None:
    """Each step is met in a turn, or the test above proves nothing."""
    world.bands = {(one, "lapse"): "high" for one in "abc"}
    world.faults = dict.fromkeys(STEPS, 100)
    world.moved("a", "b", "c")
    world.turn()
    assert {step: 100 - left for step, left in world.faults.items()} == {"ask": 1, "of": 1, "send": 3, "keep": 3}


@pytest.mark.parametrize("band", ["none", "usual", "low"])
def test_who_is_at_risk_no_more_or_asked_about_no_more_is_cleared_and_may_be_raised_again(
    world: World, band: Band
) -> None:
    for found in ("high", band, "high"):
        world.bands = {("a", "cancellation"): found}  # type: ignore[dict-item]
        world.moved("a")
        world.turn()
    assert world.told == [("raised", "a"), ("cleared", "a"), ("raised", "a")]


def test_stale_rows_change_nothing(world: World) -> None:
    for found in ("high", "stale", "raised", "high"):
        world.bands = {("a", "lapse"): found}  # type: ignore[dict-item]
        world.moved("a")
        world.turn()
    assert world.told == [("raised", "a")] and world.stand() == {"a"}


def test_a_target_that_a_country_gave_up_leaves_no_alert(world: World) -> None:
    world.bands = {("a", "lapse"): "high", ("a", "skip"): "high"}
    world.moved("a")
    world.turn()
    world.bands = {("a", "skip"): "high"}
    world.moved("a")
    world.turn()
    assert [(one.change, one.risk.target) for one in world.sent][2:] == [("cleared", "lapse")]


def test_who_moves_while_being_asked_about_is_asked_about_again(world: World) -> None:
    world.bands = {("a", "lapse"): "usual"}
    world.moved("a")
    world.during = lambda: world.moved("a")
    world.turn()
    assert world.waiting == {"a"}
    world.during = lambda: None
    world.turn()
    assert not world.waiting


def test_an_erased_customer_leaves_no_alert(world: World) -> None:
    """Their record of scv-changed has no value; the scorer then knows nobody of that id."""
    world.bands = {("7", "lapse"): "high"}
    world.moved("7")
    world.turn()
    world.bands = {("7", "lapse"): "none"}
    world.reactor.hear(b"US:7", None)
    world.turn()
    assert world.told[-1] == ("cleared", "7") and world.stand() == set()


@pytest.mark.parametrize("record", [(None, None), (b"US", None), (b"US:", None), (b"\xff", None), (b"k", b"{")])
def test_what_cannot_be_read_is_counted(world: World, record: tuple[bytes | None, bytes | None]) -> None:
    world.reactor.hear(*record)
    assert (world.reactor.counts.unreadable, world.reactor.counts.heard, world.waiting) == (1, 0, set())


def test_more_than_one_question_holds_are_asked_in_several(world: World) -> None:
    everyone = [str(number) for number in range(MOST + 1)]
    world.bands = {(one, "lapse"): "high" for one in everyone}
    world.moved(*everyone)
    world.turn()
    assert world.waiting == {everyone[-1]}
    world.turn()
    assert world.stand() == set(everyone)


def test_a_backlog_is_asked_about_without_a_rest_and_a_fault_is_not(world: World) -> None:
    """Otherwise a country in which more move than one question holds in its turn waits longer and longer."""
    world.moved(*map(str, range(3 * MOST)))
    assert world.turn() < FLUSH_S, "two whole questions wait"
    world.faults = {"ask": 1}
    assert world.turn() == FLUSH_S and len(world.waiting) == 2 * MOST, "who does not answer is not pressed"
    assert world.turn() < FLUSH_S
    world.turn(3)
    assert not world.waiting
    world.during = lambda: world.moved("1")
    world.moved("1")
    assert world.turn() == FLUSH_S, "a few who move all the time are asked about together, in turns"


def test_a_scorer_that_is_too_slow_for_many_is_asked_about_fewer(world: World) -> None:
    """Otherwise the same question fails for good, and with it every alert."""
    world.moved(*map(str, range(MOST)))
    world.slow_for = MOST // 7
    world.turn(20)
    assert not world.waiting and world.reactor.counts.failed > 3
    world.slow_for = MOST + 1
    world.moved(*map(str, range(2 * MOST)))
    world.turn(5)
    assert not world.waiting, "and about many again once it can"


@pytest.mark.parametrize("status", [one for one in pb.Status.values() if one])
def test_every_answer_reaches_the_decision(status: int) -> None:
    """Whatever status the scorer has, also one that is new: it leaves a score, a clearing, or nothing to say."""
    one = pb.TargetScore(target="lapse", status=status, status_reason="why", probability=0.5, band=pb.HIGH)  # type: ignore[arg-type]
    risk = risk_of(pb.ScoreReply(country="US", customer_id="a", targets=[one]), one)
    expected = {pb.SCORED: "high", pb.STALE_REFUSED: "stale"}.get(status, "none")  # type: ignore[call-overload]
    assert risk.band == expected
    assert (risk.probability is None) == (status != pb.SCORED) and risk.reason == ("" if status == pb.SCORED else "why")
    assert decide(True, risk.band) == ("cleared" if expected == "none" else None)


# -- the week ------------------------------------------------------------------------------------------------------


def test_the_leader_has_the_week_done_and_no_other_member(
    live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed, done = dict[str, Callable[[], Any]](), list[bool]()

    def crontab(app: faust.App, when: str) -> Callable[[Any], None]:
        return lambda turn: timed.update({when: turn})

    async def week() -> None:
        done.append(True)

    monkeypatch.setattr(faust.App, "crontab", crontab)
    app, _ = reactor.build(live, lambda *_: (), client, lambda _: None, week)
    for first in (True, False):
        assignment = {faust.types.TP(topics.scv_changed(live), 0 if first else 1)}
        monkeypatch.setattr(app, "consumer", SimpleNamespace(assignment=lambda own=assignment: own))
        asyncio.run(timed["*/15 * * * *"]())
        assert len(done) == 1


@pytest.mark.parametrize(("code", "told"), [(0, 0), (1, 1)])
def test_the_week_is_a_process_of_its_own(
    code: int, told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, said = tmp_path / "cli.py", list[str]()
    script.write_text(
        f"import pathlib, sys\npathlib.Path('words').write_text(' '.join(sys.argv[1:]))\nsys.exit({code})"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(turn, "CLI", script)
    asyncio.run(turn.beside(said.append))
    assert Path("words").read_text() == "due --run" and len(said) == told
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    asyncio.run(turn.beside(said.append))
    assert len(said) == told + 1 and "cannot be started" in said[-1]


# -- the whole of it -----------------------------------------------------------------------------------------------


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Everyone in `high` is at high risk; nobody knows the others."""

    def __init__(self) -> None:
        self.high: set[str] = set()

    def ScoreBatch(self, request: pb.ScoreBatchRequest, context: Any) -> pb.ScoreBatchReply:
        return pb.ScoreBatchReply(replies=[self._reply(request.country, one) for one in request.customer_ids])

    def _reply(self, country: str, customer_id: str) -> pb.ScoreReply:
        known = customer_id in self.high
        one = pb.TargetScore(target="lapse", status=pb.SCORED if known else pb.UNKNOWN_CUSTOMER)
        if known:
            one.probability, one.band = 0.5, pb.HIGH
        return pb.ScoreReply(country=country, customer_id=customer_id, known=known, targets=[one])


@contextmanager
def serving(scorer: Scorer) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    scorer_pb2_grpc.add_ScorerServicer_to_server(scorer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0)


@contextmanager
def reacting(settings: Settings, client: Any) -> Iterator[None]:
    given = {f"{PREFIX}{name}": str(getattr(settings, name.lower())) for name in GIVEN}
    child = subprocess.Popen([sys.executable, "cli.py", "react"], cwd=ROOT, env=os.environ | given)
    try:
        until(lambda: bool(members(client, "reactor")))
        yield
    finally:
        child.terminate()
        child.wait(20)


GIVEN = ("HOME", "BROKER", "STORE", "SCORER", "TOPIC_PREFIX", "PARTITIONS", "SESSION_MS")


def until(done: Callable[[], bool], longest_s: float = 40) -> None:
    deadline = time.monotonic() + longest_s
    while not done():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.1)


def test_faust_hears_an_erased_customer(live: Settings, client: Any) -> None:
    """Through the broker: who stood at the start is asked about, high is raised, a record without a value clears, and
    no id stays in the store."""
    scorer = Scorer()
    scorer.high = {"7"}
    topics.ensure(live)
    with serving(scorer) as address:
        live = msgspec.structs.replace(live, scorer=address)
        StandingAlerts(client).keep(
            Alert(change="raised", risk=Risk(country="US", customer_id="gone", target="lapse", band="high"))
        )
        with reacting(live, client), Producer(live) as producer:
            until(lambda: [one.risk.customer_id for one in published(live)] == ["gone"])  # stood at the start
            stand = Keys(client.prefix).of("alerts", "US", "lapse")
            while not client.sismember(stand, "7"):  # heard only once its partitions are given to it
                producer.send(topics.scv_changed(live), b'{"country":"US","customer_id":"7"}', b"US:7")
                time.sleep(0.5)
            until(lambda: [one.counts["leads"] for one in members(client, "reactor")] == [1])
            scorer.high = set()
            producer.send(topics.scv_changed(live), None, b"US:7")
            producer.flush()
            until(lambda: not client.exists(stand))
    changes: dict[str, list[str]] = {}
    for one in published(live):  # a customer's keep their order
        changes.setdefault(one.risk.customer_id, []).append(one.change)
    assert changes == {"gone": ["cleared"], "7": ["raised", "cleared"]}
