"""Days on which a fold's value turns, each by hand: rows and SQL must turn on the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from proof.naive import world
from proof.naive.sides import SqlSide
from proof.naive.world import DAY, HOUR, LoggedEvent
from scv.events.arrival import arrival_of
from scv.events.calendar import day_of, to_us
from scv.events.event import Event, Placed, ProfileSet, Skipped, Unskipped
from scv.features.fetcher import Fetcher, get
from scv.features.layout import layout_of
from scv.folds import SkippedBoxes, Sum
from scv.online.row import Row

BERLIN = world.country("Europe/Berlin")
CLICKED = datetime(2016, 6, 1, 12, tzinfo=UTC)
DELIVERY = CLICKED.date() + 10 * DAY


class Coming(Fetcher):
    """Boxes of the open week that are skipped."""

    family = "subscription"
    skips = SkippedBoxes().over_open_week()


def read(fetcher: str | type[Fetcher], log: Sequence[Event], at: datetime) -> Mapping[str, Any]:
    """The one customer's values at an instant, by row; SQL says the same."""
    chosen = get(fetcher) if isinstance(fetcher, str) else fetcher
    row = Row(layout_of(chosen), BERLIN)
    for event in log:
        row.take(arrival_of(event, BERLIN))
    found = row.read(day_of(to_us(at), BERLIN.zone))
    with SqlSide([LoggedEvent(0, 0, n, event) for n, event in enumerate(log)], chosen.family, BERLIN) as table:
        ((_, batch),) = table.read(chosen, [at]).items()
    assert {name: batch[name] for name in found} == found
    return found


def test_a_box_lies_ahead_until_its_day_is_over() -> None:
    skipped = Skipped(
        id="s", country="ZZ", customer_id="c1", occurred_at=CLICKED, seen_at=CLICKED, delivery_on=DELIVERY
    )
    midnight = world.local(DELIVERY, BERLIN)
    found = [read("lifecycle", [skipped], midnight + after) for after in (-HOUR, 0 * HOUR, 23 * HOUR, 24 * HOUR)]
    assert [one["skips_ahead"] for one in found] == [1, 1, 1, 0]
    assert [one["skips"] for one in found] == [0, 0, 0, 1]
    gone = [read("lifecycle", [skipped], midnight + days * DAY)["skips"] for days in (28, 29)]
    assert gone == [1, 0]


def test_a_box_is_of_the_open_week_from_its_first_day_to_its_last() -> None:
    """The week begins after the cut-off, six days from now, and all of it is to come."""
    delivery = DELIVERY + 10 * DAY
    skipped = Skipped(
        id="s", country="ZZ", customer_id="c1", occurred_at=CLICKED, seen_at=CLICKED, delivery_on=delivery
    )
    found = [read(Coming, [skipped], world.local(delivery - days * DAY, BERLIN)) for days in (13, 12, 6, 5, 0, -1)]
    assert [one["skips"] for one in found] == [0, 1, 1, 0, 0, 0]


def test_the_newest_click_about_a_box_decides() -> None:
    clicks = [
        kind(
            id=id, country="ZZ", customer_id="c1", occurred_at=CLICKED + hours * HOUR, seen_at=CLICKED + 5 * HOUR,
            delivery_on=DELIVERY,
        )
        for kind, id, hours in ((Skipped, "b", 1), (Unskipped, "a", 2), (Skipped, "c", 0))
    ]  # fmt: skip
    at = CLICKED + DAY
    assert read("lifecycle", clicks, at)["skips_ahead"] == 0


def test_an_age_turns_with_the_local_year() -> None:
    born = ProfileSet(id="p", country="ZZ", customer_id="c1", occurred_at=CLICKED, seen_at=CLICKED, birth_year=1980)
    new_year = world.local(date(2017, 1, 1), BERLIN)
    ages = [read("profile", [born], new_year + after)["age"] for after in (-HOUR, 0 * HOUR)]
    assert ages == [36, 37]


def test_a_sum_is_exact_however_large() -> None:
    """A float would lose the last cent."""
    cent = Placed(id="c", country="ZZ", customer_id="c1", occurred_at=CLICKED, seen_at=CLICKED, amount_cents=1)
    fold = Sum("amount_cents")
    total = fold.read(fold.merge(2**53, fold.alone(arrival_of(cent, BERLIN))), 17_000, None)
    assert (total, type(total)) == (2**53 + 1, int)
