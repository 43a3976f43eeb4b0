"""One record of a topic as an event."""

from __future__ import annotations

import contextlib

import msgspec

from scv.events import event, instant


def read(family: str, value: bytes) -> event.Event | event.Watermark:
    """One record of a family's topic. Raises msgspec's errors, and ValueError, for what is none.

    msgspec reads nearly all of our grammar of instants, and fast: what it refuses is looked at once more.
    """
    try:
        return event.decoder(family).decode(value)
    except msgspec.ValidationError:
        if (plain := _plain(value)) is None:
            raise
    return event.decoder(family).decode(plain)


def _plain(value: bytes) -> bytes | None:
    """The same record with its instants as msgspec reads them; None where that changes nothing."""
    members = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
    before = dict(members)
    for name in ("occurred_at", "seen_at"):
        with contextlib.suppress(ValueError, KeyError):
            members[name] = msgspec.Raw(msgspec.json.encode(instant.parse(msgspec.json.decode(before[name], type=str))))
    return None if members == before else msgspec.json.encode(members)
