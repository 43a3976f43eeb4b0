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

from scv.events.country import Country
from scv.events.event import Event
from tests.oracle import Fact, Verdict, age, fact_of, judged, local_day

LIFECYCLE = ("started", "paused", "resumed", "cancelled", "reactivated")
RUNNING = ("started", "resumed", "reactivated")
SETTLED_DAYS = 7  # "cancelled 7 to 365 days ago"
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


def newest(facts: Sequence[Fact]) -> Fact | None:
    """ "The later occurred_at; of one instant the later seen_at; of those the kind that stands later in its family"."""
    return max(facts, key=age, default=None)


def state(one: Story, at: datetime) -> str | None:
    """The newest change of the subscription known at an instant."""
    said = newest(one.known("subscription", at, *LIFECYCLE))
    return said.kind if said else None


def silence(one: Story, at: datetime) -> int | None:
    """Local days since the last order known; None without any."""
    return min((days_ago(fact, at, one.country) for fact in one.known("orders", at, "placed")), default=None)


def phase(one: Story, at: datetime) -> str:
    """ "Exactly one per customer and instant: new (active, tenure < 35 days), established, paused, dormant
    (derived only: silent longer than active days), left"."""
    recorded = one.country.basis == "recorded"
    stands = _recorded_phase(one, at) if recorded else _derived_phase(one, at)
    if stands != "active":
        return stands
    began = one.known("subscription", at, *LIFECYCLE) if recorded else one.known("orders", at, "placed")
    tenure = max(days_ago(fact, at, one.country) for fact in began)
    return "new" if tenure < one.country.new_days else "established"


def _recorded_phase(one: Story, at: datetime) -> str:
    stands = state(one, at)
    if stands in RUNNING:
        return "active"
    return "paused" if stands == "paused" else "left"


def _derived_phase(one: Story, at: datetime) -> str:
    silent = silence(one, at)
    if silent is None or silent > one.country.memory_days:
        return "left"
    return "dormant" if silent > one.country.active_days else "active"


# -- the open box ------------------------------------------------------------------------------------------------


def open_box(one: Story, at: datetime) -> date | None:
    """ "The first delivery whose cut-off is after `at`": on the weekday said last; None where none was."""
    said = one.known("subscription", at, "started", "reactivated")
    said = [fact for fact in said if fact.payload["delivery_weekday"] is not None]
    if not said:
        return None
    weekday = min(fact.payload["delivery_weekday"] for fact in said if age(fact) == max(map(age, said)))
    on = local_day(at, one.country)
    while on.weekday() != weekday or _cut_off(on, one.country) <= at:
        on += DAY
    return on


def _cut_off(on: date, country: Country) -> datetime:
    return day_begins(on - country.cut_off_days * DAY, country)


def _skipped(said: Sequence[Fact], on: date) -> bool:
    """Does the newest word about a delivery say that it is skipped?"""
    last = newest([fact for fact in said if fact.payload["delivery_on"] == on])
    return last is not None and last.kind == "skipped"


# -- populations -------------------------------------------------------------------------------------------------


def _ordered(one: Story, at: datetime, days: int) -> bool:
    """ "Last order in `[at-28, at)`", or 7 for `skip`; of nobody who is known to have cancelled."""
    silent = silence(one, at)
    gone = one.country.basis == "recorded" and state(one, at) == "cancelled"
    return not gone and silent is not None and silent <= days


def _return(one: Story, at: datetime) -> bool:
    """ "Last order in `[at-365, at-28)`"."""
    silent = silence(one, at)
    return silent is not None and one.country.active_days < silent <= one.country.memory_days


def _cancellation(one: Story, at: datetime) -> bool:
    """ "Active or paused", and not already cancelled."""
    return state(one, at) != "cancelled" and phase(one, at) in ("new", "established", "paused")


def _pause(one: Story, at: datetime) -> bool:
    """ "Active, open box not yet skipped": without a known weekday there is no box. "There is one box a week": a skip
    of any day of the open week is a skip of its box, also where the delivery was moved."""
    running = phase(one, at) in ("new", "established") and state(one, at) != "cancelled"
    if not running or open_box(one, at) is None:
        return False
    return not any(skipped_then(one, on, at) for on in open_week(at, one.country))


def skipped_then(one: Story, on: date, at: datetime) -> bool:
    """Is a delivery already skipped, for all that is known?"""
    return _skipped(one.known("subscription", at, "skipped", "unskipped"), on)


def open_week(at: datetime, country: Country) -> list[date]:
    """The seven days from the first that can still be changed."""
    on = local_day(at, country)
    while _cut_off(on, country) <= at:
        on += DAY
    return [on + n * DAY for n in range(7)]


def _reactivation(one: Story, at: datetime) -> bool:
    """ "Cancelled 7 to 365 days ago", and not begun again since."""
    if state(one, at) != "cancelled":
        return False
    ago = min(days_ago(fact, at, one.country) for fact in one.known("subscription", at, "cancelled"))
    return SETTLED_DAYS <= ago <= one.country.memory_days


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


def _cancelled(one: Story, at: datetime) -> Answer:
    """ "A voluntary cancellation in `[at, at+28)`; a pause does not censor; one undone later still counts"."""
    until = days_later(at, one.country.horizon_days, one.country)
    wishes = [fact.payload["voluntary"] for fact in one.happened("subscription", at, until, "cancelled")]
    answer = _within(one, at, until, True in wishes)
    unclear = None in wishes and True not in wishes and not answer.removed
    return Answer(0, "cancelled, by whose wish unknown") if unclear else answer


def _reactivated(one: Story, at: datetime) -> Answer:
    """ "Reactivated, or a paid order, in `[at, at+28)`; the end of a pause is `resume`, never this"."""
    until = days_later(at, one.country.horizon_days, one.country)
    paid = [fact for fact in one.happened("orders", at, until, "placed") if fact.payload["amount_cents"] > 0]
    return _within(one, at, until, bool(paid or one.happened("subscription", at, until, "reactivated")))


def _paused(one: Story, at: datetime) -> Answer:
    """ "That box is skipped or the subscription paused at its cut-off; cancelled before the cut-off: 0, outcome
    cancelled": what the newest words before the cut-off say, whenever they were seen."""
    on = open_box(one, at)
    if on is None:
        raise ValueError("nobody is asked about a box without a delivery day")
    ever, until = datetime.min.replace(tzinfo=UTC), _cut_off(on, one.country)
    stands = newest(one.happened("subscription", ever, until, *LIFECYCLE))
    gone = stands is not None and stands.kind == "cancelled"
    rests = stands is not None and stands.kind == "paused"
    off = _skipped(one.happened("subscription", ever, until, "skipped", "unskipped"), on)
    outcome = "cancelled" if gone else "pause" if rests or off else "box"
    return _within(one, at, until, outcome == "pause", outcome)


def _within(one: Story, at: datetime, until: datetime, y: bool, outcome: str = "") -> Answer:
    """ "Involuntary ends (fraud, unpaid, death, erasure) inside the horizon remove the row and are counted apart";
    the history of a customer erased later no longer exists, so that row goes as well."""
    erased = any(seen >= at for seen in one.erased)
    ended = any(fact.payload["voluntary"] is False for fact in one.happened("subscription", at, until, "cancelled"))
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
