"""A week of a live country is fed back once its horizon is over and ticks say so, across the seam of history and live.

The log is written as the lake consumer writes it; its times are the broker's, so that no clock of this machine counts.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

import cli
from proof.naive import oracle
from proof.naive.world import family_of
from scorer.feedback import lists
from scorer.feedback.outcomes import Hindsight, collect
from scorer.tuesday.export import export
from scorer.tuesday.week import Folder
from scv.events import calendar, country, event
from scv.events.arrival import Arrival, Recorded, decode
from scv.events.calendar import from_us, to_us
from scv.events.country import Country
from scv.events.event import FAMILIES, Event, Placed, Watermark
from scv.features.array import numbers
from scv.model import vector
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.lake import Lake
from scv.settings import PREFIX, Settings
from scv.targets import target
from streams.kafka.log import Part
from streams.lake.writer import Buffer, LakeWriter
from tests import champions, oracle_targets
from tests.logs import LOGS, PARTITIONS, begin, home_of, log, topic
from trainer import past as past_of
from trainer.dataset import TrainingSet

DAY = timedelta(days=1)
SEAM = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
"""A Wednesday afternoon: the history ends, live events begin; senders tell the day before once more."""
TRAINED, BEFORE, AFTER = date(2026, 2, 3), date(2026, 3, 3), date(2026, 3, 10)
"""Tuesdays: the last two were published, the one with a horizon that crosses the seam, the other wholly live."""
LINE = """code = "AA"
name = "A"
time_zone = "Europe/Paris"
starts_on = 2025-01-01
ends_on = 2036-01-01
capacity = 10
held_out_share = 0.2
"""


class Log:
    """A log of one country and the lake that holds it; `events` by family, as a reader of the log sees them."""

    def __init__(self, settings: Settings, country: Country) -> None:
        begin(settings.lake_path)
        self.events: dict[str, list[Event]] = {family: [] for family in FAMILIES}
        self._lake, self._country = Lake(settings.lake_path), country
        self._writers = {family: LakeWriter(self._lake, log(family)) for family in FAMILIES}
        self._buffers = {family: Buffer(family, 1) for family in FAMILIES}
        self._ends, self._held = Counter[Part](), defaultdict[str, Counter[Part]](Counter)
        self._ticks: dict[Part, int] = {}

    def take(self, one: Event, at: datetime, replayed: bool = False) -> None:
        """An event, recorded by the broker at an instant."""
        family = family_of(one.kind)
        part = Part(topic(family), home_of(one.country, one.customer_id))
        content = self._decoded(family, one, part, at, replayed)
        assert isinstance(content, Arrival)
        self._buffers[family].add(part, self._next(part), content)
        self.events[family].append(replace(one, seen_at=from_us(content.seen_us)))

    def mark(self, at: datetime, replayed: bool = False) -> None:
        """A watermark to every partition: a history's, or a tick."""
        one = Watermark(country=self._country.code, seen_at=at if replayed else None)
        for name, stands in LOGS.items():
            for part in (Part(name, number) for number in range(PARTITIONS)):
                content = self._decoded(stands.family, one, part, at, replayed)
                assert not isinstance(content, Arrival) and content.is_tick is not replayed
                self._buffers[stands.family].mark(part, self._next(part), content)
                if content.is_tick:
                    self._ticks[part] = content.us

    def commit(self) -> None:
        for family, buffer in self._buffers.items():
            parts = [Part(topic(family), number) for number in range(PARTITIONS)]
            starts, ends = ({part: counted[part] for part in parts} for counted in (self._held[family], self._ends))
            self._writers[family].append(buffer.table(), starts, ends, buffer.ticks)
            self._held[family].update({part: ends[part] - starts[part] for part in parts})
            self._buffers[family] = Buffer(family, 1)

    def _decoded(self, family: str, one: Event | Watermark, part: Part, at: datetime, replayed: bool):  # type: ignore[no-untyped-def]
        recorded = Recorded(to_us(at), by_broker=True, replayed=replayed, tick_us=self._ticks.get(part, 0))
        return decode(family, event.key_of(one), event.encode(one), {self._country.code: self._country}, recorded)

    def _next(self, part: Part) -> int:
        self._ends[part] += 1
        return self._ends[part] - 1


