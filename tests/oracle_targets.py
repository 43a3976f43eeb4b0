"""The oracle of what is asked and what then happened: phases, populations, labels and removals, said a second time.

It reads settings of a country and names of targets as data, and raw arrivals of every family in log order; which of
them count, the oracle of features says. It calls no code of folds, rows, calendar, admission, phases, populations or
labels, and saves no work but the first instants of days. Where a sentence of the definitions decides, it stands
beside the line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from proof.naive.oracle import Fact, Verdict, fact_of, judged, local_day
from proof.naive.oracle_subscriptions import RUNS, Stands, is_skipped, own, subscriptions
from proof.naive.oracle_subscriptions import open_box as box_of
from scv.events.country import Country
from scv.events.event import Event

LIFECYCLE = ("started", "paused", "resumed", "cancelled", "reactivated")
SETTLED_DAYS = 7  # "over for 7 to 365 days"
GONE = ("cancelled", "ended", "ending")
DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)


@dataclass(frozen=True)
class Story:
    """One customer: family → admitted facts in log order, and when erasures of any family were seen."""

    country: Country
    admitted: Mapping[str, Sequence[Fact]]
    erased: Sequence[datetime] = ()

    def known(self, family: str, at: datetime, *kinds: str) -> list[Fact]:
        """ "State at `at` uses only events with `occurred_at < at` and `seen_at < at`"."""
        facts = self.admitted.get(family, ())
        return [fact for fact in facts if fact.kind in kinds and fact.occurred < at and fact.seen < at]

    def happened(self, family: str, since: datetime, until: datetime, *kinds: str) -> list[Fact]:
        """Of everything that the labelling run saw: what occurred in `[since, until)`."""
        facts = self.admitted.get(family, ())
        return [fact for fact in facts if fact.kind in kinds and since <= fact.occurred < until]

    def as_of(self, seen_before: datetime) -> Story:
        """What a labelling run at that instant saw; erasures count whenever they were seen."""
        seen = {name: [fact for fact in facts if fact.seen < seen_before] for name, facts in self.admitted.items()}
        return Story(self.country, seen, self.erased)


@dataclass(frozen=True)
class Answer:
    """What became of a question: `y`, or why it may not be used; `outcome` names what happened to an open box."""

    y: int
    removed: str = ""
    outcome: str = ""


def story(logs: Mapping[str, Sequence[Event]], country: Country, customer: str) -> Story:
    """A customer's, from the raw logs of every family."""
    return told({family: judged(log, country, customer) for family, log in logs.items()}, logs, country, customer)


def told(
    verdicts: Mapping[str, Sequence[tuple[Fact, Verdict]]],
    logs: Mapping[str, Sequence[Event]],
    country: Country,
    customer: str,
) -> Story:
    """The same from verdicts that are known already."""
    admitted = {name: [fact for fact, verdict in found if verdict == "admitted"] for name, found in verdicts.items()}
    mine = [event for log in logs.values() for event in log if event.customer_id == customer]
    facts = [fact for event in mine if event.kind == "erased" and (fact := fact_of(event, country))]
    return Story(country, admitted, [fact.seen for fact in facts])


# -- local time --------------------------------------------------------------------------------------------------


@cache
def day_begins(day: date, country: Country) -> datetime:
    """The first instant of a local day, found by looking: every clock change lies on a quarter of an hour."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while local_day(at, country) < day:
        at += QUARTER
    return at


def days_later(at: datetime, days: int, country: Country) -> datetime:
    """ "`[at, at+N)` ends at the same local time N days later"."""
    return (at.astimezone(ZoneInfo(country.time_zone)) + timedelta(days=days)).astimezone(UTC)


def days_ago(fact: Fact, at: datetime, country: Country) -> int:
    return (local_day(at, country) - fact.day).days


# -- where a customer stands -------------------------------------------------------------------------------------


def stands(one: Story, at: datetime) -> Stands | None:
    """The subscription as which the customer stands, for all that is known at an instant."""
    return own(one.known("subscription", at, *LIFECYCLE), local_day(at, one.country))


def state(one: Story, at: datetime) -> str | None:
    found = stands(one, at)
    return found.word if found else None


def silence(one: Story, at: datetime) -> int | None:
    """Local days since the last order known; None without any."""
    return min((days_ago(fact, at, one.country) for fact in one.known("orders", at, "placed")), default=None)


def phase(one: Story, at: datetime) -> str:
    """ "Exactly one per customer and instant: new (active, tenure < 35 days), established, paused, dormant
    (derived only: silent longer than active days), left"."""
    recorded = one.country.basis == "recorded"
    found = _recorded_phase(one, at) if recorded else _derived_phase(one, at)
    if found != "active":
        return found
    began = one.known("subscription", at, *LIFECYCLE) if recorded else one.known("orders", at, "placed")
    tenure = max(days_ago(fact, at, one.country) for fact in began)
    return "new" if tenure < one.country.new_days else "established"


