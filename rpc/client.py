"""A client of the scorer: one channel, a deadline on every call, and errors that say what to do.

with ScorerClient("127.0.0.1:50051") as scorer:
    reply = scorer.score("US", "900")
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self, cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from rpc import scorer_pb2, scorer_pb2_grpc
from rpc.channel import Options, channel
from rpc.errors import ScorerError

MAX_REPLY_BYTES = 16 * 1024 * 1024
"""A batch of 500 with all its reasons stays well below."""

__all__ = ["ScorerClient", "ScorerError"]

# Reads are idempotent: a call that met a scorer just restarting may be sent again, twice. gRPC tells a call that waited
# in the queue of a stopping server CANCELLED; whoever cancels a call themselves is not retried.
_POLICY = {"maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "0.3s", "backoffMultiplier": 2}
_POLICY |= {"retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]}
_RETRY = {"methodConfig": [{"name": [{"service": "cerebro.scorer.v1.Scorer"}], "retryPolicy": _POLICY}]}


class ScorerClient:
    """One channel to one scorer; safe to share between threads.

    `timeout_s` is each call's deadline; `keys` is the folder of what we show the scorer (`rpc/channel.py`), none: plain
    text. Raises ScorerError for a folder that lacks something.
    """

    def __init__(self, address: str, timeout_s: float = 2.0, keys: str = "") -> None:
        options: Options = [
            ("grpc.service_config", json.dumps(_RETRY)),
            ("grpc.max_receive_message_length", MAX_REPLY_BYTES),
        ]
        self.address, self.timeout_s, self._keys = address, timeout_s, keys
        self.channel = channel(address, keys, options)
        self._stub: Any = scorer_pb2_grpc.ScorerStub(self.channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the channel; calls under way are cancelled."""
        self.channel.close()

    def score(
        self,
        country: str,
        customer_id: str,
        targets: Sequence[str] = (),
        reference: datetime | None = None,
        language: str = "",
        with_reasons: bool = True,
    ) -> scorer_pb2.ScoreReply:
        """One customer; `reference` is an aware instant (None: now), `language` that of the reasons (none: the
        country's). Raises ScorerError."""
        how = _how(targets, reference, language, with_reasons)
        request = scorer_pb2.ScoreRequest(country=country, customer_id=customer_id, **how)
        return cast(scorer_pb2.ScoreReply, self._call(self._stub.Score, request))

    def score_batch(
        self,
        country: str,
        customer_ids: Sequence[str],
        targets: Sequence[str] = (),
        reference: datetime | None = None,
        language: str = "",
        with_reasons: bool = True,
    ) -> list[scorer_pb2.ScoreReply]:
        """Up to 500 customers in the order asked; an unknown one has `known` False. Raises ScorerError."""
        how = _how(targets, reference, language, with_reasons)
        request = scorer_pb2.ScoreBatchRequest(country=country, customer_ids=customer_ids, **how)
        return list(self._call(self._stub.ScoreBatch, request).replies)

    def explain(
        self,
        country: str,
        customer_id: str,
        targets: Sequence[str] = (),
        reference: datetime | None = None,
        language: str = "",
    ) -> scorer_pb2.ExplainReply:
        """One customer, and what each column of the models adds to the scores. Raises ScorerError."""
        how = _how(targets, reference, language)
        request = scorer_pb2.ScoreRequest(country=country, customer_id=customer_id, **how)
        return cast(scorer_pb2.ExplainReply, self._call(self._stub.Explain, request))

    def watch(
        self,
        country: str,
        customer_ids: Sequence[str],
        targets: Sequence[str] = (),
        language: str = "",
        with_reasons: bool = True,
    ) -> Generator[scorer_pb2.ScoreReply, None, None]:
        """Up to 20 customers, each now and whenever what is said of him is another; until the scorer ends it.

        Raises ScorerError. Close the iterator to end it.
        """
        how = _how(targets, None, language, with_reasons)
        request = scorer_pb2.ScoreBatchRequest(country=country, customer_ids=customer_ids, **how)
        yield from self._stream(self._stub.Watch, request)

    def watch_movers(
        self,
        country: str,
        target: str,
        most: int = 10,
        least_change: float = 0.0,
        direction: Literal["up", "down", ""] = "",
        language: str = "",
    ) -> Generator[list[scorer_pb2.ScoreReply], None, None]:
        """Up to 20 customers whose probability moved most since last Tuesday's file, by `least_change` or more (0.05:
        five points): the list now, then whenever it is another, until the scorer ends it. See `WatchMovers` in the
        contract for whom it can know of.

        Raises ScorerError. Close the iterator to end it.
        """
        request = scorer_pb2.MoversRequest(
            country=country, target=target, most=most, least_change=least_change, language=language,
            direction=direction.upper() or None,
        )  # fmt: skip
        with contextlib.closing(self._stream(self._stub.WatchMovers, request)) as replies:
            for reply in replies:
                yield list(reply.movers)

    def _stream(self, method: Any, request: Any) -> Generator[Any, None, None]:
        stream = method(request, wait_for_ready=False)
        try:
            yield from stream
        except grpc.RpcError as error:
            raise self._failed(error) from error
        finally:
            stream.cancel()

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self.timeout_s)
        except grpc.RpcError as error:
            raise self._failed(error) from error

    def _failed(self, error: grpc.RpcError) -> ScorerError:
        status = cast(grpc.Call, error)
        return ScorerError(status.code().name, self._say(status))

    def _say(self, status: grpc.Call) -> str:
        code, details = status.code(), status.details() or ""
        if code == grpc.StatusCode.UNAVAILABLE and not details.startswith("The store"):
            how = (
                f" by the keys of {self._keys}"
                if self._keys
                else " in plain text: if it has keys, set CEREBRO_CALLER_KEYS"
            )
            return f"No scorer answers at {self.address}{how}. Start one with `cerebro serve`, or set CEREBRO_SCORER."
        if code == grpc.StatusCode.DEADLINE_EXCEEDED and not details.startswith("The "):
            return f"The scorer at {self.address} did not answer within {self.timeout_s:g} s."
        return details or code.name


def _how(
    targets: Sequence[str], reference: datetime | None, language: str, with_reasons: bool = True
) -> dict[str, Any]:
    """The fields of a request that do not say whom it is about."""
    how = {"targets": targets, "reference": _timestamp(reference), "language": language}
    return how | {"with_reasons": with_reasons}


def _timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    if instant.tzinfo is None:
        raise ValueError("reference must be an aware instant: give it an offset")
    stamp = Timestamp()
    stamp.FromDatetime(instant.astimezone(UTC))
    return stamp
