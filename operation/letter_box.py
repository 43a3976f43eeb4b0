"""The dead letters as plain values, and the one place that says how their bytes are shown.

What was read of them is kept: the next look reads what came since.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from typing import Any

from scv.errors import expect
from scv.events import country as countries
from scv.events.event import FAMILIES
from scv.settings import Settings
from streams.dead_letters import Choice, DeadLetters, Letter, Pile
from streams.resend import resend


class LetterBox:
    """Counts, shows and sends dead letters, one asker after the other. Every call may raise Unreachable."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._letters = DeadLetters(settings)

    def piles(self) -> list[dict[str, Any]]:
        """How many wait and were sent again, by family and reason, with the instants of the oldest and the newest."""
        with self._lock:
            self._letters.read_on()
            return [told(one) for one in self._letters.piles()]

    def letters(self, families: Sequence[str], reasons: Sequence[str], most: int) -> list[dict[str, Any]]:
        """The newest that wait, newest first, with all that they hold. Customers stand in them."""
        choice = _choice(families, reasons)
        with self._lock:
            self._letters.read_on()
            found = list(self._letters.letters(self._letters.waiting(choice, newest=most)))
        return [whole(one) for one in sorted(found, key=lambda one: (one.at, one.part, one.offset), reverse=True)]

    def send(self, families: Sequence[str], reasons: Sequence[str], anyway: bool) -> dict[str, Any]:
        """Send those again that would be taken now (`anyway`: all of them): how many, by reason, and why some are left.

        Raises Unreachable; what was sent until then is sent.
        """
        choice = _choice(families, reasons)
        with self._lock:
            self._letters.read_on()
            known = countries.known(self._settings.countries_path)
            done = resend(self._settings, self._letters, self._letters.waiting(choice), known, anyway)
        return {"sent": dict(done.sent), "left": dict(done.left), "why": dict(done.why)}


def _choice(families: Sequence[str], reasons: Sequence[str]) -> Choice:
    """Raises UnknownName for a family that there is not."""
    expect("event family", families, FAMILIES)
    return Choice(families=tuple(families), reasons=tuple(reasons))


def told(one: Pile) -> dict[str, Any]:
    """A pile with its instants as text."""
    return one._asdict() | {
        name: at and at.isoformat() for name, at in (("oldest", one.oldest), ("newest", one.newest))
    }


def whole(one: Letter) -> dict[str, Any]:
    """A letter with all that it holds; bytes that are no text are in base64, and `value_in` says so."""
    found: dict[str, Any] = {"family": one.family, "reason": one.reason, "message": one.message}
    found |= {"kept_at": one.at.isoformat(), "letter": one.part._asdict() | {"offset": one.offset}}
    found |= {"from": one.origin._asdict()}
    found |= {"sent_again_from": one.before} if one.before else {}
    found |= {"headers": {name: spelt(value)[0] for name, value in one.headers}} if one.headers else {}
    for name, value in (("key", one.key), ("value", one.value)):
        text, encoding = spelt(value)
        found |= {name: text} | ({f"{name}_in": encoding} if encoding else {})
    return found


def spelt(value: bytes | None) -> tuple[str | None, str]:
    """Bytes as text, or in base64, and then the name of that."""
    if value is None:
        return None, ""
    try:
        return value.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(value).decode(), "base64"
