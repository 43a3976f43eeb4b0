"""A score as the message that goes out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from rpc import scorer_pb2 as pb
from scorer.scoring import Score, TargetScore


def reply_of(score: Score, country: str) -> pb.ScoreReply:
    """One customer's reply."""
    contact = score.contact
    return pb.ScoreReply(
        country=country,
        customer_id=score.customer_id,
        known=score.known is not False,
        instant=_stamp(score.at),
        phase=score.phase or "",
        contact_policy=contact.policy if contact else None,
        contact_reason=contact.reason if contact else "",
        freshness=_freshness(score) if score.known is not False else (),
        targets=[_target(one) for one in score.targets],
        receipt=score.receipt,
    )


def _freshness(score: Score) -> Iterator[pb.Freshness]:
    for name, found in score.freshness.items():
        yield pb.Freshness(fetcher=name, state=found.state, age_s=found.age_s)


def _target(score: TargetScore) -> pb.TargetScore:
    return pb.TargetScore(
        target=score.target,
        status=score.status,
        status_reason=score.status_reason,
        probability=score.probability,
        horizon_days=score.horizon_days,
        horizon_end=_stamp(score.horizon_end),
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


def _stamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
