"""What is known of a customer this moment: the row from the store, the scores from the scorer. Either may be away."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from rpc import scorer_pb2 as pb
from rpc.client import ScorerClient
from scv.events.country import Country
from scv.features import fetcher
from scv.online.reader import Reader, View
from scv.settings import Settings
from store.client import GLANCE, client, reachable

ANSWER_S = 3.0


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's row: `values` by full name, aged to `at` (None: the country's clock has not begun).

    `known` as `scv.online.reader.View`. `unbuilt`: fetcher → why its values are missing. `marks` is another one
    whenever anything that the row holds is.
    """

    known: bool | None
    at: datetime | None
    clock: datetime | None
    values: dict[str, Any]
    unbuilt: dict[str, str]
    marks: str


class Live:
    """One connection to the store and one to the scorer, made when they are first needed. From any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._client: Any = None
        self._reader: Reader | None = None
        self._scorer: ScorerClient | None = None
        self._fetchers = list(fetcher.collect().values())

    def close(self) -> None:
        """End both."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            if self._scorer is not None:
                self._scorer.channel.close()
            self._client = self._reader = self._scorer = None

    def rows(self, country: Country, customers: Sequence[str]) -> list[LiveRow]:
        """In the order asked. Raises Unreachable, or StoreUnusable for rows of another format."""
        with reachable(self._settings):
            return [_row(view) for view in self._read().read(country, customers, self._fetchers)]

    def row(self, country: Country, customer_id: str) -> LiveRow:
        """One customer's; raises as `rows`."""
        return self.rows(country, [customer_id])[0]

    def scores(self, country: Country, customer_id: str) -> dict[str, Any]:
        """What the scorer says: phase, contact, freshness and a score for each target. Raises ScorerError."""
        return told(self._ask().score(country.code, customer_id))

    def _read(self) -> Reader:
        with self._lock:
            if self._reader is None:
                self._client = client(self._settings, GLANCE, reads_only=True)
                self._reader = Reader(self._client)
            return self._reader

    def _ask(self) -> ScorerClient:
        with self._lock:
            if self._scorer is None:
                self._scorer = ScorerClient(self._settings.scorer, ANSWER_S, self._settings.caller_keys)
            return self._scorer


def _row(view: View) -> LiveRow:
    readings = view.fetchers
    marks = [(name, one.held and (one.held.epoch, one.held.partition, one.held.next)) for name, one in readings.items()]
    return LiveRow(
        known=view.known,
        at=view.at,
        clock=view.clock,
        values=view.values(),
        unbuilt={name: one.unbuilt for name, one in readings.items() if one.unbuilt},
        marks=str(marks),
    )


def told(reply: pb.ScoreReply) -> dict[str, Any]:
    """A reply of the scorer as JSON values: words in lower case, None for what it does not say."""
    contact = {"policy": pb.ContactPolicy.Name(reply.contact_policy).lower(), "reason": reply.contact_reason}
    fresh = [
        {
            "fetchers": list(one.fetchers),
            "state": pb.Freshness.State.Name(one.state).lower(),
            "age_s": one.age_s if one.HasField("age_s") else None,
        }
        for one in reply.freshness
    ]
    return {
        "known": reply.known,
        "at": _instant(reply, "instant"),
        "phase": reply.phase or None,
        "contact": contact,
        "freshness": fresh,
        "targets": [_target(one) for one in reply.targets],
    }


def _target(one: pb.TargetScore) -> dict[str, Any]:
    numbers = ("probability", "times_usual", "change_since_tuesday")
    return {
        "target": one.target,
        "status": pb.Status.Name(one.status).lower(),
        "status_reason": one.status_reason,
        "horizon_days": one.horizon_days,
        "horizon_end": _instant(one, "horizon_end"),
        "band": pb.Band.Name(one.band).lower() if one.band else None,
        "basis": pb.Basis.Name(one.basis).lower(),
        "model": one.model,
        "reasons": [
            {"feature": each.feature, "hint": each.agent_hint, "sayable": each.sayable or None} for each in one.reasons
        ],
    } | {name: getattr(one, name) if one.HasField(name) else None for name in numbers}


def _instant(message: Any, name: str) -> datetime | None:
    return getattr(message, name).ToDatetime(UTC) if message.HasField(name) else None
