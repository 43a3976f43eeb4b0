"""The oracle: what admission and every fold mean, said a second time and as plainly as possible.

It reads definitions as data (`Fetcher.features`) and raw events in log order, one family's log at a time. It calls
no fold, row, calendar, arrival or admission code, keeps no state and saves no work. Where a sentence of the design
decides, the sentence stands beside the line.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

from proof.naive.oracle_subscriptions import (
    Box,
    Stands,
    by_subscription,
    days_to,
    is_skipped,
    open_box,
    own,
    rank,
    subscriptions,
)
from scv.events.bound import Days, bounds
from scv.events.country import Country
from scv.events.event import ENVELOPE, FAMILIES, Event, tag
from scv.features.fetcher import Feature, Fetcher
from scv.folds.fold import OPEN_WEEK, Fold, Window

Verdict = Literal["admitted", "repeated", "changed", "too late", "before an erasure"]
Value = int | float | str | None
SKEW = timedelta(minutes=5)
OF_ACTIVE_DAYS = ("ActiveDays", "GapMean", "GapSd", "GapLongest", "WeekStreak")
LOOKS_BACK = 399  # "last 399 days, or memory_days if more"
DATES_KEPT = 35  # "dates older than L are dropped"
FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Fact:
    """One valid arrival: its times in UTC, its local days, its payload."""

    kind: str
    id: str
    claimed: datetime
    occurred: datetime
    seen: datetime
    day: date
    payload: Mapping[str, Any]


def local_day(instant: datetime, country: Country) -> date:
    return instant.astimezone(ZoneInfo(country.time_zone)).date()


def fact_of(event: Event, country: Country) -> Fact | None:
    """None for what is refused: seen outside the country's span, or before it occurred by more than five minutes; said
    to have occurred in an earlier year than ten before that of `starts_on`, or with a day or year beyond its bound."""
    if event.seen_at is None:
        raise ValueError(f"an oracle's log says when each event was seen, and not of {event.id}")
    claimed, seen = event.occurred_at.astimezone(UTC), event.seen_at.astimezone(UTC)
    if claimed > seen + SKEW or not country.starts_on <= local_day(seen, country) < country.ends_on:
        return None
    occurred = min(claimed, seen)  # "within 5 minutes it is set to seen_at"
    on = local_day(occurred, country)
    if on.year < country.starts_on.year - 10 or not all(_possible(event, name, on) for name in bounds(type(event))):
        return None
    payload = {name: getattr(event, name) for name in event.__struct_fields__ if name not in ENVELOPE}
    return Fact(event.kind, event.id, claimed, occurred, seen, local_day(occurred, country), payload)


def _possible(event: Event, name: str, on: date) -> bool:
    bound, value = bounds(type(event))[name], getattr(event, name)
    if value is None:
        return True
    ahead = (value - on).days if isinstance(bound, Days) else value - on.year
    return bool(ahead <= bound.ahead and -ahead <= bound.back)


def remaining(log: Sequence[Event], country: Country, customer: str) -> list[Fact]:
    """A customer's facts in log order, after the newest erasure: what lies before it no longer exists."""
    mine = [fact for event in log if event.customer_id == customer and (fact := fact_of(event, country))]
    erasures = [place for place, fact in enumerate(mine) if fact.kind == "erased"]
    return mine[erasures[-1] + 1 :] if erasures else mine


def judged(log: Sequence[Event], country: Country, customer: str) -> list[tuple[Fact, Verdict]]:
    """Every remaining arrival of a customer with its verdict, in log order."""
    mine = [fact for event in log if event.customer_id == customer and (fact := fact_of(event, country))]
    erased = [fact.occurred for fact in mine if fact.kind == "erased"]
    found: list[tuple[Fact, Verdict]] = []
    for fact in remaining(log, country, customer):
        if any(fact.occurred < at for at in erased):  # "nothing that happened before an erasure comes back after it"
            found.append((fact, "before an erasure"))
            continue
        clock = max((earlier.seen for earlier, said in found if said != "before an erasure"), default=None)
        found.append((fact, _verdict(fact, clock, found, country)))
    return found


