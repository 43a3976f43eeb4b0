"""How an error is told to a caller: a status, and a sentence that was made for whoever asks.

A caller is not the operator. He learns what he can do, never a folder of ours, a library's words or another customer;
the operator finds the whole in the scorer's log.
"""

from __future__ import annotations

import logging
import re

import grpc
import redis

from scorer.live.answers import NotReady
from scv.errors import (
    BadReference,
    BadSetting,
    CerebroError,
    CorruptBundle,
    LogChanged,
    NoSnapshot,
    StaleBundle,
    StoreUnusable,
    UnknownName,
)
from scv.talk import Seldom

Code = grpc.StatusCode
SILENT = "The store does not answer. Try again; if it stays so, look at the store."
FAILED = "The scorer failed on this call. Its log says where."
LONGEST = 400
"""Characters of a message: gRPC sends it in a header."""

_OPEN = (UnknownName, BadReference, NoSnapshot, NotReady)
"""Errors whose own words are about what was asked."""
_TOLD: dict[type[CerebroError], str] = {
    BadSetting: "A setting of the scorer, or a country's file, cannot be used.",
    StaleBundle: "The model was trained on other definitions: `cerebro train` makes a new one.",
    CorruptBundle: "The model's files are damaged: `cerebro train` makes a new one.",
    StoreUnusable: "The rows cannot be trusted now: `cerebro rebuild` makes them anew.",
    LogChanged: "The rows are of another log: `cerebro rebuild` makes them anew.",
    CerebroError: "The scorer cannot answer now.",
}
_PATH = re.compile(r"(?<![\w/])/[^\s'\",;:)]+")

log = logging.getLogger("cerebro.scorer")


class Refused(Exception):
    """A call that ends with a status and a sentence."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class CallerErrors:
    """Tells a server's callers what went wrong, and its log the rest of it, each thing seldom."""

    def __init__(self) -> None:
        self._log = Seldom(log.error)

    def status_of(self, error: Exception) -> tuple[grpc.StatusCode, str]:
        """How an error is told to a caller."""
        if isinstance(error, Refused):
            return error.code, _short(str(error))
        if isinstance(error, UnknownName):
            return Code.INVALID_ARGUMENT, _short(error.told)
        if isinstance(error, _OPEN):
            return Code.FAILED_PRECONDITION, _short(str(error))
        if isinstance(error, NotImplementedError):  # a call of the contract that a library's service lacks
            return Code.UNIMPLEMENTED, "This scorer does not answer that call."
        kind = type(error).__name__
        if isinstance(error, CerebroError):
            self._log(f"refused calls: {kind}: {error}", kind)
            told = next(_TOLD[one] for one in type(error).__mro__ if one in _TOLD)
            return Code.FAILED_PRECONDITION, f"{told} The scorer's log says more."
        if isinstance(error, redis.RedisError):
            self._log(f"the store does not answer: {kind}", kind)
            return Code.UNAVAILABLE, SILENT
        self._log(f"unexpected {kind} at {_where(error)}", kind)
        return Code.INTERNAL, FAILED

    def told(self, message: str, kind: str) -> None:
        """Tell the log alone, seldom."""
        self._log(message, kind)


def _short(text: str) -> str:
    """A sentence in bounds, and without a path, whoever wrote one into it."""
    clean = _PATH.sub("…", text)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 2] + " …"


def _where(error: Exception) -> str:
    """File and line; never the message, which may hold a customer's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
