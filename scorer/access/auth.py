"""Who a call comes from and whether it may be made: certificate or token, role, country, rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from scorer.access import policy, tokens
from scorer.access.caller import EVERYWHERE, ROLES, Caller
from scorer.access.certificates import Certificates, names_of
from scorer.access.policy import Policy
from scorer.access.rate import Rate
from scorer.access.tokens import BadToken, Tokens
from scorer.access.watched_file import WatchedFile
from scv.errors import BadSetting

_BEARER = "bearer "
Metadata = Iterable[tuple[str, str | bytes]]
Shown = Mapping[str, Iterable[bytes]]
"""What gRPC knows of the connection's other end."""


class Unauthenticated(Exception):
    """Nobody whom we know; the message is for the log."""


class CallerAuth:
    """Goes by the files of a folder, which may change while we run. For one thread. Raises BadSetting where one of
    them is missing or cannot be used."""

    def __init__(self, folder: Path) -> None:
        self.certificates = Certificates(folder)
        self._policy: WatchedFile[Policy] = WatchedFile(folder / policy.FILE, policy.parsed)
        self._tokens = Tokens(folder) if (folder / tokens.FILE).exists() else None
        self._rate = Rate()
        if self._policy.now.tokens is not None and self._tokens is None:
            raise BadSetting(f"{folder / policy.FILE} lets tokens in, and there is no {tokens.FILE} beside it.")

    def caller(self, metadata: Metadata, shown: Shown) -> Caller:
        """Who calls. A token that is shown decides alone: a bad one is not saved by a good certificate.

        Raises Unauthenticated.
        """
        said = [value for name, value in metadata if name == "authorization"]
        if said:
            return self._by_token(said)
        found = self._policy.now.certified(names_of(shown))
        if found is None:
            raise Unauthenticated("no token, and no certificate of a name that access.toml knows")
        return found

    def in_time(self, caller: Caller) -> bool:
        """Is that call within the caller's rate?"""
        return self._rate.allows(caller.name, self._policy.now.calls_per_second)

    def _by_token(self, said: list[str | bytes]) -> Caller:
        rules = self._policy.now.tokens
        if rules is None or self._tokens is None:
            raise Unauthenticated("a token, and none counts here")
        if len(said) > 1 or not isinstance(said[0], str) or not said[0].lower().startswith(_BEARER):
            raise Unauthenticated("no bearer token")
        try:
            return self._tokens.caller(said[0][len(_BEARER) :].strip(), rules)
        except BadToken as error:
            raise Unauthenticated(f"a token that does not count: {error}") from error


def anybody(connection: str) -> Caller:
    """Whoever reaches us in plain text: only this machine does. Named by its connection, so that one caller's flood is
    not another's."""
    return Caller(connection, frozenset(ROLES), frozenset({EVERYWHERE}))