def _verdict(fact: Fact, clock: datetime | None, earlier: Sequence[tuple[Fact, Verdict]], country: Country) -> Verdict:
    if clock is not None and fact.day < local_day(clock, country) - timedelta(days=country.lateness_days):
        return "too late"
    for old, verdict in earlier:
        if verdict == "admitted" and (old.id, old.claimed) == (fact.id, fact.claimed):
            return "repeated" if (old.kind, old.payload) == (fact.kind, fact.payload) else "changed"
    return "admitted"


def features(
    log: Sequence[Event], country: Country, customer: str, fetcher: type[Fetcher], at: datetime
) -> dict[str, Value] | None:
    """Every feature of a fetcher as known then: None without an admitted event of the family seen before `at`."""
    return values(judged(log, country, customer), country, fetcher, at)


def values(
    verdicts: Sequence[tuple[Fact, Verdict]], country: Country, fetcher: type[Fetcher], at: datetime
) -> dict[str, Value] | None:
    """The same from verdicts that are known already."""
    admitted = [fact for fact, verdict in verdicts if verdict == "admitted"]
    known = [fact for fact in admitted if fact.occurred < at and fact.seen < at]
    if not known:
        return None
    return {feature.name: _value(known, feature, local_day(at, country), country) for feature in fetcher.features}


def _value(known: Sequence[Fact], feature: Feature, today: date, country: Country) -> Value:
    fold, window, name = feature.fold, feature.window, type(feature.fold).__name__
    facts = [fact for fact in known if _enters(fact, fold)]
    if name == "SkippedBoxes":
        return _boxes_skipped(facts, window, today, country.cut_off_days)
    if name in OF_THE_OPEN_BOX:
        closed = today + timedelta(days=country.cut_off_days if window else 0)
        box = open_box(facts, today, closed)
        return OF_THE_OPEN_BOX[name](box, closed) if box else None
    if window is not None:
        facts = [fact for fact in facts if _inside(fact.day, window, today)]
    elif name in OF_ACTIVE_DAYS:
        remembered = country.memory_days if country.memory_days > LOOKS_BACK else LOOKS_BACK
        facts = [fact for fact in facts if (today - fact.day).days <= remembered]
    return MEANING[name](facts, fold, today)


def _enters(fact: Fact, fold: Fold) -> bool:
    if fold.kinds and fact.kind not in fold.kinds:
        return False
    if fold.field and _raw(fact, fold.field) is None:
        return False
    found = [(_raw(fact, name), sign, wanted) for name, sign, wanted in fold.where]
    return all(raw is not None and (raw == want if sign == "==" else raw >= want) for raw, sign, want in found)


def _raw(fact: Fact, field: str) -> Any:
    return fact.kind if field == "kind" else fact.payload.get(field)


def _inside(day: date, window: Window, today: date) -> bool:
    """`[local midnight N days before at's day, at)`, or up to the midnight `end` days back."""
    since = today - timedelta(days=window.start)
    until = today - timedelta(days=window.end)
    return since <= day and (window.end == 0 or day < until)


def _plain(raw: Any) -> Any:
    """Dates are days since 1970, truth is 0 or 1."""
    if isinstance(raw, date):
        return (raw - FIRST_DAY).days
    return int(raw) if isinstance(raw, bool) else raw


def _all(facts: Sequence[Fact], fold: Fold) -> list[Any]:
    return [_plain(_raw(fact, fold.field)) for fact in facts]


def age(fact: Fact) -> tuple[datetime, datetime, int]:
    """The larger the newer: "the later occurred_at; of one instant the later seen_at; of those the kind that stands
    later in its family"."""
    own = next(own for own in FAMILIES.values() if fact.kind in map(tag, own))
    return fact.occurred, fact.seen, [tag(kind) for kind in own].index(fact.kind)


def newest(facts: Sequence[Fact]) -> list[Fact]:
    """Those of which none is newer than another."""
    return [fact for fact in facts if age(fact) == max(map(age, facts))]


def _newest(facts: Sequence[Fact], fold: Fold) -> Any:
    """ "Of those the smaller value": never an id decides."""
    return min((_raw(fact, fold.field) for fact in newest(facts)), default=None)


