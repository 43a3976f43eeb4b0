"""Alerts: what the scorer says of a customer, when that raises or clears one, and which of them stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, cast

import msgspec

from rpc import scorer_pb2 as pb
from scv.online.keys import Keys
from scv.targets import target as targets

Change = Literal["raised", "cleared"]
Band = Literal["low", "usual", "raised", "high", "none", "stale"]


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """What the scorer answers about one customer and target.

    `band` orders low < usual < raised < high. A customer who is not asked about any more (cancelled, erased) has
    "none", one whose rows are too old to be scored just now "stale"; both have no probability. `reason` says why.
    """

    country: str
    customer_id: str
    target: str
    probability: float | None = None
    band: Band
    instant: str = ""
    horizon_days: int = 0
    reason: str = ""


def risk_of(reply: pb.ScoreReply, target: pb.TargetScore) -> Risk:
    """One answer of the scorer. Who was refused for stale rows may be scored again, the others may not."""
    scored = target.status == pb.SCORED
    unscored = "stale" if target.status == pb.STALE_REFUSED else "none"
    hint = target.reasons[0].agent_hint if target.reasons else ""
    return Risk(
        country=reply.country,
        customer_id=reply.customer_id,
        target=target.target,
        band=cast("Band", pb.Band.Name(target.band).lower() if scored else unscored),
        probability=target.probability if scored else None,
        instant=reply.instant.ToJsonString() if reply.HasField("instant") else "",
        horizon_days=target.horizon_days,
        reason=hint if scored else target.status_reason,
    )


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the alerts topic."""

    change: Change
    risk: Risk


def decide(standing: bool, band: Band) -> Change | None:
    """Raise at `high`; clear at `usual` or below, and for whom nobody asks any more: a score that hovers does not
    flicker.

    >>> decide(False, "high"), decide(True, "raised"), decide(True, "stale"), decide(True, "none")
    ('raised', None, None, 'cleared')
    """
    if not standing and band == "high":
        return "raised"
    if standing and band in ("low", "usual", "none"):
        return "cleared"
    return None


def changes(risks: Iterable[Risk], stand: Iterable[tuple[str, str]], country: str) -> list[Alert]:
    """The alerts that these answers make, given which (customer, target) stand.

    What stands and was not answered is cleared: its target is asked about no more.
    """
    answered = {(one.customer_id, one.target): one for one in risks}
    standing = set(stand)
    for customer_id, target in standing - set(answered):
        answered[customer_id, target] = Risk(
            country=country, customer_id=customer_id, target=target, band="none", reason="nobody asks this any more"
        )
    decided = ((decide(pair in standing, risk.band), risk) for pair, risk in answered.items())
    return [Alert(change=change, risk=risk) for change, risk in decided if change]


class StandingAlerts:
    """Which alerts stand, in the store: a set of customers per country and target."""

    def __init__(self, client: Any) -> None:
        self._client, self._keys = client, Keys(client.prefix)

    def of(self, country: str, customer_ids: Sequence[str]) -> list[tuple[str, str]]:
        """The (customer, target) among these customers whose alert stands; one round trip."""
        pipe, known = self._client.pipeline(transaction=False), targets.collect()
        for target in known:
            pipe.smismember(self._key(country, target), customer_ids)
        replies = zip(known, pipe.execute(), strict=True)
        return [
            (customer_id, target)
            for target, reply in replies
            for customer_id, stands in zip(customer_ids, reply, strict=True)
            if stands
        ]

    def everyone(self, countries: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(country, customer) of every alert that stands."""
        for country in countries:
            for target in targets.collect():
                for member in self._client.sscan_iter(self._key(country, target)):
                    yield country, member.decode()

    def keep(self, alert: Alert) -> None:
        """Let it stand, or no longer."""
        key = self._key(alert.risk.country, alert.risk.target)
        (self._client.sadd if alert.change == "raised" else self._client.srem)(key, alert.risk.customer_id)

    def _key(self, country: str, target: str) -> str:
        return self._keys.of("alerts", country, target)