def _recorded_phase(one: Story, at: datetime) -> str:
    """ "While what is paid for runs out, boxes come, and the customer is active"."""
    word = state(one, at)
    if word in (*RUNS, "ending"):
        return "active"
    return "paused" if word == "paused" else "left"


def _derived_phase(one: Story, at: datetime) -> str:
    silent = silence(one, at)
    if silent is None or silent > one.country.memory_days:
        return "left"
    return "dormant" if silent > one.country.active_days else "active"


# -- the open box ------------------------------------------------------------------------------------------------


def open_box(one: Story, at: datetime) -> tuple[tuple[str, ...], date] | None:
    """ "The first delivery whose cut-off is after `at`", and whose it is; None where no weekday was said."""
    on = local_day(at, one.country)
    while _cut_off(on, one.country) <= at:
        on += DAY
    known = one.known("subscription", at, *LIFECYCLE, "skipped", "unskipped")
    box = box_of(known, local_day(at, one.country), on - DAY)
    return (box.names, box.on) if box else None


def _cut_off(on: date, country: Country) -> datetime:
    return day_begins(on - country.cut_off_days * DAY, country)


# -- populations -------------------------------------------------------------------------------------------------


def _ordered(one: Story, at: datetime, days: int) -> bool:
    """ "Last order in `[at-28, at)`", or 7 for `skip`; of nobody who is known to have cancelled."""
    silent = silence(one, at)
    gone = one.country.basis == "recorded" and state(one, at) in GONE
    return not gone and silent is not None and silent <= days


def _return(one: Story, at: datetime) -> bool:
    """ "Last order in `[at-365, at-28)`"."""
    silent = silence(one, at)
    return silent is not None and one.country.active_days < silent <= one.country.memory_days


def _cancellation(one: Story, at: datetime) -> bool:
    """ "Active or paused", and not already cancelled."""
    return state(one, at) not in GONE and phase(one, at) in ("new", "established", "paused")


def _pause(one: Story, at: datetime) -> bool:
    """ "Active, open box not yet skipped": without a known weekday there is no box. "There is one box a week": a skip
    of any day of the open week is a skip of its box, also where the delivery was moved."""
    running = phase(one, at) in ("new", "established") and state(one, at) not in GONE
    found = open_box(one, at)
    if not running or found is None:
        return False
    known = one.known("subscription", at, "skipped", "unskipped")
    week = open_week(at, one.country)
    return not all(any(is_skipped(known, name, on) for on in week) for name in found[0])


def open_week(at: datetime, country: Country) -> list[date]:
    """The seven days from the first that can still be changed."""
    on = local_day(at, country)
    while _cut_off(on, country) <= at:
        on += DAY
    return [on + n * DAY for n in range(7)]


def _reactivation(one: Story, at: datetime) -> bool:
    """ "Over for 7 to 365 days": cancelled and run out, or a term that ended."""
    found = stands(one, at)
    if found is None or found.word not in ("cancelled", "ended"):
        return False
    return SETTLED_DAYS <= (local_day(at, one.country) - found.since).days <= one.country.memory_days


# -- labels ------------------------------------------------------------------------------------------------------


def _lapsed(one: Story, at: datetime) -> Answer:
    """ "No order in `[at, at+56)`; silence counts from `at`"."""
    until = days_later(at, one.country.silence_days, one.country)
    return _within(one, at, until, not one.happened("orders", at, until, "placed"))


def _skipped_week(one: Story, at: datetime) -> Answer:
    """ "None in `[at, at+7)` and one in `[at+7, at+56)`"; "for `skip`, `decided_at` is `at+56`"."""
    week, until = (days_later(at, n, one.country) for n in (one.country.rhythm_days, one.country.silence_days))
    soon, later = one.happened("orders", at, week, "placed"), one.happened("orders", week, until, "placed")
    return _within(one, at, until, not soon and bool(later))


