"""The calls of the scorer: checks the question, bounds the work, and writes the reply."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from scorer import scoring
from scorer.explanation import ScoreExplanation
from scorer.live.answers import Answers, ScoreQuestion
from scorer.live.gate import CALLER
from scorer.live.meter import Meter
from scorer.live.pulse import Pulse
from scorer.live.refusal import SILENT, Code, Refused
from scorer.live.turns import Turns
from scv.events import customer_id

Made = TypeVar("Made")
Request = pb.ScoreRequest | pb.ScoreBatchRequest
MOST_IDS = 500
LONGEST_S = 2.0
"""No call works longer than this, whatever deadline its caller set or forgot to set."""
MOST_WATCHED, MOST_OF_ONE, MOST_WATCHERS = 20, 16, 64
"""Customers of a stream, streams of a caller, streams in all."""
LOOK_S = 1.0


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Implements `cerebro.scorer.v1.Scorer` behind a `Gate`, which turns what is raised here into a status."""

    def __init__(self, answers: Answers, pulse: Pulse, meter: Meter, turns: Turns) -> None:
        self._answers, self._pulse, self._meter, self._turns = answers, pulse, meter, turns
        self._watchers, self._ending = Watchers(), asyncio.Event()

    async def Score(self, request: pb.ScoreRequest, context: Any) -> pb.ScoreReply:
        """One customer; NOT_FOUND for an unknown one."""

        def work(alive: Alive) -> pb.ScoreReply:
            (score,) = self._scores(request, [request.customer_id], alive)
            return _reply(_known(score, request), request.country)

        return await self._in_turn(context, work)

    async def ScoreBatch(self, request: pb.ScoreBatchRequest, context: Any) -> pb.ScoreBatchReply:
        """Up to `MOST_IDS` customers, in the order asked."""

        def work(alive: Alive) -> pb.ScoreBatchReply:
            scores = self._scores(request, request.customer_ids, alive)
            return pb.ScoreBatchReply(replies=[_reply(one, request.country) for one in scores])

        return await self._in_turn(context, work)

    async def Explain(self, request: pb.ScoreRequest, context: Any) -> pb.ExplainReply:
        """One customer, and what each column adds; NOT_FOUND for an unknown one."""

        def work(alive: Alive) -> pb.ExplainReply:
            begun = time.monotonic()
            score, found = self._answers.explain(request.country, self._question(request, [request.customer_id]))
            self._meter.answered(request.country, [score], time.monotonic() - begun)
            return pb.ExplainReply(
                score=_reply(_known(score, request), request.country), explanations=map(_explanation, found)
            )

        return await self._in_turn(context, work)

    async def Watch(self, request: pb.ScoreBatchRequest, context: Any) -> AsyncIterator[pb.ScoreReply]:
        """Whoever is watched, now and whenever what is said of them is another."""
        if len(request.customer_ids) > MOST_WATCHED or request.HasField("reference"):
            raise Refused(Code.INVALID_ARGUMENT, f"Watch up to {MOST_WATCHED} customers, from now on.")
        with self._watchers.place(CALLER.get()):
            told: list[bytes] = []
            while True:
                batch = await self.ScoreBatch(request, context)
                said = [_gist(reply) for reply in batch.replies]
                for place, reply in enumerate(batch.replies):
                    if not told or told[place] != said[place]:
                        yield reply
                told = said
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), LOOK_S)
                    raise Refused(Code.UNAVAILABLE, "This scorer is about to stop. Ask again.")

    async def end(self) -> None:
        """End every stream: the server stops."""
        self._ending.set()

    async def _in_turn(self, context: Any, work: Callable[[Alive], Made]) -> Made:
        """On a thread, when it is this caller's turn; told to end at the deadline, and when the caller is gone."""
        alive = Alive(context.time_remaining())

        def turn() -> Made:
            self._answering()  # it may have gone while others were at work
            return work(alive)

        self._answering()
        try:
            return await self._turns.run(CALLER.get(), turn)
        except asyncio.CancelledError:
            alive.gone = True
            raise

    def _answering(self) -> None:
        """Raises Refused while the store does not answer."""
        if self._pulse.down:
            raise Refused(Code.UNAVAILABLE, SILENT)

    def _scores(self, request: Request, ids: Sequence[str], alive: Alive) -> list[scoring.Score]:
        begun = time.monotonic()
        scores = self._answers.answer(request.country, self._question(request, ids), alive)
        self._meter.answered(request.country, scores, time.monotonic() - begun)
        return scores

    def _question(self, request: Request, ids: Sequence[str]) -> ScoreQuestion:
        """What is asked. Raises Refused."""
        if not 1 <= len(ids) <= MOST_IDS:
            raise Refused(Code.INVALID_ARGUMENT, f"{len(ids)} customer ids; ask for 1 to {MOST_IDS} at a time.")
        for number, one in enumerate(ids, 1):
            if why := customer_id.why_not(one):
                raise Refused(Code.INVALID_ARGUMENT, f"Customer id number {number} is none: {why}.")
        reference = _instant(request) if request.HasField("reference") else None
        reasons = request.with_reasons if request.HasField("with_reasons") else True
        return ScoreQuestion(ids, request.targets, reference, request.language, reasons)


class Watchers:
    """How many streams there are, in all and of each caller."""

    def __init__(self) -> None:
        self._of = Counter[str]()

    @contextlib.contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Raises Refused where there is none."""
        if self._of[caller] >= MOST_OF_ONE or self._of.total() >= MOST_WATCHERS:
            raise Refused(Code.RESOURCE_EXHAUSTED, "Too many streams are open. End one of yours first.")
        self._of[caller] += 1
        try:
            yield
        finally:
            self._of[caller] -= 1
            self._of += Counter()  # who has none is forgotten


class Alive:
    """A check between steps, from any thread: work would otherwise go on for a caller who is gone."""

    def __init__(self, left_s: float | None) -> None:
        self._end = time.monotonic() + min(LONGEST_S, LONGEST_S if left_s is None else left_s)
        self.gone = False

    def __call__(self) -> None:
        """Raises Refused after the deadline."""
        if self.gone or time.monotonic() > self._end:
            raise Refused(Code.DEADLINE_EXCEEDED, "The deadline passed before the score was ready.")


def _gist(reply: pb.ScoreReply) -> bytes:
    """What is said of a customer, but for when: time alone is no news."""
    found = pb.ScoreReply()
    found.CopyFrom(reply)
    for name in ("instant", "freshness", "receipt"):
        found.ClearField(name)
    for target in found.targets:
        target.ClearField("horizon_end")
    return found.SerializeToString(deterministic=True)


def _known(score: scoring.Score, request: pb.ScoreRequest) -> scoring.Score:
    """Raises Refused for nobody."""
    if score.known is False:
        raise Refused(Code.NOT_FOUND, f"Unknown customer: {scoring.UNKNOWN} of {request.country}.")
    return score


def _instant(request: Request) -> datetime:
    try:
        return request.reference.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_ARGUMENT, "reference is no instant of the years 1 to 9999.") from error


def _reply(score: scoring.Score, country: str) -> pb.ScoreReply:
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