def _days(facts: Sequence[Fact]) -> list[date]:
    """The active days, oldest first."""
    return sorted({fact.day for fact in facts})


def _gaps(facts: Sequence[Fact]) -> list[int]:
    return [(later - earlier).days for earlier, later in pairwise(_days(facts))]


def _sd(gaps: list[int]) -> float | None:
    return statistics.stdev(gaps) if len(gaps) > 1 else None


def _streak(facts: Sequence[Fact], today: date) -> int:
    """Weeks back as `each_week` cuts them: the first is the last seven days and today so far."""
    days, week = _days(facts), 0
    while any(_inside(day, Window(7 * week + 7, 7 * week), today) for day in days):
        week += 1
    return week


OF_THE_OPEN_BOX: dict[str, Callable[[Box, date], Value]] = {
    "OpenBoxWeekday": lambda box, closed: box.weekday,
    "OpenBoxSkipped": lambda box, closed: int(box.skipped),
    "DaysUntilCutOff": lambda box, closed: (box.on - closed).days,
}


def _boxes_skipped(facts: Sequence[Fact], window: Window | None, today: date, cut_off_days: int) -> int:
    """A window looks back, to dates before today; only the open week looks ahead, to "the seven days
    [day(at) + cut_off_days + 1, day(at) + cut_off_days + 7]"."""
    words = by_subscription(facts, "skipped", "unskipped").items()
    said = {(name, fact.payload["delivery_on"]) for name, told in words for fact in told}
    dates = [on for name, on in said if (today - on).days <= DATES_KEPT and is_skipped(facts, name, on)]
    if window is None:
        return sum(on >= today for on in dates)
    if window == OPEN_WEEK:
        return sum(cut_off_days + 1 <= (on - today).days <= cut_off_days + 7 for on in dates)
    return sum(on < today and _inside(on, window, today) for on in dates)


def _of_own(facts: Sequence[Fact], today: date, tells: Callable[[Stands], Value]) -> Value:
    mine = own(facts, today)
    return None if mine is None else tells(mine)


def _per(total: int, per: int) -> int | float:
    return total if per == 1 else total / per


MEANING: dict[str, Callable[[Sequence[Fact], Any, date], Value]] = {
    "Count": lambda facts, fold, today: len(facts),
    "Sum": lambda facts, fold, today: _per(sum(_all(facts, fold)), fold.per),
    "Min": lambda facts, fold, today: min(_all(facts, fold), default=None),
    "Max": lambda facts, fold, today: max(_all(facts, fold), default=None),
    "Latest": lambda facts, fold, today: _plain(_newest(facts, fold)),
    "DistinctCount": lambda facts, fold, today: min(len(set(_all(facts, fold))), fold.most),
    "ActiveDays": lambda facts, fold, today: len(_days(facts)),
    "DaysSince": lambda facts, fold, today: (today - max(f.day for f in facts)).days if facts else None,
    "DaysSinceFirst": lambda facts, fold, today: (today - min(f.day for f in facts)).days if facts else None,
    "DaysUntil": lambda facts, fold, today: (_newest(facts, fold) - today).days if facts else None,
    "YearsSince": lambda facts, fold, today: today.year - _newest(facts, fold) if facts else None,
    "GapMean": lambda facts, fold, today: statistics.mean(_gaps(facts)) if _gaps(facts) else None,
    "GapSd": lambda facts, fold, today: _sd(_gaps(facts)),
    "GapLongest": lambda facts, fold, today: max(_gaps(facts), default=None),
    "WeekStreak": lambda facts, fold, today: _streak(facts, today),
    "SubscriptionState": lambda facts, fold, today: _of_own(facts, today, lambda one: one.word),
    "DaysInState": lambda facts, fold, today: _of_own(facts, today, lambda one: (today - one.since).days),
    "DaysUntilPauseEnds": lambda facts, fold, today: _of_own(facts, today, lambda one: days_to(one.until, today)),
    "DaysUntilEnd": lambda facts, fold, today: _of_own(facts, today, lambda one: days_to(one.over, today)),
    "StandingSubscriptions": lambda facts, fold, today: sum(rank(one.word) >= 2 for one in subscriptions(facts, today)),
}
