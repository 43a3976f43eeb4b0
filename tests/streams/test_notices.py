"""What a consumer says of refused records: a reason at once, then by the minute, and nobody's name."""

from __future__ import annotations

from scv.errors import BadEvent
from streams.counters import Counters
from streams.kafka.log import Part
from streams.kafka.record import Record
from streams.notices import EVERY_S, MANY, Notices


class Told:
    """Notices with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now, self.said, self.counters = 0.0, list[str](), Counters()
        self.notices = Notices(self.said.append, self.counters, lambda: self.now)

    def dead(self, *reasons: str) -> None:
        for reason in reasons:
            why = BadEvent(reason, "'ann@x.org' is none of email, phone")
            self.notices.dead(Record(Part("t.orders", 2), 17, b"US:ann", b"ann", why), why)

    def after(self, seconds: float) -> list[str]:
        """What is said by then that was not said before."""
        self.now += seconds
        self.notices.look()
        said, self.said[:] = list(self.said), []
        return said


def test_a_reason_is_said_at_once_and_then_by_the_minute() -> None:
    told = Told()
    told.dead("wrong type", "wrong type", "no key")
    first, second = told.after(0)
    assert first.startswith("t.orders/2@17 is a dead letter: wrong type: '…' is none of email, phone.")
    assert "no key" in second and "cerebro dead-letters list" in second
    assert told.after(EVERY_S - 1) == []
    told.counters.delivered = 97
    (minute,) = told.after(1)
    assert minute.startswith("1 of 100 records were dead letters (wrong type 1).")
    assert told.after(EVERY_S) == [], "nothing new"
    told.dead("no key", "no key")
    assert told.after(EVERY_S - 1) == []
    assert told.after(1)[0].startswith("2 of 2 records were dead letters (no key 2).")


def test_events_that_do_not_count_are_said_by_the_minute_where_they_are_many() -> None:
    told = Told()
    told.counters.count({"admitted": 10 * MANY, "too_late": MANY - 1, "repeated": 1000})
    assert told.after(EVERY_S) == [], "some are in every log, and what repeats says nothing new"
    told.counters.count({"admitted": 5, "too_late": MANY, "changed": 3})
    (said,) = told.after(EVERY_S)
    assert said.startswith(f"{MANY + 3} of {MANY + 8} events did not count (too late {MANY}, changed 3).")
    assert "cerebro refused COUNTRY" in said
