"""What a trial did to the data: every acknowledged event against the lake, every row against the oracle."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow.dataset as ds
from deltalake import DeltaTable
from msgspec.structs import replace

from proof.naive import oracle
from proof.naive.sides import same
from scv.events import event
from scv.events.calendar import day_of, to_us
from scv.events.country import Country
from scv.events.event import ENVELOPE, Event, tag
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.offline.lake import Lake
from scv.online.row import unpack
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.kafka import topics
from tests.streams import shop, topic_reading

KINDS = {family: {tag(kind): kind for kind in kinds} for family, kinds in event.FAMILIES.items()}


@dataclass
class Verdict:
    """`lost` acknowledged events, `dup` places of the log that the lake holds twice, `wrong` of `compared` values."""

    lost: int = 0
    dup: int = 0
    wrong: int = 0
    compared: int = 0
    arrivals: int = 0
    said: list[str] = field(default_factory=list)

    def differ(self, text: str) -> None:
        self.wrong += 1
        if len(self.said) < 10:
            self.said.append(text)


def judge(
    settings: Settings, client: Any, acked: dict[str, Event], country: Country, customers: Collection[str] | None = None
) -> Verdict:
    """Consumers stand still and hold everything; of some customers, or of all."""
    verdict, held = Verdict(), set[str]()
    for family in event.FAMILIES:
        log = _log_of(settings, family, acked, verdict, customers)
        held |= {one.id for one in log}
        _compare(RowStore(client), family, log, country, verdict, customers)
    missing = acked.keys() - held
    verdict.lost = len(missing)
    verdict.said += [f"lost {acked[id]}" for id in sorted(missing)[:3]]
    return verdict


def _log_of(
    settings: Settings, family: str, acked: dict[str, Event], verdict: Verdict, customers: Collection[str] | None
) -> list[Event]:
    """A family's events as its table holds them, in log order; each is what was sent under its id."""
    chosen = None if customers is None else ds.field("customer_id").isin(list(customers))
    rows_or_marks = None if chosen is None else chosen | (ds.field("kind") == "watermark")
    stored = DeltaTable(str(Lake(settings.lake_path).table_path(family)))
    table = stored.to_pyarrow_table(filters=rows_or_marks).to_pylist()
    table.sort(key=lambda row: (row["epoch"], row["partition"], row["offset"]))
    rows = [row for row in table if row["kind"] != "watermark"]
    places = Counter((row["epoch"], row["partition"], row["offset"]) for row in rows)
    verdict.dup += sum(count - 1 for count in places.values())
    verdict.arrivals += len(rows)
    _keep_promises(table, verdict)
    log = [_event_of(family, row) for row in rows]
    for one in log:
        sent = acked.get(one.id)
        if sent is not None and _without_seen(one) != _without_seen(sent):
            verdict.differ(f"{sent} lies in the lake as {one}")
    return log


def _without_seen(one: Event) -> Event:
    """On wall time the broker says when an event was seen."""
    return replace(one, seen_at=None)


def _keep_promises(table: list[dict[str, Any]], verdict: Verdict) -> None:
    """What lies behind a watermark in its partition was not seen before it."""
    newest: dict[tuple[Any, ...], Any] = {}
    for row in table:
        place = (row["country"], row["epoch"], row["partition"])
        if row["kind"] == "watermark":
            newest[place] = row["seen_at"]
        elif place in newest and row["seen_at"] < newest[place]:
            verdict.differ(f"{row['id']}, seen at {row['seen_at']}, lies behind the watermark {newest[place]}")


def _event_of(family: str, row: dict[str, Any]) -> Event:
    kind = KINDS[family][row["kind"]]
    values = {name: row[name] for name in kind.__struct_fields__ if name not in ENVELOPE}
    envelope = {name: row[name] for name in ("id", "country", "customer_id", "seen_at")}
    return kind(**envelope, occurred_at=row["claimed_at"], **values)


def _compare(
    store: RowStore,
    family: str,
    log: list[Event],
    country: Country,
    verdict: Verdict,
    customers: Collection[str] | None,
) -> None:
    at = max([shop.AT, *(one.seen_at or shop.AT for one in log)]) + timedelta(days=1)
    mine: dict[str, list[Event]] = defaultdict(list)
    for one in log:
        mine[one.customer_id].append(one)
    judged = {name: oracle.judged(events, country, name) for name, events in mine.items()}
    for fetcher in of_family(family):
        layout, live = layout_of(fetcher), {}
        for customer, data in shop.rows(store, layout.field, country.code).items():
            if customers is not None and customer not in customers:
                continue
            _, row = unpack(data, layout, country)
            live[customer] = row.read(day_of(to_us(at), country.zone)) if row.exists else None
        for customer in sorted(judged.keys() | live.keys()):
            wanted = oracle.values(judged.get(customer, []), country, fetcher, at) or {}
            ours = live.get(customer) or {}
            for name in wanted.keys() | ours.keys():
                left, right = ours.get(name), wanted.get(name)
                if left is None and right is None:
                    continue
                verdict.compared += 1
                if not same(left, right):
                    verdict.differ(f"{fetcher.name}__{name} of {customer}: {left!r}, the oracle says {right!r}")


def letters(settings: Settings) -> int:
    """Dead letters, as the topics of the broker hold them."""
    names = [topics.dead_letters(settings, family) for family in event.FAMILIES]
    return len(topic_reading.read(settings, *topic_reading.described(settings, names).values()))
