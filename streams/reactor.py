"""The reactor: Faust hears which customers moved, the scorer is asked about them, alerts go out with hysteresis.

Faust carries no state here: which alerts stand is kept in the store. Its tables, windows, `exactly_once` and web
server stay off. An alert is sent first and kept as standing then, and a customer is forgotten last: whatever fails
between, they are asked about again, so an alert may come twice and is never lost. A raise that is lost in a crash
comes again with the customer's next event; whoever has a standing alert is asked about at every start.

One member, the leader, also has the week done when it is due. What that is, whoever starts the reactor says.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import faust
import msgspec
from faust.types.auth import CredentialsT

from scv.errors import BadSetting
from scv.events import country as countries
from scv.settings import Settings
from scv.talk import say as talk
from store.client import UNWELL, ails
from streams.alert import Alert, Risk, StandingAlerts, changes
from streams.kafka import librdkafka, security, topics
from streams.progress import Still
from telemetry.sample import Sample

FLUSH_S = 0.5
MOST = 50
"""Customers in a question: four times as many keep the scorer from its other callers for an eighth of a second."""

Ask = Callable[[str, list[str]], Iterable[Risk]]
"""The answers about customers of one country, one per customer and target; it may block."""
Send = Callable[[Alert], Awaitable[Any]]
"""Publishes an alert; done once the broker has it."""
Week = Callable[[], Awaitable[Any]]
"""Does what is due; never raises."""
EVERY = "*/15 * * * *"
"""When the leader looks for what is due, as a crontab has it."""


class ChangedRow(msgspec.Struct, frozen=True):
    """A record of the scv-changed topic."""

    country: str
    customer_id: str


@dataclass
class ReactorCounts:
    heard: int = 0
    unreadable: int = 0
    asked: int = 0
    failed: int = 0
    alerts: int = 0

    def samples(self) -> Iterator[Sample]:
        """As an operator scrapes them; from any thread."""
        for outcome, count in asdict(self).items():
            yield Sample("cerebro_reactor_customers_total", (outcome,), count)


class Reactor:
    """Who waits to be asked about, and what becomes of the answers. Runs in one event loop; knows nothing of Faust."""

    def __init__(self, ask: Ask, standing: StandingAlerts, send: Send, say: Callable[[str], None] = talk) -> None:
        self.counts = ReactorCounts()
        self.waiting: dict[str, dict[str, int]] = {}
        """By country the customers who moved, with the number of what was heard of them last."""
        self._ask, self._standing, self._send, self._say = ask, standing, send, say
        self._ails, self._most = "", MOST

    def hear(self, key: bytes | None, value: bytes | None) -> None:
        """A record of scv-changed; one without a value is an erased customer, who is named by the key alone."""
        try:
            moved = _of_key(key or b"") if value is None else msgspec.json.decode(value, type=ChangedRow)
        except ValueError:
            self.counts.unreadable += 1
            return
        self.counts.heard += 1
        self.wait(moved.country, moved.customer_id)

    def wait(self, country: str, customer_id: str) -> None:
        """Let a customer wait to be asked about."""
        self.waiting.setdefault(country, {})[customer_id] = self.counts.heard

    def facts(self) -> dict[str, int]:
        """What it counts, and how many customers wait now."""
        return asdict(self.counts) | {"waiting": sum(map(len, self.waiting.values()))}

    async def react(self) -> float:
        """Ask about some of those who wait, in each country; never raises: who could not be served waits on.

        How long to rest then (s): where another whole question waits only as long as this turn took, so that half of
        the scorer's time is left to its other callers.
        """
        begun, failed = time.monotonic(), self.counts.failed
        for country in list(self.waiting):
            try:
                await self._serve(country)
                self._ails = ""
            except Exception as error:  # Faust's task would die of it, and everyone who waits with it
                self.counts.failed += 1
                self._most = max(self._most // 2, 1)  # it may be too slow for so many: the same again would fail again
                if self._ails != type(error).__name__:
                    self._ails = type(error).__name__
                    said = f"the store {ails(error)}" if isinstance(error, UNWELL) else str(error)
                    self._say(f"Alerts of {country} wait, and are tried again: {said}")
        more = self.counts.failed == failed and any(len(who) >= self._most for who in self.waiting.values())
        return min(time.monotonic() - begun, FLUSH_S) if more else FLUSH_S

    async def _serve(self, country: str) -> None:
        waiting = self.waiting[country]
        asked = dict(itertools.islice(waiting.items(), self._most))
        if not asked:
            return
        for alert in await asyncio.to_thread(self._changes, country, list(asked)):
            await self._send(alert)
            await asyncio.to_thread(self._standing.keep, alert)
            self.counts.alerts += 1
        self.counts.asked += len(asked)
        self._most = min(2 * self._most, MOST)
        for customer_id, heard in asked.items():
            if waiting[customer_id] == heard:  # or they moved again meanwhile
                del waiting[customer_id]

    def _changes(self, country: str, customer_ids: Sequence[str]) -> list[Alert]:
        risks = list(self._ask(country, list(customer_ids)))
        return changes(risks, self._standing.of(country, customer_ids), country)


def build(
    settings: Settings, ask: Ask, client: Any, beat: Callable[..., None], week: Week
) -> tuple[faust.App, ReactorCounts]:
    """The Faust application; run it with `faust.Worker(app)`. Reads from the store whose alerts stand."""
    _quieten(settings)
    app = application(settings, f"{settings.topic_prefix}-reactor", "latest")  # alerts are about what moves from now on
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    changed = app.topic(topics.scv_changed(settings), **raw)
    alerts = app.topic(topics.alerts(settings), **raw)
    standing = StandingAlerts(client)

    async def send(alert: Alert) -> None:
        key = f"{alert.risk.country}:{alert.risk.customer_id}".encode()
        await (await alerts.send(key=key, value=msgspec.json.encode(alert)))  # the second: the broker has it

    reactor, still = Reactor(ask, standing, send), Still()
    for country, customer_id in standing.everyone(countries.known(settings.countries_path)):
        reactor.wait(country, customer_id)

    @app.agent(changed, concurrency=1, name="hear")
    async def hear(stream: Any) -> None:
        async for event in stream.events():
            reactor.hear(event.key, event.value)

    @app.task  # a timer of Faust's would write a line for every turn that takes longer than it should
    async def react() -> None:
        while not app.should_stop:
            facts, wait = reactor.facts(), still.look(reactor.counts.asked, done=not any(reactor.waiting.values()))
            beat(facts | {"leads": int(leads(app, settings))}, still_s=wait)
            await app.sleep(await reactor.react())

    @app.crontab(EVERY)
    async def turn() -> None:
        if leads(app, settings):
            await week()

    return app, reactor.counts


def leads(app: faust.App, settings: Settings) -> bool:
    """Is this member the leader? The one is that hears the first partition. Faust's own leader would need a topic."""
    return faust.types.TP(topics.scv_changed(settings), 0) in app.consumer.assignment()


