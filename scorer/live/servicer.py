"""The calls of the scorer: checks the question, bounds the work, and turns every error into a gRPC status.

No reply, log or error names a customer, and none shows a stack trace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
import redis

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from scorer import scoring
from scorer.explanation import ScoreExplanation
from scorer.live.answers import Answers, ScoreQuestion
from scorer.live.meter import Meter
from scorer.live.pulse import Pulse
from scorer.live.refusal import SILENT, CallerErrors, Code, Refused
from scv.events import customer_id

Request = pb.ScoreRequest | pb.ScoreBatchRequest
MOST_IDS = 500
LONGEST_S = 2.0
"""No call works longer than this, whatever deadline its caller set or forgot to set."""


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Implements `cerebro.scorer.v1.Scorer`."""

    def __init__(self, answers: Answers, pulse: Pulse, meter: Meter) -> None:
        self._answers, self._pulse, self._meter, self._refusals = answers, pulse, meter, CallerErrors()

    def Score(self, request: pb.ScoreRequest, context: grpc.ServicerContext) -> pb.ScoreReply:
        """One customer; NOT_FOUND for an unknown one."""
        (score,) = self._guarded(request, context, lambda: self._scores(request, [request.customer_id], context))
        self._known(score, request, context)
        return _reply(score, request.country)

    def ScoreBatch(self, request: pb.ScoreBatchRequest, context: grpc.ServicerContext) -> pb.ScoreBatchReply:
        """Up to `MOST_IDS` customers, in the order asked."""
        scores = self._guarded(request, context, lambda: self._scores(request, request.customer_ids, context))
        return pb.ScoreBatchReply(replies=[_reply(one, request.country) for one in scores])

    def Explain(self, request: pb.ScoreRequest, context: grpc.ServicerContext) -> pb.ExplainReply:
        """One customer, and what each column adds; NOT_FOUND for an unknown one."""
        made: list[ScoreExplanation] = []

        def work() -> list[scoring.Score]:
            score, found = self._answers.explain(request.country, self._question(request, [request.customer_id]))
            made.extend(found)
            return [score]

        (score,) = self._guarded(request, context, work)
        self._known(score, request, context)
        return pb.ExplainReply(score=_reply(score, request.country), explanations=map(_explanation, made))

    def _known(self, score: scoring.Score, request: pb.ScoreRequest, context: grpc.ServicerContext) -> None:
        if score.known is False:
            context.abort(Code.NOT_FOUND, f"Unknown customer: {scoring.UNKNOWN} of {request.country}.")

    def _scores(self, request: Request, ids: Sequence[str], context: grpc.ServicerContext) -> list[scoring.Score]:
        return self._answers.answer(request.country, self._question(request, ids), _watch(context))

    def _question(self, request: Request, ids: Sequence[str]) -> ScoreQuestion:
        """What is asked. Raises Refused."""
        if not 1 <= len(ids) <= MOST_IDS:
            raise Refused(Code.INVALID_ARGUMENT, f"{len(ids)} customer ids; ask for 1 to {MOST_IDS} at a time.")
        for number, one in enumerate(ids, 1):
            if why := customer_id.why_not(one):
                raise Refused(Code.INVALID_ARGUMENT, f"Customer id number {number} is none: {why}.")
        if self._pulse.down:
            raise Refused(Code.UNAVAILABLE, SILENT)
        reference = _instant(request) if request.HasField("reference") else None
        reasons = request.with_reasons if request.HasField("with_reasons") else True
        return ScoreQuestion(ids, request.targets, reference, request.language, reasons)

    def _guarded(
        self, request: Request, context: grpc.ServicerContext, work: Callable[[], list[scoring.Score]]
    ) -> list[scoring.Score]:
        """The scores, and their time taken; any error ends the call with its status."""
        begun = time.monotonic()
        try:
            scores = work()
            self._meter.answered(request.country, scores, time.monotonic() - begun)
            return scores
        except Exception as error:
            silent = isinstance(error, redis.RedisError)
            if silent:
                self._pulse.doubt()
            code, message = self._refusals.status_of(error)
            self._meter.failed(code.name, time.monotonic() - begun, silent)
        context.abort(code, message)
        raise AssertionError("abort raises")


def _instant(request: Request) -> datetime:
    try:
        return request.reference.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_ARGUMENT, "reference is no instant of the years 1 to 9999.") from error


def _watch(context: grpc.ServicerContext) -> Callable[[], None]:
    """A check between steps: a sync handler would otherwise work on for a caller who is gone."""
    left: Any = context.time_remaining()
    end = time.monotonic() + min(LONGEST_S, LONGEST_S if left is None else left)

    def alive() -> None:
        if time.monotonic() > end or not context.is_active():
            raise Refused(Code.DEADLINE_EXCEEDED, "The deadline passed before the score was ready.")

    return alive


def _reply(score: scoring.Score, country: str) -> pb.ScoreReply:
    """One customer's reply."""
    contact, known = score.contact, score.known is not False
    fresh = [pb.Freshness(fetcher=name, state=one.state, age_s=one.age_s) for name, one in score.freshness.items()]
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


def _explanation(found: ScoreExplanation) -> pb.Explanation:
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
