"""The algebra of every fold in `FOLDS`, collected: what makes any order of events and tiles give one value."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proof.naive import world
from scv.events.arrival import Arrival, identify
from scv.events.calendar import DAY_US
from scv.folds import FOLDS
from scv.folds.fold import OPEN_WEEK, Fold, Window
from tests.parity.samples import WINDOWS

KINDS = ("skipped", "unskipped", "started", "paused", "resumed", "cancelled", "reactivated")
SAMPLE = {"int": "amount_cents", "str": "method", "date": "delivery_on", "bool": "reached", "": "method"}
LATE_DAYS = 35
BERLIN = world.country("Europe/Berlin")
EXAMPLES = settings(max_examples=25, deadline=None, derandomize=True)


def samples() -> list[Fold]:
    """Each fold with sample parameters and, where it has limits of its own, with a small one."""
    made: list[Fold] = []
    for fold in FOLDS:
        field = SAMPLE[fold.field_types[0] if fold.field_types else ""] if fold.needs_field else ""
        plain = fold(field, **fold.sample_parameters)
        own = {f.name for f in dataclasses.fields(fold)} & {"most", "per"}
        made += [plain, *(dataclasses.replace(plain, **{name: 3}) for name in sorted(own))]
    return made


def a_delivery(number: int, day: int, second: int, payload: tuple[int, str, int, str]) -> Arrival:
    occurred = (17_000 + day) * DAY_US + second * 1_000_000
    amount, method, ahead, kind = payload
    date = 17_000 + ahead if amount % 3 else None
    return Arrival(
        country="ZZ", customer_id="c", kind=kind, id=str(number % 7), occurred_us=occurred,
        claimed_us=occurred, seen_us=occurred, day=17_000 + day, seen_day=17_000 + day,
        values={
            "amount_cents": amount, "method": method, "delivery_on": 17_000 + ahead, "reached": amount % 2,
            "subscription_id": None if method == "a" else method, "ends_on": date, "until_on": date,
            "delivery_weekday": amount % 7 if amount % 5 else None,
        },
        identity=identify(str(number), occurred), content=0,
    )  # fmt: skip


PAYLOADS = st.tuples(st.integers(-500, 500), st.sampled_from("abcdefÉ"), st.integers(-60, 500), st.sampled_from(KINDS))
FACTS = st.tuples(st.integers(0, 20), st.integers(0, 430), st.integers(0, 3), PAYLOADS)
LOGS = st.lists(st.builds(lambda fact: a_delivery(*fact), FACTS), max_size=25)
every_fold = pytest.mark.parametrize(
    "fold", samples(), ids=lambda fold: f"{type(fold).__name__}-{fold.state_key()[-1]}"
)


def folded(fold: Fold, log: Sequence[Arrival], state: Any = None) -> Any:
    return reduce(lambda state, arrival: merged(fold, state, fold.alone(arrival)), log, state)


def merged(fold: Fold, left: Any, right: Any) -> Any:
    """Merging with the zero, which is None."""
    return fold.merge(left, right) if left is not None and right is not None else left if right is None else right


def plain(state: Any) -> Any:
    """A state without the difference of tuple and list, and of the order in a dictionary."""
    if isinstance(state, dict):
        return sorted((str(key), plain(value)) for key, value in state.items())
    return [plain(part) for part in state] if isinstance(state, list | tuple) else state


def windows(fold: Fold) -> list[Window | None]:
    ahead = [OPEN_WEEK.after(days) for days in (0, 5)] if fold.looks_ahead else []
    return [None, *ahead, *(one for one in WINDOWS.values() if fold.reach is None or one.start <= fold.reach)]


def reads(fold: Fold, state: Any, at_days: Sequence[int]) -> list[Any]:
    """Every read; a tiled fold's window is cut between its tiles, so its states read without one."""
    cuts = [None] if fold.tiled else windows(fold)
    return [fold.read(state, day, window) for day in at_days for window in cuts]


def newest(log: Sequence[Arrival]) -> int:
    return max((arrival.day for arrival in log), default=17_000)