def _returned(one: Story, at: datetime) -> Answer:
    """ "An order in `[at, at+28)`"."""
    until = days_later(at, one.country.return_days, one.country)
    return _within(one, at, until, bool(one.happened("orders", at, until, "placed")))


def _leaves(one: Story, said: Fact) -> bool:
    """Does nothing of the customer run or rest right after it? "Who ends one of several is a customer still"."""
    return _right_after(one, said) in GONE


def _right_after(one: Story, said: Fact) -> str | None:
    facts = [fact for fact in one.admitted.get("subscription", ()) if fact.kind in LIFECYCLE]
    found = own([fact for fact in facts if fact.occurred <= said.occurred], said.day)
    return found.word if found else None


def _cancelled(one: Story, at: datetime) -> Answer:
    """ "A voluntary cancellation in `[at, at+28)`; a pause does not censor; one undone later still counts"; "of unknown
    wish it is neither"."""
    until = days_later(at, one.country.horizon_days, one.country)
    ends = [fact for fact in one.happened("subscription", at, until, "cancelled") if _leaves(one, fact)]
    wishes = [fact.payload["voluntary"] for fact in ends]
    answer = _within(one, at, until, True in wishes)
    unclear = None in wishes and True not in wishes and not answer.removed
    return Answer(0, "cancelled, by whose wish unknown") if unclear else answer


def _reactivated(one: Story, at: datetime) -> Answer:
    """ "Reactivated, started anew, or a paid order, in `[at, at+28)`; the end of a pause is `resume`, never this"; "a
    box that was paid for before is no comeback"."""
    until = days_later(at, one.country.horizon_days, one.country)
    paid = [fact for fact in one.happened("orders", at, until, "placed") if fact.payload["amount_cents"] > 0]
    paid = [fact for fact in paid if _right_after(one, fact) != "ending"]
    return _within(one, at, until, bool(paid or one.happened("subscription", at, until, "reactivated", "started")))


def _paused(one: Story, at: datetime) -> Answer:
    """ "That box is skipped or its subscription paused at the cut-off: 1; over by the day of the box: 0, outcome
    cancelled": what the newest words before the cut-off say, whenever they were seen. "It comes while any of theirs
    does"."""
    found = open_box(one, at)
    if found is None:
        raise ValueError("nobody is asked about a box without a delivery day")
    (names, on), ever = found, datetime.min.replace(tzinfo=UTC)
    until = _cut_off(on, one.country)
    said = one.happened("subscription", ever, until, *LIFECYCLE, "skipped", "unskipped")
    mine = [it for it in subscriptions(said, local_day(until, one.country)) if it.name in names]
    due = [it for it in mine if on < it.over]
    comes = any(it.word != "paused" and not is_skipped(said, it.name, on) for it in due)
    outcome = "box" if comes else "pause" if due else "cancelled"
    return _within(one, at, until, outcome == "pause", outcome)


def _within(one: Story, at: datetime, until: datetime, y: bool, outcome: str = "") -> Answer:
    """ "Involuntary ends (fraud, unpaid, death, erasure) inside the horizon remove the row and are counted apart";
    the history of a customer erased later no longer exists, so that row goes as well."""
    erased = any(seen >= at for seen in one.erased)
    ends = [fact for fact in one.happened("subscription", at, until, "cancelled") if _leaves(one, fact)]
    ended = any(fact.payload["voluntary"] is False for fact in ends)
    return Answer(y, "erased" if erased else "ended involuntarily" if ended else "", outcome)


ASKED: Mapping[str, Callable[[Story, datetime], bool]] = {
    "lapse": lambda one, at: _ordered(one, at, one.country.active_days),
    "skip": lambda one, at: _ordered(one, at, one.country.rhythm_days),
    "return": _return,
    "cancellation": _cancellation,
    "pause": _pause,
    "reactivation": _reactivation,
}
"""Target → is this customer asked about at an instant?"""
ANSWERS: Mapping[str, Callable[[Story, datetime], Answer]] = {
    "lapse": _lapsed,
    "skip": _skipped_week,
    "return": _returned,
    "cancellation": _cancelled,
    "pause": _paused,
    "reactivation": _reactivated,
}
"""Target → what then happened. A target that stands in neither table fails its test: it is under test by existing."""
