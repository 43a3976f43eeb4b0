"""Replies of the live scorer, told in words."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from rpc.scorer_pb2 import SCORED, Band, ScoreReply
from scv.events.country import Country
from scv.online.reader import View

SHOWN = ("orders__days_since", "orders__count_28d", "orders__spend_28d", "rhythm__gap_mean", "rhythm__week_streak")


def row(view: View) -> str:
    """The few variables of a row that a person looks at first."""
    values = view.values()
    return ", ".join(f"{name.split('__')[1]} {_short(values[name])}" for name in SHOWN)


def lapse(reply: ScoreReply, country: Country, target: str) -> str:
    """One target of a reply: probability, horizon, instant, band and the reasons."""
    one = next(found for found in reply.targets if found.target == target)
    when = reply.instant.ToDatetime(UTC).astimezone(country.zone).strftime("%Y-%m-%d %H:%M")
    if one.status != SCORED:
        return f"{when}: {target} not scored: {one.status_reason}"
    reasons = "; ".join(reason.agent_hint for reason in one.reasons[:2]) or "no single reason"
    band = Band.Name(one.band).lower()
    return (
        f"{when}: {target} {one.probability:.2%} within {one.horizon_days} days "
        f"({times(one.times_usual if one.HasField('times_usual') else None)} the usual rate, {band}). Why: {reasons}"
    )


def times(value: float | None) -> str:
    """How many times the usual rate; '-' where nobody knows what is usual."""
    return "-" if value is None else f"{value:.1f} ×"


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"