def orders(customers: int, first: datetime, last: datetime) -> list[Event]:
    """About once a week, each customer in a rhythm of their own; many fall silent about the seam. In order of time."""
    dice, made = random.Random(3), list[Event]()
    for number in range(customers):
        at, stops = first + dice.random() * 20 * DAY, SEAM + dice.uniform(-30, 120) * DAY
        while at < min(last, stops):
            common = {"id": f"{number}-{at:%m%d%H%M}", "country": "AA", "customer_id": f"c{number}"}
            made.append(Placed(**common, occurred_at=at, amount_cents=dice.randrange(500, 9000), items=2))
            at += dice.expovariate(1 / dice.choice([4, 7, 11])) * DAY + timedelta(hours=3)
    return sorted(made, key=lambda one: one.occurred_at)


def lived(filled: Log, made: Sequence[Event], begins: datetime, ends: datetime, dice: random.Random) -> None:
    """What live senders tell from one instant to another, some late, with a tick at every noon (UTC)."""
    came = sorted(
        (
            (one.occurred_at + dice.choice([0, 0, 0, 0.2, 3]) * DAY + timedelta(seconds=dice.random()), one)
            for one in made
        ),
        key=lambda pair: pair[0],
    )
    noon = begins.replace(hour=12, minute=0) + DAY
    for at, one in (pair for pair in came if begins <= pair[0] < ends):
        while noon <= at:
            filled.mark(noon)
            noon += DAY
        filled.take(one, at)


def promote(settings: Settings, at: datetime, place: Country) -> None:
    """A small champion of lapse."""
    table = snapshot.join(snapshot.Snapshots(settings, place).read(at))
    features = {name: table[name] for name in table.column_names[3:]}
    columns = vector.candidates(features, place)
    matrix = vector.matrix(features, columns)
    y = (numbers(features["orders__days_since"]) > 6).astype(float)
    told = champions.told(place, "lapse", columns, features, y, at)
    champions.promoted(settings, place, told, champions.grown(matrix, y, 8))


def expected(filled: Log, place: Country, past: Hindsight) -> list[int]:
    """What the oracle says of each row."""
    verdicts = {
        name: {"orders": oracle.judged(filled.events["orders"], place, name)} for name in set(past.customers.tolist())
    }
    stories = {name: oracle_targets.told(one, filled.events, place, name) for name, one in verdicts.items()}
    ats = [calendar.reference(date, place) for date in past.dates]
    return [
        oracle_targets.ANSWERS["lapse"](stories[name], ats[week]).y
        for name, week in zip(past.customers.tolist(), past.week.tolist(), strict=True)
    ]


def listed(settings: Settings, place: Country, at: datetime) -> frozenset[str]:
    """Who stands on a published list."""
    week = Folder(settings.exports_url, place).week(at)
    assert week is not None
    return frozenset(one["customer_id"] for one in week.scores().to_pylist() if one["contact_status"] == "LISTED")


def trained_rows(settings: Settings, place: Country, contacted: past_of.Contacted | None = None) -> TrainingSet:
    """What a training would learn lapse from, with two of the Tuesdays mature."""
    lapse, wanted = target.get("lapse"), [target.get("lapse")]
    first, at = (calendar.reference(str(day), place) for day in (TRAINED, date(2026, 5, 19)))
    with past_of.read(settings, place, wanted, at, first=first) as known:
        return known.without(contacted or {}).rows(lapse)


def rows_of(rows: TrainingSet) -> set[tuple[int, str]]:
    return set(zip(rows.at_us.tolist(), rows.ids[rows.customers].tolist(), strict=True))


