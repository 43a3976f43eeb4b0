"""Where a customer's subscriptions stand: docs/lifecycle.md is the table that this is the code of.

Of every subscription three words are kept, each the newest (`scv.folds.newest`): what its term says (started,
reactivated, cancelled), whether it rests (paused, resumed) and on which weekday its boxes come; and of every box the
newest of skipped and unskipped. Dates in those words (`ends_on`, `until_on`) are looked at when it is read, so that
what ends by date ends in silence. Of terms, rests and weekdays those of the `MOST` subscriptions that spoke last are
kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from scv.events.arrival import Arrival
from scv.events.country import Country
from scv.folds.fold import FAR_DAY, Fold, Window
from scv.folds.newest import RANKS, Stamp, sql_stamp, stamp

RUNNING = ("started", "resumed", "reactivated")
PAUSED, ENDING, CANCELLED, ENDED = "paused", "ending", "cancelled", "ended"
OVER = (CANCELLED, ENDED)
RANK = dict.fromkeys(RUNNING, 0) | {PAUSED: 1, ENDING: 2} | dict.fromkeys(OVER, 3)
"""The customer stands as the subscription of the first rank; among equals as the one that came to stand so last."""
TERMS, RESTS, SKIPS = ("started", "reactivated", "cancelled"), ("paused", "resumed"), ("skipped", "unskipped")
KEPT = TERM, REST, WEEKDAY = ("term", "rest", "weekday")
DATES = {"started": "ends_on", "cancelled": "ends_on", "paused": "until_on"}
"""Kind → the field that says on which day it is over."""
_KIND = {-RANKS[kind]: kind for kind in (*TERMS, *RESTS)}
MOST = 16
KEPT_DAYS = 35
"""What was said of a box is kept so long after its day."""

Word = tuple[int, ...]
"""Its stamp; of a term or rest also its day, the day on which it is over, a weekday (-1: none). The least is newest."""
State = dict[Any, dict[str, Word]]
"""Place (`TERM`, `REST`, `WEEKDAY`, or a box's day) → subscription ("" without an id) → its newest word there."""


class Standing(NamedTuple):
    """How one subscription stands, in the order that makes the smallest of several the customer's own: what is told of
    that one never hangs on what a subscription is called."""

    rank: int
    lately: int
    """The day since when, below zero."""
    said: Stamp
    over: int
    """The day on which its term is over."""
    until: int
    """The day on which its pause is over."""
    subscription: str
    word: str


class Subscriptions(Fold):
    """A fold over what is said of subscriptions; all of them share one state."""

    tiled = False
    needs_field = False
    reads = ("subscription_id", "delivery_weekday", "delivery_on", *dict.fromkeys(DATES.values()))
    reach = 0

    def alone(self, arrival: Arrival) -> State:
        values, kind = arrival.values, arrival.kind
        subscription, word = values.get("subscription_id") or "", stamp(arrival)
        if kind in SKIPS:
            return {values["delivery_on"]: {subscription: word}}
        ends = values.get(DATES.get(kind, ""))
        over = max(arrival.day, ends) if ends is not None else arrival.day if kind == CANCELLED else FAR_DAY
        weekday = values.get("delivery_weekday")
        told: dict[str, Word] = {subscription: (*word, arrival.day, over, -1 if weekday is None else weekday)}
        if kind in RESTS:
            return {REST: told}
        return {TERM: told} if weekday is None else {TERM: told, WEEKDAY: told}

    def merge(self, left: State, right: State) -> State:
        merged = dict(left)
        for place, words in right.items():
            merged[place] = _newest(left.get(place, {}), words, MOST if place in KEPT else None)
        return merged

    def prune(self, state: State | None, clock_day: int, country: Country) -> State | None:
        return state and {at: words for at, words in state.items() if at in KEPT or at >= clock_day - KEPT_DAYS}

    def state_key(self) -> tuple[Any, ...]:
        return ("Subscriptions", 1, self.field, self.kinds, self.where)

    def key(self) -> str:
        return repr((type(self).__name__, type(self).version, self.state_key()))

    def sql_enter(self, entering: str) -> str:
        ends = " ".join(f"WHEN '{kind}' THEN {field}" for kind, field in DATES.items())
        over = (
            f"greatest(day, coalesce(CASE kind {ends} END, CASE kind WHEN '{CANCELLED}' THEN day ELSE {FAR_DAY} END))"
        )
        word = f"{sql_stamp()}, 'kind': kind, 'day': day::BIGINT, 'over': ({over})::BIGINT"
        word = f"{{{word}, 'weekday': coalesce(delivery_weekday, -1)}}"
        entry = f"{{'subscription': coalesce(subscription_id, ''), 'delivery': delivery_on, 'word': {word}}}"
        return f"list({entry}) {entering}"

    def sql_merge(self, tile: str) -> str:
        return f"flatten(list({tile}))"

    def sql_settle(self, state: str) -> str:
        """`stand`: structs like `Standing`; `days`: the weekdays of subscriptions; `skipped`: boxes."""
        days = f"""[{{'subscription': x.subscription, 'weekday': x.word.weekday}}
            FOR x IN {_sql_place(state, TERMS, " AND e.word.weekday >= 0")}]"""
        return f"{{'stand': {_sql_standings(state)}, 'days': {days}, 'skipped': {_sql_skipped(state)}}}"


def _newest(left: dict[str, Word], right: dict[str, Word], most: int | None) -> dict[str, Word]:
    words = {name: tuple(word) for name, word in left.items()}  # msgpack gives tuples back as lists
    for name, word in right.items():
        words[name] = min(words.get(name, tuple(word)), tuple(word))
    if most is None or len(words) <= most:
        return words
    last = sorted((word, name) for name, word in words.items())
    return {name: word for word, name in last[:most]}


def _sql_newest(words: str, *keys: str) -> str:
    """Of a list of structs of these keys and a `word` the one with the newest word of each key."""
    other = " OR ".join(f"l[i - 1].{key} <> x.{key}" for key in keys)
    first = f"list_filter(l, lambda x, i: i = 1 OR {other})"
    return f"list_transform([list_sort({words})], lambda l: {first})[1]"


def _sql_place(state: str, kinds: tuple[str, ...], more: str = "") -> str:
    """The newest words of the subscriptions that spoke last in a place."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    words = f"[{{'subscription': e.subscription, 'word': e.word}} FOR e IN {state} IF e.word.kind IN ({listed}){more}]"
    newest = f"[{{'word': x.word, 'subscription': x.subscription}} FOR x IN {_sql_newest(words, 'subscription')}]"
    return f"list_sort({newest})[:{MOST}]"


def _sql_skipped(state: str) -> str:
    """The boxes of which the newest word is that they are skipped: `subscription` and `delivery`."""
    words = f"""[{{'subscription': e.subscription, 'delivery': e.delivery, 'word': e.word}}
        FOR e IN {state} IF e.delivery IS NOT NULL]"""
    return f"[x FOR x IN {_sql_newest(words, 'subscription', 'delivery')} IF x.word.kind = '{SKIPS[0]}']"


# -- how each subscription stands on a day -----------------------------------------------------------------------


def standings(state: State | None, at_day: int) -> list[Standing]:
    """Of every subscription whose term or rest is known."""
    terms, rests = ((state or {}).get(place, {}) for place in (TERM, REST))
    return [_standing(name, terms.get(name), rests.get(name), at_day) for name in {*terms, *rests}]


def _standing(name: str, term: Word | None, rest: Word | None, at_day: int) -> Standing:
    over, kind = (term[4], _KIND[term[2]]) if term else (FAR_DAY, "")
    if term and at_day >= over:
        word, since, said = (CANCELLED if kind == CANCELLED else ENDED), over, term
    elif term and (kind == CANCELLED or rest is None or tuple(term) < tuple(rest)):
        word, since, said = (ENDING if kind == CANCELLED else kind), term[3], term
    else:
        assert rest is not None
        word, since, said = _KIND[rest[2]], rest[3], rest
        if word == PAUSED and at_day >= rest[4]:
            word, since = "resumed", rest[4]
    until = rest[4] if rest and word == PAUSED else FAR_DAY
    return Standing(RANK[word], -since, (said[0], said[1], said[2]), over, until, name, word)


def _sql_standings(state: str) -> str:
    """A list of structs like `Standing`; `at_day` is in scope."""
    words = f"'terms': {_sql_place(state, TERMS)}, 'rests': {_sql_place(state, RESTS)}"
    mine = "[x.word FOR x IN p.{0} IF x.subscription = k][1]"
    names = "list_distinct([x.subscription FOR x IN list_concat(p.terms, p.rests)])"
    each = f"list_transform({names}, lambda k: {{'k': k, 't': {mine.format('terms')}, 'r': {mine.format('rests')}}})"
    each = f"flatten(list_transform([{{{words}}}], lambda p: {each}))"
    word = f"""CASE WHEN q.t.over <= at_day THEN CASE q.t.kind WHEN '{CANCELLED}' THEN '{CANCELLED}' ELSE '{ENDED}' END
        WHEN q.t.kind = '{CANCELLED}' THEN '{ENDING}' WHEN q.r IS NULL OR q.t < q.r THEN q.t.kind
        WHEN q.r.kind = '{PAUSED}' AND at_day < q.r.over THEN '{PAUSED}' ELSE 'resumed' END"""
    each = f"list_transform({each}, lambda q: {{'k': q.k, 't': q.t, 'r': q.r, 'word': {word}}})"
    rested = f"(q.word = '{PAUSED}' OR q.word = 'resumed')"
    since = f"""CASE WHEN q.word IN ('{CANCELLED}', '{ENDED}') THEN q.t.over WHEN NOT {rested} THEN q.t.day
        WHEN q.word = 'resumed' AND q.r.kind = '{PAUSED}' THEN q.r.over ELSE q.r.day END"""
    ranks = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in RANK.items())
    said = ", ".join(
        f"'{name}': CASE WHEN {rested} THEN q.r.{name} ELSE q.t.{name} END" for name in ("occurred", "seen", "rank")
    )
    until = f"CASE WHEN q.word = '{PAUSED}' THEN q.r.over ELSE {FAR_DAY} END"
    return f"""list_transform({each}, lambda q: {{'stands': CASE q.word {ranks} END, 'lately': -({since}), {said},
        'over': coalesce(q.t.over, {FAR_DAY}), 'until': {until}, 'subscription': q.k, 'word': q.word}})"""


class _OfCustomer(Subscriptions):
    """A fold that tells one thing of the standing that is the customer's own; missing without any."""

    def read(self, state: State | None, at_day: int, window: Window | None) -> Any:
        found = standings(state, at_day)
        return self.tells(min(found), at_day) if found else None

    def tells(self, own: Standing, at_day: int) -> Any:
        raise NotImplementedError

    def sql_tells(self, own: str) -> str:
        raise NotImplementedError

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"list_transform([list_min({state}.stand)], lambda o: {self.sql_tells('o')})[1]"


class SubscriptionState(_OfCustomer):
    """How the customer stands: started, resumed, reactivated, paused, ending, cancelled or ended."""

    gives = "str"

    def tells(self, own: Standing, at_day: int) -> str:
        return own.word

    def sql_tells(self, own: str) -> str:
        return f"{own}.word"


class DaysInState(_OfCustomer):
    """Local days since the customer came to stand so, by an event or by a date."""

    def tells(self, own: Standing, at_day: int) -> int:
        return at_day + own.lately

    def sql_tells(self, own: str) -> str:
        return f"(at_day + {own}.lately)::BIGINT"


class DaysUntilPauseEnds(_OfCustomer):
    """Local days until the customer's pause is over by date, at least 1; missing without a pause or its date."""

    def tells(self, own: Standing, at_day: int) -> int | None:
        return own.until - at_day if own.until < FAR_DAY else None

    def sql_tells(self, own: str) -> str:
        return f"CASE WHEN {own}.until < {FAR_DAY} THEN {own}.until - at_day END::BIGINT"


class DaysUntilEnd(_OfCustomer):
    """Local days until the subscription is over by date, at least 1; missing once it is over and without a date."""

    def tells(self, own: Standing, at_day: int) -> int | None:
        return own.over - at_day if at_day < own.over < FAR_DAY else None

    def sql_tells(self, own: str) -> str:
        return f"CASE WHEN {own}.over > at_day AND {own}.over < {FAR_DAY} THEN {own}.over - at_day END::BIGINT"


class StandingSubscriptions(Subscriptions):
    """Number of subscriptions that run or are paused; nothing entered reads 0."""

    def read(self, state: State | None, at_day: int, window: Window | None) -> int:
        return sum(one.rank <= RANK[PAUSED] for one in standings(state, at_day))

    def sql_read(self, state: str, window: Window | None) -> str:
        return f"coalesce(len([o FOR o IN {state}.stand IF o.stands <= {RANK[PAUSED]}]), 0)::BIGINT"
