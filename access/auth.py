"""Whom a door knows: by a token or by the names of a certificate, and how often he may come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from access import policy, tokens
from access.caller import Caller
from access.policy import Policy
from access.rate import Rate
from access.tokens import BadToken, KnownToken, Tokens
from access.watched_file import WatchedFile
from scv.errors import BadSetting

_BEARER = "bearer "


class Unauthenticated(Exception):
    """Nobody whom we know; the message is for the log."""


class CallerAuth:
    """Goes by `access.toml` and `jwks.json` of a folder, which may change while we run. For one thread. Raises
    BadSetting where one of them is missing or cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._policy: WatchedFile[Policy] = WatchedFile(folder / policy.FILE, policy.parsed)
        self._tokens = Tokens(folder) if (folder / tokens.FILE).exists() else None
        self._rate = Rate()
        if self._policy.now.tokens is not None and self._tokens is None:
            raise BadSetting(f"{folder / policy.FILE} lets tokens in, and there is no {tokens.FILE} beside it.")

    def caller(self, authorization: Sequence[str | bytes], names: Iterable[str]) -> Caller:
        """Who calls, by every `authorization` header of the call and the names in his certificate. A token that is
        shown decides alone: a bad one is not saved by a good certificate.

        Raises Unauthenticated.
        """
        if authorization:
            return self.said(_bearer(authorization)).caller
        found = self._policy.now.certified(names)
        if found is None:
            raise Unauthenticated("no token, and no certificate of a name that access.toml knows")
        return found

    def said(self, token: str) -> KnownToken:
        """What a token says, if it counts. Raises Unauthenticated."""
        rules = self._policy.now.tokens
        if rules is None or self._tokens is None:
            raise Unauthenticated("a token, and none counts here")
        try:
            return self._tokens.said(token, rules)
        except BadToken as error:
            raise Unauthenticated(f"a token that does not count: {error}") from error

    def trusts(self, voucher: str) -> bool:
        """Would a token that such a voucher (see `KnownToken`) is of still count, if it has not ended?"""
        rules = self._policy.now.tokens
        return rules is not None and self._tokens is not None and self._tokens.vouches(voucher, rules)

    def in_time(self, caller: Caller) -> bool:
        """Is that call within the caller's rate?"""
        return self._rate.allows(caller.name, self._policy.now.calls_per_second)


def _bearer(authorization: Sequence[str | bytes]) -> str:
    """The token in the one header that there is. Raises Unauthenticated."""
    said = authorization[0]
    if len(authorization) > 1 or not isinstance(said, str) or not said.lower().startswith(_BEARER):
        raise Unauthenticated("no bearer token")
    return said[len(_BEARER) :].strip()