def application(settings: Settings, group: str, begin: str) -> faust.App:
    """A Faust application that keeps nothing; a new group begins at the `latest` or the `earliest` record."""
    session_s = settings.session_ms / 1000
    return faust.App(
        group,
        broker=f"kafka://{settings.broker.replace(',', ';kafka://')}",
        broker_credentials=_credentials(settings),
        datadir=str(settings.home_path / "reactor"),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        # The embedded broker lets a member join after half a session: Faust's 60 s would be deaf for half a minute.
        broker_session_timeout=session_s,
        broker_rebalance_timeout=session_s,
        broker_heartbeat_interval=session_s / 4,
        consumer_auto_offset_reset=begin,
    )


def _credentials(settings: Settings) -> CredentialsT | None:
    """How a closed broker is reached, as Faust takes it; None: in plain text. Raises BadSetting."""
    said = security.properties(settings)
    context = security.context(said)
    if not said.get("security.protocol", security.PLAIN).startswith("SASL"):
        return faust.SSLCredentials(context) if context else None
    mechanism, who = said.get("sasl.mechanism", "PLAIN"), (said.get("sasl.username"), said.get("sasl.password"))
    try:
        return faust.SASLCredentials(username=who[0], password=who[1], ssl_context=context, mechanism=mechanism)
    except ValueError as error:
        raise BadSetting(f"sasl.mechanism {mechanism} of CEREBRO_BROKER_CONFIG is none that Faust knows.") from error


class _Seldom(logging.Handler):
    """What Faust's client writes at every attempt to connect, some ten lines a second, in our words instead."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(logging.ERROR)
        self._broker, self._trouble = settings.broker, librdkafka.Trouble()

    def emit(self, record: logging.LogRecord) -> None:
        self._trouble(self._broker, "it cannot be reached")


def _quieten(settings: Settings) -> None:
    client = logging.getLogger("aiokafka")
    client.handlers, client.propagate = [_Seldom(settings)], False


def _of_key(key: bytes) -> ChangedRow:
    """`country:customer` as the records' keys have it. Raises ValueError."""
    country, between, customer_id = key.decode().partition(":")
    if not between or not customer_id:
        raise ValueError("no country and customer in the key")
    return ChangedRow(country, customer_id)
