"""The calls of the scorer: checks the question, bounds the work, and writes the reply."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from scorer import scoring
from scorer.live.answers import Answers, ScoreQuestion
from scorer.live.gate import CALLER
from scorer.live.meter import Meter
from scorer.live.movers import MoversQuestion, Way
from scorer.live.pulse import Pulse
from scorer.live.refusal import SILENT, Code, Refused
from scorer.live.replies import explanation_of, gist, reply_of
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
FEW = 10
"""Movers that are told to who does not say how many."""
WAYS: Mapping[int, Sequence[Way]] = {
    pb.MoversRequest.DIRECTION_UNSPECIFIED: ("up", "down"),
    pb.MoversRequest.UP: ("up",),
    pb.MoversRequest.DOWN: ("down",),
}


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Implements `cerebro.scorer.v1.Scorer` behind a `Gate`, which turns what is raised here into a status."""

    def __init__(self, answers: Answers, pulse: Pulse, meter: Meter, turns: Turns) -> None:
        self._answers, self._pulse, self._meter, self._turns = answers, pulse, meter, turns
        self._watchers, self._ending = Watchers(), asyncio.Event()

    async def Score(self, request: pb.ScoreRequest, context: Any) -> pb.ScoreReply:
        """One customer; NOT_FOUND for an unknown one."""

        def work(alive: Alive) -> pb.ScoreReply:
            (score,) = self._scores(request, [request.customer_id], alive)
            return reply_of(_known(score, request), request.country)

        return await self._in_turn(context, work)

    async def ScoreBatch(self, request: pb.ScoreBatchRequest, context: Any) -> pb.ScoreBatchReply:
        """Up to `MOST_IDS` customers, in the order asked."""

        def work(alive: Alive) -> pb.ScoreBatchReply:
            scores = self._scores(request, request.customer_ids, alive)
            return pb.ScoreBatchReply(replies=_replies(scores, request))

        return await self._in_turn(context, work)

    async def Explain(self, request: pb.ScoreRequest, context: Any) -> pb.ExplainReply:
        """One customer, and what each column adds; NOT_FOUND for an unknown one."""

        def work(alive: Alive) -> pb.ExplainReply:
            begun = time.monotonic()
            score, found = self._answers.explain(request.country, self._question(request, [request.customer_id]))
            self._meter.answered(request.country, [score], time.monotonic() - begun)
            return pb.ExplainReply(
                score=reply_of(_known(score, request), request.country), explanations=map(explanation_of, found)
            )

        return await self._in_turn(context, work)

    async def Watch(self, request: pb.ScoreBatchRequest, context: Any) -> AsyncIterator[pb.ScoreReply]:
        """Whoever is watched, now and whenever what is said of them is another."""
        if len(request.customer_ids) > MOST_WATCHED or request.HasField("reference"):
            raise Refused(Code.INVALID_ARGUMENT, f"Watch up to {MOST_WATCHED} customers, from now on.")

        def look(alive: Alive) -> list[pb.ScoreReply]:
            return _replies(self._scores(request, request.customer_ids, alive, watched=True), request)

        told: list[bytes] = []
        async with contextlib.aclosing(self._looks(context, look)) as looks:
            async for replies in looks:
                said = list(map(gist, replies))
                for place, reply in enumerate(replies):
                    if not told or told[place] != said[place]:
                        yield reply
                told = said

    async def WatchMovers(self, request: pb.MoversRequest, context: Any) -> AsyncIterator[pb.MoversReply]:
        """Who moved most, now and whenever they are others or something else is said of one."""
        question = _movers_question(request)

        def look(alive: Alive) -> list[pb.ScoreReply]:
            begun = time.monotonic()
            scores = self._answers.movers(request.country, question, alive)
            self._meter.answered(request.country, scores, time.monotonic() - begun, watched=True)
            return _replies(scores, request)

        await self._in_turn(context, lambda alive: self._answers.check_movers(request.country, question))
        told: list[bytes] | None = None
        async with contextlib.aclosing(self._looks(context, look)) as looks:
            async for replies in looks:
                said = list(map(gist, replies))
                if said != told:
                    yield pb.MoversReply(movers=replies)
                told = said

    async def _looks(self, context: Any, look: Callable[[Alive], Made]) -> AsyncGenerator[Made, None]:
        """What a look finds now and again and again, for as long as somebody listens. Raises Refused where too many
        do, and when the server stops."""
        with self._watchers.place(CALLER.get()):
            while True:
                yield await self._in_turn(context, look)
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

    def _scores(self, request: Request, ids: Sequence[str], alive: Alive, watched: bool = False) -> list[scoring.Score]:
        begun = time.monotonic()
        scores = self._answers.answer(request.country, self._question(request, ids), alive)
        self._meter.answered(request.country, scores, time.monotonic() - begun, watched)
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


def _known(score: scoring.Score, request: pb.ScoreRequest) -> scoring.Score:
    """Raises Refused for nobody."""
    if score.known is False:
        raise Refused(Code.NOT_FOUND, f"Unknown customer: {scoring.UNKNOWN} of {request.country}.")
    return score


def _replies(scores: Sequence[scoring.Score], request: Request | pb.MoversRequest) -> list[pb.ScoreReply]:
    return [reply_of(one, request.country) for one in scores]


def _movers_question(request: pb.MoversRequest) -> MoversQuestion:
    """What is asked. Raises Refused."""
    if not 0 <= request.most <= MOST_WATCHED:
        raise Refused(Code.INVALID_ARGUMENT, f"most is {request.most}; ask for 1 to {MOST_WATCHED}.")
    if not 0 <= request.least_change <= 1:
        raise Refused(Code.INVALID_ARGUMENT, "least_change is no share: 0.05 is five points.")
    if request.direction not in WAYS:
        raise Refused(Code.INVALID_ARGUMENT, "direction is none of the contract's: UP, DOWN or neither.")
    reasons = request.with_reasons if request.HasField("with_reasons") else True
    most, ways = request.most or FEW, WAYS[request.direction]
    return MoversQuestion(request.target, most, request.least_change, ways, request.language, reasons)


def _instant(request: Request) -> datetime:
    try:
        return request.reference.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_ARGUMENT, "reference is no instant of the years 1 to 9999.") from error
