"""Bearer tokens (JWT, RFC 7519): signed with a key of `jwks.json`, for us, by whom we trust, and not for ever."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.caller import Caller, Role
from access.policy import TokenRules
from access.watched_file import WatchedFile
from scv.errors import BadSetting
from scv.events.calendar import SECOND_US
from scv.events.clock import wall_us

FILE = "jwks.json"
ALGORITHMS = frozenset({"ES256", "EdDSA"})
LEEWAY_S = 30.0
"""By so much may two machines' clocks differ."""
LONGEST = 8 * 1024
MOST = 1024
"""So many tokens are known again without looking at their signature."""
Keys = dict[str, jwt.PyJWK]


class BadToken(Exception):
    """A token that does not count; the message is for the log, never for the caller."""


class KnownToken(NamedTuple):
    """What a token that counts says: who it is, until when (us since 1970), and a voucher: a hash of the key that
    signed it and of the rules that it met, so that whoever keeps it knows when either is gone."""

    caller: Caller
    until_us: int
    voucher: str


class Tokens:
    """Reads tokens by the keys of a folder, which may change while we run. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._keys: WatchedFile[Keys] = WatchedFile(folder / FILE, keys_of)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, TokenRules], tuple[Keys, KnownToken]] = OrderedDict()

    def said(self, token: str, rules: TokenRules) -> KnownToken:
        """What that token says. Raises BadToken."""
        keys = self._keys.now
        with self._lock:
            seen = self._known.get((token, rules))
        if seen is not None and seen[0] is keys and wall_us() < seen[1].until_us:
            return seen[1]
        key, claims = _claims(token, keys, rules)
        caller = Caller(claims["sub"], _roles(claims.get("roles")), _words(claims.get("countries"), "countries"))
        until_us = int((float(claims["exp"]) + LEEWAY_S) * SECOND_US)
        said = KnownToken(caller, until_us, _voucher(key, rules))
        with self._lock:
            self._known[token, rules] = (keys, said)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return said

    def vouches(self, voucher: str, rules: TokenRules) -> bool:
        """Is such a voucher of a key that counts, by these rules?"""
        return any(_voucher(key, rules) == voucher for key in self._keys.now.values())


def keys_of(body: bytes) -> Keys:
    """The keys by their `kid`; each says its own algorithm, and none is secret. Raises BadSetting."""
    try:
        listed = json.loads(body)["keys"]
        found = {str(one["kid"]): jwt.PyJWK(one) for one in listed}
        if len(found) < len(listed):
            raise BadSetting(f"{FILE} holds two keys of one kid.")
        if any("d" in one for one in listed):
            raise BadSetting(f"{FILE} holds a private key: only the public parts belong there.")
    except (ValueError, TypeError, KeyError, AttributeError, jwt.PyJWTError) as error:
        raise BadSetting(f"{FILE} is no set of keys that can be used ({type(error).__name__}: {error}).") from error
    for kid, key in found.items():
        if key.algorithm_name not in ALGORITHMS:
            raise BadSetting(f"Key {kid!r} of {FILE} is of {key.algorithm_name}; use one of ES256 and EdDSA.")
    return found


def _claims(token: str, keys: Keys, rules: TokenRules) -> tuple[jwt.PyJWK, dict[str, Any]]:
    """Its key and what the token says, if it counts. The algorithm is its key's, whatever the token claims."""
    if len(token) > LONGEST:
        raise BadToken("too long")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid not in keys:
            raise BadToken("of no key that we know")
        key = keys[kid]
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except BadToken:
        raise
    except Exception as error:  # a header of 4,000 brackets is a RecursionError: whatever it is, it is no token
        raise BadToken(type(error).__name__) from error
    if not claims["sub"]:
        raise BadToken("of nobody")
    return key, claims


def _voucher(key: jwt.PyJWK, rules: TokenRules) -> str:
    public = key.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(json.dumps([public.hex(), rules.issuer, rules.audience]).encode()).hexdigest()[:32]


def _words(claim: object, name: str) -> frozenset[str]:
    """A claim of words: a list, or one text with blanks between, as OAuth writes scopes; none: no word."""
    if claim is None:
        return frozenset()
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        raise BadToken(f"{name} are no words")
    return frozenset(words)


def _roles(claim: object) -> frozenset[Role]:
    """Roles of ours; those of other systems in the same token are none of ours."""
    return frozenset(role for role in get_args(Role) if role in _words(claim, "roles"))