def test_live_weeks_are_fed_back_once_ticks_say_that_their_horizon_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=str(tmp_path), store="redis://127.0.0.1:1", wait_s=0)
    settings.countries_path.mkdir()
    (settings.countries_path / "AA.toml").write_text(LINE)
    place = country.load("AA", settings.countries_path)
    filled, dice = Log(settings, place), random.Random(5)
    made = orders(50, SEAM - 90 * DAY, SEAM + 90 * DAY)
    agreed = {"country": "AA", "occurred_at": SEAM - 80 * DAY, "channel": "phone", "given": True}
    consents = {
        one.customer_id: event.Consent(id=f"agreed-{one.customer_id}", customer_id=one.customer_id, **agreed)
        for one in made
    }
    for one in (*consents.values(), *(one for one in made if one.occurred_at < SEAM)):
        filled.take(replace(one, seen_at=one.occurred_at), SEAM, replayed=True)
    filled.mark(SEAM, replayed=True)
    filled.mark(SEAM + timedelta(minutes=1))
    told_twice = [one for one in made if one.occurred_at >= SEAM - DAY]
    for one in (one for one in told_twice if one.occurred_at < SEAM):
        filled.take(one, SEAM + timedelta(minutes=2))
    live = [one for one in told_twice if one.occurred_at >= SEAM]
    before, after, trained = (calendar.reference(str(day), place) for day in (BEFORE, AFTER, TRAINED))
    decided = calendar.add_days(after, 56 + place.late_allowance_days, place.zone)
    lived(filled, live, SEAM + timedelta(minutes=3), decided, dice)
    filled.mark(decided - timedelta(microseconds=1))
    filled.commit()

    assert not [one.error for one in fetch(settings, {place: (trained, before, after)}) if one.error]
    promote(settings, trained, place)
    for at in (before, after):
        export(settings, place, at)
    past = collect(settings, place)[0][0]
    assert past.dates == [str(BEFORE)] and past.waiting == [str(AFTER)], "a microsecond is missing"
    assert len(past) > 20 and past.y.tolist() == expected(filled, place, past)

    filled.mark(decided)
    lived(filled, live, decided, decided + 9 * DAY, dice)
    filled.commit()
    past = collect(settings, place)[0][0]
    assert past.dates == [str(BEFORE), str(AFTER)] and not past.waiting
    assert past.y.tolist() == expected(filled, place, past) and not past.removed
    for week in (0, 1):
        assert 3 < past.y[past.week == week].sum() < (past.week == week).sum() - 3, "both happened"
    repeated = len(told_twice) - len(live)
    assert repeated > 3 and np.unique(past.customers).size > 20

    whole = trained_rows(settings, place)
    assert lists.acted_on(settings, place) == ({}, [])
    called = sorted(listed(settings, place, before))[0]
    told = {"country": "AA", "customer_id": called, "channel": "phone", "reached": True}
    ids = {"list": f"AA-lapse-{BEFORE}", "elsewhere": None, "gone": "AA-lapse-2026-01-06"}
    for name, list_id in ids.items():
        filled.take(event.Outcome(id=name, list_id=list_id, occurred_at=before + DAY, **told), decided + 9 * DAY)
    filled.commit()
    acted, gone = lists.acted_on(settings, place)
    assert acted == {before: listed(settings, place, before)} and len(gone) == 1 and ids["gone"] in gone[0]
    left = trained_rows(settings, place, acted)
    away = rows_of(whole) - rows_of(left)
    assert {us for us, _ in away} == {to_us(before)} and {who for _, who in away} <= acted[before]
    assert left.removed == {past_of.ON_A_LIST: len(away)} and called in {who for _, who in away}
    assert not {who for us, who in rows_of(left) if us == to_us(before)} & acted[before]

    for name in ("home", "store", "wait_s"):
        monkeypatch.setenv(PREFIX + name.upper(), str(getattr(settings, name)))
    assert cli.main(["feedback", "AA"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Of ") and "over 2 Tuesdays" in said
