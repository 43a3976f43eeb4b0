"""The reactor: Faust hears which customers moved, asks the scorer, and publishes alerts with hysteresis.

Faust carries no state here: an alert that stands is kept in the store, and a change that is lost in a crash
comes again with the customer's next event. Its tables, windows, `exactly_once` and web server stay off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import faust
import msgspec

from scv.settings import Settings
from streams.kafka import librdkafka, topics

FLUSH_S = 0.5
MOST = 200


class Moved(msgspec.Struct, frozen=True):
    """A record of the scv-changed topic."""

    country: str
    customer_id: str


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """What the scorer says of one customer and target; `band` orders low < usual < raised < high."""

    country: str
    customer_id: str
    target: str
    probability: float
    band: str
    instant: str
    horizon_days: int
    reason: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the alerts topic."""

    change: Literal["raised", "cleared"]
    risk: Risk


@dataclass
class Counts:
    heard: int = 0
    unreadable: int = 0
    asked: int = 0
    failed: int = 0
    alerts: int = 0
    waiting: dict[str, dict[str, None]] = field(default_factory=dict)


Ask = Callable[[str, list[str]], Iterable[Risk]]


def decide(standing: bool, band: str) -> Literal["raised", "cleared"] | None:
    """Raise at `high`, clear only at `usual` or below: a score that hovers does not flicker.

    >>> decide(False, "high"), decide(True, "raised"), decide(True, "usual")
    ('raised', None, 'cleared')
    """
    if not standing and band == "high":
        return "raised"
    if standing and band in ("low", "usual"):
        return "cleared"
    return None


class Standing:
    """Which alerts stand, in the store: a set per country and target."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def change(self, risk: Risk) -> Alert | None:
        """The alert that this score makes, if any; the set is updated with it."""
        key = f"alerts:{risk.country}:{risk.target}"
        change = decide(bool(self._client.sismember(key, risk.customer_id)), risk.band)
        if change is None:
            return None
        (self._client.sadd if change == "raised" else self._client.srem)(key, risk.customer_id)
        return Alert(change=change, risk=risk)


def build(settings: Settings, ask: Ask, client: Any, heartbeat: Callable[[], None]) -> tuple[faust.App, Counts]:
    """The Faust application; run it with `faust.Worker(app)`.

    `ask` gives the scores of customers of one country (it may block: it runs in a thread).
    """
    _quieten(settings)
    session_s = settings.session_ms / 1000
    app = faust.App(
        f"{settings.topic_prefix}-reactor",
        broker=f"kafka://{settings.broker.replace(',', ';kafka://')}",
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
        consumer_auto_offset_reset="latest",  # alerts are about what moves from now on
    )
    counts, standing = Counts(), Standing(client)
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    changed = app.topic(topics.scv_changed(settings), **raw)
    alerts = app.topic(topics.alerts(settings), **raw)

    @app.agent(changed, concurrency=1, name="hear")
    async def hear(stream: Any) -> None:
        async for value in stream:
            _hear(value, counts)

    @app.timer(FLUSH_S)
    async def react() -> None:
        heartbeat()
        for country in list(counts.waiting):
            for alert in await asyncio.to_thread(_ask, country, counts, ask, standing):
                key = f"{country}:{alert.risk.customer_id}".encode()
                await alerts.send(key=key, value=msgspec.json.encode(alert))
                counts.alerts += 1

    return app, counts


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


def _hear(value: bytes | None, counts: Counts) -> None:
    try:
        moved = msgspec.json.decode(value or b"", type=Moved)
    except msgspec.MsgspecError:
        counts.unreadable += 1
        return
    counts.heard += 1
    counts.waiting.setdefault(moved.country, {})[moved.customer_id] = None


def _ask(country: str, counts: Counts, ask: Ask, standing: Standing) -> list[Alert]:
    """Score the customers of a country that moved; those stay waiting whom the scorer did not answer for."""
    waiting = counts.waiting.get(country, {})
    asked = list(waiting)[:MOST]
    if not asked:
        return []
    try:
        risks = list(ask(country, asked))
    except Exception:  # no scorer just now: they are asked for again at the next flush
        counts.failed += 1
        return []
    counts.asked += len(asked)
    for customer_id in asked:
        waiting.pop(customer_id, None)
    return [alert for risk in risks if (alert := standing.change(risk))]
