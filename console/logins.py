"""Whoever logged in by a token: a signed cookie that ends with it, and what his pages send along with every change."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any, NamedTuple

import jwt

from access.auth import CallerAuth, Unauthenticated
from access.caller import ROLES, Caller
from scv import atomic, machine
from scv.errors import BadPlace
from scv.events.calendar import SECOND_US
from scv.events.clock import wall_us

KEY_FILE, ENDED_FILE = "session.key", "ended"
_KEY_BYTES, _OWN = 32, 0o600
_LONGEST = 3500
"""Of a cookie: browsers drop those of more than 4,096 bytes without a word."""
_AUDIENCE, _ALGORITHM = "cerebro-console", "HS256"


class Login(NamedTuple):
    """Who logged in. `csrf` is of this login alone."""

    caller: Caller
    login_id: str
    until_us: int
    csrf: str


class Logins:
    """Signs with a key of its own, which is made in `folder` at the first start and survives the next ones. It holds no
    login: a cookie says all, but which were ended by hand. For one thread.

    Raises BadPlace for a key that is none or that others may read.
    """

    def __init__(self, folder: Path, auth: CallerAuth) -> None:
        self._auth, self._key, self._ended_path = auth, _key_of(folder / KEY_FILE), folder / ENDED_FILE
        self._ended = _ended_of(self._ended_path)

    def begin(self, token: str) -> tuple[Login, str]:
        """Log in whoever has a token that counts: the login and its cookie. Raises Unauthenticated."""
        said = self._auth.said(token)
        who, login_id = said.caller, secrets.token_urlsafe(16)
        claims = {
            "aud": _AUDIENCE, "sub": who.name, "jti": login_id, "exp": said.until_us // SECOND_US, "by": said.voucher,
            "roles": sorted(who.roles), "countries": sorted(who.countries),
        }  # fmt: skip
        cookie = jwt.encode(claims, self._key, _ALGORITHM)
        if len(cookie) > _LONGEST:
            raise Unauthenticated("a token that says too much for a cookie")
        return self._login(claims), cookie

    def login(self, cookie: str) -> Login:
        """Whose cookie that is: as good as the token it was made for. Raises Unauthenticated."""
        try:
            required = {"require": ["aud", "sub", "jti", "exp", "by", "roles", "countries"]}
            claims = jwt.decode(cookie, self._key, [_ALGORITHM], required, audience=_AUDIENCE)  # type: ignore[arg-type]
        except Exception as error:  # whatever it is, it is no cookie of ours
            raise Unauthenticated(f"a cookie that does not count: {type(error).__name__}") from error
        if claims["jti"] in self._ended:
            raise Unauthenticated("the cookie of somebody who logged out")
        if not self._auth.trusts(claims["by"]):
            raise Unauthenticated("a cookie by a token that counts no longer")
        return self._login(claims)

    def end(self, login: Login) -> None:
        """His cookie counts no longer, wherever a copy of it may be. Raises NoRoom and BadPlace."""
        self._ended[login.login_id] = login.until_us
        with machine.at(self._ended_path):
            _append(self._ended_path, f"{login.until_us} {login.login_id}\n".encode())

    def signed(self, purpose: str, text: str) -> str:
        """What only we can say of a text."""
        return hmac.new(self._key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()

    def _login(self, claims: dict[str, Any]) -> Login:
        roles = frozenset(role for role in ROLES if role in claims["roles"])
        caller = Caller(claims["sub"], roles, frozenset(claims["countries"]))
        return Login(caller, claims["jti"], claims["exp"] * SECOND_US, self.signed("csrf", claims["jti"]))


def _key_of(path: Path) -> bytes:
    with machine.at(path):
        if not path.exists():
            atomic.write(path, secrets.token_bytes(_KEY_BYTES), _OWN)
        key = path.read_bytes()
        if len(key) != _KEY_BYTES or path.stat().st_mode & 0o077:
            raise BadPlace(f"{path} is no key, or others may read it. Remove it: everybody then logs in anew.")
    return key


def _ended_of(path: Path) -> dict[str, int]:
    """The logins that were ended before their time; those whose time came are swept."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = [line.split() for line in lines]
    found = {one[1]: int(one[0]) for one in pairs if len(one) == 2 and one[0].isdigit()}
    kept = {name: until_us for name, until_us in found.items() if until_us > wall_us()}
    if lines:
        atomic.write(path, "".join(f"{until_us} {name}\n" for name, until_us in kept.items()).encode(), _OWN)
    return kept


def _append(path: Path, line: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _OWN), "ab") as file:
        file.write(line)