@every_fold
def test_zero_reads_like_nothing(fold: Fold) -> None:
    assert all(value in (None, 0) for value in reads(fold, None, [17_000]))


@every_fold
@given(log=LOGS, seed=st.integers(0, 1000))
@EXAMPLES
def test_any_order_gives_one_state(fold: Fold, log: list[Arrival], seed: int) -> None:
    shuffled = list(log)
    random.Random(seed).shuffle(shuffled)
    assert plain(folded(fold, log)) == plain(folded(fold, shuffled))


@every_fold
@given(log=LOGS, cut=st.integers(0, 25))
@EXAMPLES
def test_split_and_merge_is_the_whole(fold: Fold, log: list[Arrival], cut: int) -> None:
    left, right = folded(fold, log[:cut]), folded(fold, log[cut:])
    assert plain(merged(fold, left, right)) == plain(folded(fold, log)) == plain(merged(fold, right, left))


@every_fold
@given(log=LOGS)
@EXAMPLES
def test_tiles_of_local_days_merge_to_the_whole(fold: Fold, log: list[Arrival]) -> None:
    tiles = [folded(fold, [d for d in log if d.day == day]) for day in sorted({d.day for d in log})]
    assert plain(reduce(lambda left, right: merged(fold, left, right), tiles, None)) == plain(folded(fold, log))


@every_fold
@given(log=LOGS, empty=st.integers(0, 2))
@EXAMPLES
def test_many_at_once_are_as_one_by_one(fold: Fold, log: list[Arrival], empty: int) -> None:
    """However short a fold's own way is, and with days between on which nothing entered."""
    tiles: list[Any] = [folded(fold, [d for d in log if d.day == day]) for day in sorted({d.day for d in log})]
    state = fold.merged([*[None] * empty, *tiles, None])
    assert reads(fold, state, [newest(log)]) == reads(fold, folded(fold, log), [newest(log)])
    assert fold.merged([None] * empty) is None


@every_fold
@given(logs=st.tuples(LOGS, LOGS, LOGS))
@EXAMPLES
def test_merge_is_associative(fold: Fold, logs: tuple[list[Arrival], ...]) -> None:
    a, b, c = (folded(fold, log) for log in logs)
    left = merged(fold, merged(fold, a, b), c)
    assert plain(left) == plain(merged(fold, a, merged(fold, b, c)))


@every_fold
@given(log=LOGS, later=LOGS)
@EXAMPLES
def test_a_stored_state_goes_on_as_if_it_had_stayed(fold: Fold, log: list[Arrival], later: list[Arrival]) -> None:
    """Packed and unpacked as a row is: lists for tuples."""
    state = folded(fold, log)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    at = newest([*log, *later])
    assert reads(fold, stored, [at, at + 3]) == reads(fold, state, [at, at + 3])
    assert plain(folded(fold, later, stored)) == plain(folded(fold, later, state))
    other = folded(fold, later)
    assert plain(merged(fold, stored, other)) == plain(merged(fold, state, other)) == plain(merged(fold, other, stored))


@every_fold
@given(log=LOGS, later=LOGS, ahead=st.integers(0, 60), on=st.integers(0, 420))
@EXAMPLES
def test_prune_changes_no_read_at_or_after_the_clock(
    fold: Fold, log: list[Arrival], later: list[Arrival], ahead: int, on: int
) -> None:
    """Also not after more events, as late as admission lets them be."""
    clock = newest(log) + ahead
    state = folded(fold, log)
    pruned = fold.prune(folded(fold, log), clock, BERLIN)
    days = [clock, clock + 1, clock + on]
    assert reads(fold, pruned, days) == reads(fold, state, days)
    admissible = [arrival for arrival in later if arrival.day >= clock - LATE_DAYS]
    last = max(clock, newest(admissible))
    goes_on = [reads(fold, folded(fold, admissible, kept), [last, last + on]) for kept in (pruned, state)]
    assert goes_on[0] == goes_on[1]
