"""Replays a history through Kafka in the order in which it was seen, with watermarks between.

A watermark on a partition says that everything seen before it has been sent there; the last one, on every partition
of every family, is exactly `until`, so that two consumers which have read it stand at the same instant.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec

from scv.errors import UserError
from scv.events import calendar, country, event
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.kafka.record import REPLAYED
from streams.replay.columns import FAMILIES
from streams.replay.forecast import Forecast
from streams.replay.history import History, HistoryBatch, HistorySpan
from streams.replay.refusals import bounds_us, unit_advice

HOUR_US = 3_600_000_000
EVENTS_PER_WATERMARK = 20
"""At full speed an hourly watermark on every partition (8 families x 2 partitions x 8,760 hours) is as much traffic as
a year of the demo's events. So one round is sent at the first full hour after this many events per watermark of the
round: 5 % at most. It counts events, not milliseconds, so that the same replay makes the same log, offset by offset.
The last round is always exact; with a speed every hour is sent."""

_POLL_EVERY = 2_000
_REPLAYED = [(REPLAYED, b"")]

Report = Callable[[str, int, int], None]
"""Told (what is being done, how much of it is done, of how much)."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay sent. `first` and `last` are the seen instants of the first and last event sent, if any.

    `clock` is the last watermark; `events` counts records by family (an erasure counts in each), and `before` those
    that were left out because they were seen before it began.
    """

    countries: tuple[str, ...]
    events: dict[str, int]
    before: int
    watermarks: int
    first: datetime | None
    last: datetime | None
    clock: datetime
    seconds: float

    @property
    def total(self) -> int:
        return sum(self.events.values())


def replay(
    history: History,
    settings: Settings,
    since: datetime | None = None,
    until: datetime | None = None,
    speed: float | None = None,
    report: Report = lambda *_: None,
) -> Summary:
    """Send events with `since <= seen_at < until`, then the watermark `until` to every partition of every family.

    Without `until` everything is sent and the last watermark lies 1 µs after the newest event. `speed` is event
    seconds per wall second (None: as fast as the broker takes it). Creates missing topics. Returns once everything
    is acknowledged. Raises UserError (bad rows, unknown country, span, order of instants) before anything is sent,
    Unreachable when no broker answers.
    """
    return send(history, settings, prepare(history, settings, since, until, speed, report), report)


def prepare(
    history: History,
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    speed: float | None,
    report: Report,
) -> ReplayPlan:
    """What `send` is to send, all of it looked at. Raises UserError as `replay`."""
    spans = _spans(history, settings, report)
    if not spans:
        raise UserError(f"{history.path} has no events to replay (check --country).")
    ends = {code: bounds_us(country.load(code, settings.countries_path))[1] for code in spans}
    return _plan(spans, ends, since, until, speed)


def forecast(history: History, settings: Settings, plan: ReplayPlan) -> Forecast:
    """What admission will make of what `send` sends."""
    places = [country.load(code, settings.countries_path) for code in plan.countries]
    return history.forecast(places, plan.since_us, plan.before_us)


def send(history: History, settings: Settings, plan: ReplayPlan, report: Report) -> Summary:
    """Send what was prepared. Raises Unreachable when no broker answers."""
    total = history.count(plan.since_us, plan.before_us)
    before = 0 if plan.since_us is None else history.count(until_us=plan.since_us)
    found = topics.ensure(settings)
    order = [found[topics.events(settings, family)] for family in FAMILIES]
    with Producer(settings, client_id="cerebro-replay", linger_ms=20) as producer:
        sending = _Sending(producer, order, plan, lambda done: report("Replaying", done, total))
        sending.send_all(history)
        topics.wait(settings)  # a producer would give a broker that is gone minutes to come back
        producer.flush()
        return sending.summary(before)


def parse_speed(text: str) -> float:
    """Event seconds per wall second.

    >>> parse_speed("3600x")
    3600.0
    """
    try:
        speed = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise UserError(f"{text!r} is no speed. Write --speed 3600x for an hour of events per second, or leave it out.")
    return speed


class ReplayPlan(msgspec.Struct, frozen=True):
    """Send `[since_us, before_us)`; watermarks and pacing go from `from_us` to `until_us`.

    `countries`: up to where each one's watermarks may go, as its span or now ends.
    """

    countries: dict[str, int]
    since_us: int | None
    before_us: int | None
    from_us: int
    until_us: int
    speed: float | None


def _plan(
    spans: dict[str, HistorySpan],
    ends: dict[str, int],
    since: datetime | None,
    until: datetime | None,
    speed: float | None,
) -> ReplayPlan:
    since_us = None if since is None else calendar.to_us(since)
    from_us = min(span.first_us for span in spans.values()) if since_us is None else since_us
    newest = max(span.last_us for span in spans.values()) + 1
    until_us = max(newest, from_us) if until is None else calendar.to_us(until)
    if until_us < from_us:
        what = "before the first event" if since_us is None else "before the country's clock, which never goes back"
        start, end = (calendar.from_us(us).isoformat() for us in (from_us, until_us))
        raise UserError(f"--until {end} lies {what}: {start}. Choose a later instant.")
    if until_us > max(ends.values()):
        end, last = (calendar.from_us(us).isoformat() for us in (until_us, max(ends.values())))
        raise UserError(f"--until {end} lies beyond {last}: the end of the span of {', '.join(ends)}, or now.")
    return ReplayPlan(ends, since_us, None if until is None else until_us, from_us, until_us, speed)


def _spans(history: History, settings: Settings, report: Report) -> dict[str, HistorySpan]:
    """What there is to send of each country.

    Refuses before the first record what every consumer would refuse afterwards. With bad rows kept, only records of
    known countries inside their spans count: a wrong year must not move the clock.
    """
    folder = settings.countries_path
    if history.keep_bad:
        return history.spans({code: bounds_us(one) for code, one in country.known(folder).items()})
    spans = history.spans()
    countries = {code: country.load(code, folder) for code in spans}
    for code, span in spans.items():
        starts, ends = bounds_us(countries[code])
        if span.first_us < starts or span.last_us >= ends:
            first, last = calendar.written(span.first_us), calendar.written(span.last_us)
            span_text = f"starts_on {countries[code].starts_on} and ends_on {countries[code].ends_on}"
            where = f"{history.path}: events of {code} were seen from {first} to {last}"
            advice = unit_advice(span.first_us, span.last_us) or f" Mend {folder / code}.toml."
            raise UserError(f"{where}: after now, or outside {span_text}.{advice}")
    total = sum(span.records for span in spans.values())
    history.check(countries, lambda done: report("Checking", done, total))
    return spans


class _Sending:
    """One run: sends batches, and a round of watermarks wherever one is due."""

    def __init__(
        self, producer: Producer, found: list[topics.Topic], plan: ReplayPlan, tell: Callable[[int], None]
    ) -> None:
        self._producer, self._topics, self._plan, self._tell = producer, found, plan, tell
        self._started = time.monotonic()
        self._sent: Counter[int] = Counter()
        self._watermarks = 0
        self._first: int | None = None
        self._last: int | None = None
        self._due = _next_hour(plan.from_us)
        self._quota = EVENTS_PER_WATERMARK * sum(topic.partitions for topic in found) * len(plan.countries)
        self._since_round = self._quota

    def send_all(self, history: History) -> None:
        """Everything, queued; it is safe once the producer is flushed."""
        for batch in history.batches(self._plan.since_us, self._plan.before_us):
            self._send(batch)
        if self._plan.speed:  # time also passes after the last event
            self._pass_hours(self._plan.until_us - 1)
        self._wait(self._plan.until_us)
        self._round(self._plan.until_us)
        self._tell(sum(self._sent.values()))

    def _send(self, batch: HistoryBatch) -> None:
        send, names, speed = self._producer.send, [topic.name for topic in self._topics], self._plan.speed
        for count, (family, key, value, seen_us) in enumerate(zip(*batch, strict=True)):
            if seen_us >= self._due:
                self._pass_hours(seen_us)
            if speed:
                self._wait(seen_us)
            send(names[family], value, key, headers=_REPLAYED)
            self._since_round += 1
            if count % _POLL_EVERY == 0:
                self._producer.poll()
                self._tell(sum(self._sent.values()) + count)
        self._sent.update(batch.family)
        self._first = batch.seen_us[0] if self._first is None else self._first
        self._last = batch.seen_us[-1]

    def _pass_hours(self, seen_us: int) -> None:
        """Full hours were reached before this event: at full speed only the newest of them can matter."""
        seen_us = min(seen_us, self._plan.until_us - 1)  # a kept row from the future moves no clock
        if seen_us < self._due:
            return
        if self._plan.speed:
            for hour in range(self._due, seen_us + 1, HOUR_US):
                self._wait(hour)
                self._round(hour)
        elif self._since_round >= self._quota:
            self._round(seen_us // HOUR_US * HOUR_US)
        self._due = _next_hour(seen_us)

    def _round(self, seen_us: int) -> None:
        for code, last_us in self._plan.countries.items():
            mark = event.Watermark(country=code, seen_at=calendar.from_us(min(seen_us, last_us)))
            value, key = event.encode(mark), event.key_of(mark)
            for topic in self._topics:
                for partition in range(topic.partitions):
                    self._producer.send(topic.name, value, key, partition, _REPLAYED)
                    self._watermarks += 1
        self._since_round = 0

    def _wait(self, seen_us: int) -> None:
        """With a speed: until this instant's turn, while acknowledgements are counted."""
        if not self._plan.speed:
            return
        turn = self._started + (min(seen_us, self._plan.until_us) - self._plan.from_us) / 1e6 / self._plan.speed
        while (left := turn - time.monotonic()) > 0:
            self._producer.poll(min(left, 0.25))
            self._tell(sum(self._sent.values()))

    def summary(self, before: int) -> Summary:
        return Summary(
            countries=tuple(self._plan.countries),
            events={family: self._sent[index] for index, family in enumerate(FAMILIES) if self._sent[index]},
            before=before,
            watermarks=self._watermarks,
            first=None if self._first is None else calendar.from_us(self._first),
            last=None if self._last is None else calendar.from_us(self._last),
            clock=calendar.from_us(self._plan.until_us),
            seconds=time.monotonic() - self._started,
        )


def _next_hour(us: int) -> int:
    return (us // HOUR_US + 1) * HOUR_US
