"""What is said of a customer, as the contract writes it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rpc import scorer_pb2 as pb
from scorer import scoring
from scorer.explanation import ScoreExplanation


def reply_of(score: scoring.Score, country: str) -> pb.ScoreReply:
    """One customer's reply."""
    contact, known = score.contact, score.known is not False
    alike = defaultdict[tuple[str, float | None], list[str]](list)
    for name, one in score.freshness.items():
        alike[one.state, one.age_s].append(name)
    fresh = [pb.Freshness(fetchers=names, state=state, age_s=age_s) for (state, age_s), names in alike.items()]
    return pb.ScoreReply(
        country=country,
        customer_id=score.customer_id,
        known=known,
        instant=score.at,
        phase=score.phase or "",
        contact_policy=contact.policy if contact else None,
        contact_reason=contact.reason if contact else "",
        freshness=fresh if known else (),
        targets=[_target(one) for one in score.targets],
        receipt=score.receipt,
    )


def explanation_of(found: ScoreExplanation) -> pb.Explanation:
    """What a target's score is made of."""
    return pb.Explanation(
        target=found.target,
        model=found.model,
        margin=found.margin,
        base=found.base,
        contributions=[
            pb.Contribution(column=one.column, theme=one.theme, added=one.added, **_named(one.value))
            for one in found.contributions
        ],
    )


def _named(value: float | str | None) -> dict[str, Any]:
    return {} if value is None else {"word" if isinstance(value, str) else "number": value}


def _target(score: scoring.TargetScore) -> pb.TargetScore:
    return pb.TargetScore(
        target=score.target,
        status=score.status,
        status_reason=score.status_reason,
        probability=score.probability,
        horizon_days=score.horizon_days,
        horizon_end=score.horizon_end,
        band=score.band.upper() if score.band else None,
        times_usual=score.times_usual,
        change_since_tuesday=score.change,
        basis=score.basis.upper(),
        model=score.model,
        reasons=[
            pb.Reason(fetcher=one.fetcher, feature=one.feature, agent_hint=one.hint, sayable=one.sayable or None)
            for one in score.reasons
        ],
    )


def gist(reply: pb.ScoreReply) -> bytes:
    """What is said of a customer, but for when: time alone is no news."""
    found = pb.ScoreReply()
    found.CopyFrom(reply)
    for name in ("instant", "freshness", "receipt"):
        found.ClearField(name)
    for target in found.targets:
        target.ClearField("horizon_end")
    return found.SerializeToString(deterministic=True)
