"""The oracle of subscriptions: docs/lifecycle.md said a second time. Each sentence in quotes stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proof.naive.oracle import Fact

RUNS = ("started", "resumed", "reactivated")
SPOKE_LAST = 16
NEVER = date.max


@dataclass(frozen=True)
class Stands:
    """One subscription on a day: its word, since when, and the days on which its term and its pause are over."""

    name: str
    word: str
    since: date
    said: Fact
    over: date
    until: date


def by_subscription(facts: Sequence[Fact], *kinds: str) -> dict[str, list[Fact]]:
    """Facts of these kinds by subscription; "without an id it is the customer's only one"."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind in kinds:
            found.setdefault(fact.payload["subscription_id"] or "", []).append(fact)
    return found


def _age(fact: Fact) -> tuple[Any, ...]:
    """The larger the newer; "never an id decides": of words of one instant the smaller dates and weekday."""
    from proof.naive.oracle import age

    weekday = fact.payload.get("delivery_weekday")
    return *age(fact), -_over(fact).toordinal(), 1 if weekday is None else -weekday


def _over(fact: Fact) -> date:
    """The day on which what was said is over; "a date before the event's own day counts as that day"."""
    said = fact.payload.get("until_on" if fact.kind == "paused" else "ends_on")
    if said is None:
        return fact.day if fact.kind == "cancelled" else NEVER
    return max(fact.day, said)


def _last_words(facts: Sequence[Fact], *kinds: str) -> dict[str, Fact]:
    """The newest word of each subscription."""
    newest = {name: max(own, key=_age) for name, own in by_subscription(facts, *kinds).items()}
    named = sorted(newest)  # of two that spoke at once the smaller id first
    kept = sorted(named, key=lambda name: _age(newest[name]), reverse=True)[:SPOKE_LAST]
    return {name: newest[name] for name in kept}


def subscriptions(facts: Sequence[Fact], today: date) -> list[Stands]:
    """How every subscription stands on a day."""
    terms = _last_words(facts, "started", "reactivated", "cancelled")
    rests = _last_words(facts, "paused", "resumed")
    return [_stands(name, terms.get(name), rests.get(name), today) for name in {**terms, **rests}]


def _stands(name: str, term: Fact | None, rest: Fact | None, today: date) -> Stands:
    over = _over(term) if term else NEVER
    if term and over <= today:  # "paused and resumed move nothing that is over"
        return Stands(name, "cancelled" if term.kind == "cancelled" else "ended", over, term, over, NEVER)
    if term and term.kind == "cancelled":
        return Stands(name, "ending", term.day, term, over, NEVER)
    if term and (rest is None or _age(rest) < _age(term)):
        return Stands(name, term.kind, term.day, term, over, NEVER)
    assert rest is not None
    if rest.kind == "paused" and today < _over(rest):
        return Stands(name, "paused", rest.day, rest, over, _over(rest))
    return Stands(name, "resumed", _over(rest) if rest.kind == "paused" else rest.day, rest, over, NEVER)


def rank(word: str) -> int:
    """ "Running if any runs, else paused if any is paused, else ending if any is, else over"."""
    return 3 if word in RUNS else {"paused": 2, "ending": 1}.get(word, 0)


def own(facts: Sequence[Fact], today: date) -> Stands | None:
    """The subscription as which the customer stands: "of several the one that came to stand so last; of those that did
    so at once, the one that is over first"."""

    def place(one: Stands) -> tuple[Any, ...]:
        return rank(one.word), one.since, *_age(one.said)[:3], -one.over.toordinal(), -one.until.toordinal()

    return max(subscriptions(facts, today), key=place, default=None)


@dataclass(frozen=True)
class Box:
    names: tuple[str, ...]
    on: date
    weekday: int
    skipped: bool


def open_box(facts: Sequence[Fact], today: date, closed: date) -> Box | None:
    """The customer's open box, where `closed` is the day whose boxes have just closed: "of the subscriptions that stand
    as the customer does, the earliest that is not skipped, or the earliest; of several on that day all of them"."""
    stand = subscriptions(facts, today)
    best = max((rank(one.word) for one in stand), default=0)
    said = [fact for fact in facts if fact.payload.get("delivery_weekday") is not None]
    weekdays = _last_words(said, "started", "reactivated")
    week = [closed + timedelta(days=n) for n in range(1, 8)]
    boxes: dict[tuple[bool, date], list[str]] = {}
    for one in stand:
        if rank(one.word) == best and one.name in weekdays:
            weekday = weekdays[one.name].payload["delivery_weekday"]
            on = next(day for day in week if day.weekday() == weekday)
            boxes.setdefault((any(is_skipped(facts, one.name, day) for day in week), on), []).append(one.name)
    if not boxes:
        return None
    skipped, on = min(boxes)
    return Box(tuple(boxes[skipped, on]), on, on.weekday(), skipped)


def is_skipped(facts: Sequence[Fact], name: str, on: date) -> bool:
    """ "Per box the newest decides"."""
    words = by_subscription(facts, "skipped", "unskipped").get(name, [])
    about = [fact for fact in words if fact.payload["delivery_on"] == on]
    return bool(about) and max(about, key=_age).kind == "skipped"


def days_to(day: date, today: date) -> int | None:
    """Days until a date that is to come."""
    return (day - today).days if today < day < NEVER else None
