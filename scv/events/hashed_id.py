"""Customer ids for those who may not hold addresses: a keyed hash stands for each, and only who has the key can ask.

The hash is the first half of HMAC-SHA256 of the id's UTF-8, as 32 hex digits behind an `h`: in Python
`"h" + hmac.new(key, customer.encode(), "sha256").hexdigest()[:32]`.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from scv.errors import BadSetting, UserError
from scv.events import customer_id
from scv.settings import PREFIX, Settings

DIGITS = 32
SHORTEST = 16
"""Bytes of a key: fewer could be guessed, and with them every address."""
_BLOCK = 64


class IdKey:
    """The secret by which ids are hashed. It is in no text of this object, nor of an error."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def hashed(self, customer: str) -> str:
        """What stands for a customer id; the same id always has the same.

        >>> IdKey(b"0123456789abcdef").hashed("anna@example.org")
        'h74861f6a5326cf79325652f483796cb7'
        """
        return "h" + hmac.new(self._secret, customer.encode(), hashlib.sha256).hexdigest()[:DIGITS]

    def pads(self) -> tuple[bytes, bytes]:
        """The inner and outer block of HMAC, for whom `sql` computes."""
        secret = self._secret if len(self._secret) <= _BLOCK else hashlib.sha256(self._secret).digest()
        block = secret.ljust(_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def sql(column: str) -> str:
    """SQL of the hash of a text that may be a customer id, the text itself where it may not.

    The pads are the variables `inner_pad` and `outer_pad` of the connection, so that no text of SQL shows the key.
    """
    inner = f"unhex(sha256(getvariable('inner_pad') || encode({column})))"
    hashed = f"'h' || left(sha256(getvariable('outer_pad') || {inner}), {DIGITS})"
    return f"CASE WHEN {customer_id.sql(column)} THEN {hashed} ELSE {column} END"


def key_of(settings: Settings) -> IdKey:
    """The company's key, from its file. Raises UserError without one, BadSetting for one that cannot be used."""
    name = f"{PREFIX}ID_KEY_FILE"
    if not settings.id_key_file:
        raise UserError(
            f"--hash-ids needs a secret key: {SHORTEST} random bytes or more in a file that only you can read, such as "
            f"`umask 077; head -c 32 /dev/urandom > id.key`, and {name}=id.key. Keep it: no other gives these hashes."
        )
    path = Path(settings.id_key_file).expanduser()
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise BadSetting(f"{name}: {path} cannot be read: {error.strerror}.") from error
    if len(secret) < SHORTEST:
        raise BadSetting(f"{name}: {path} holds {len(secret)} bytes; a key has {SHORTEST} or more.")
    return IdKey(secret)
