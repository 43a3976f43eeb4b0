"""Which of a customer's events is the newest: one rule for every fold and label, in Python and in SQL.

The later `occurred_at`; of one instant the later `seen_at`; of those the kind that stands later in its family
(`event.FAMILIES`: what undoes stands behind what it undoes); of those the smaller value, so that a no stands against
a yes. Never an id: it is a name, and senders number as they like. So any order of arrival gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from scv.events import event as events
from scv.events.arrival import Arrival

Stamp = tuple[int, int, int]
"""When it occurred and how much later it was seen, in microseconds, and its kind's rank, all below zero: the smallest
is the newest, and what stands behind a stamp in a tuple decides by its smaller value."""
RANKS = {events.tag(kind): rank for own in events.FAMILIES.values() for rank, kind in enumerate(own)}


def stamp(arrival: Arrival) -> Stamp:
    return -arrival.occurred_us, arrival.occurred_us - arrival.seen_us, -RANKS[arrival.kind]


def sql_stamp(kinds: Iterable[str] = ()) -> str:
    """The members of a struct over the events that compares as `stamp` does; `kinds` are those that may come."""
    ranks = " ".join(f"WHEN '{kind}' THEN {-RANKS[kind]}" for kind in kinds or RANKS)
    return f"'occurred': -occurred_us, 'seen': occurred_us - seen_us, 'rank': CASE kind {ranks} END"
