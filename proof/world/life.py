"""Lives of a chunk of subscribers: their clean events, and the exact hazards that made them.

Nothing here is real. The last instant is local midnight of `world.ends_on`; every event is seen before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from proof.world import climate as climates
from proof.world import words
from proof.world.chronicle import Chronicle
from proof.world.climate import ClimateWeek
from proof.world.diary import Diary
from proof.world.dirt import dirty
from proof.world.engine import Happened, live_on
from proof.world.hazards import targets
from proof.world.subscribers import ABSENT, ACTIVE, STATUSES, birth
from proof.world.world import World
from scv.events import calendar
from scv.events.country import Country
from streams.replay.columns import INSTANT

HAZARDS = ("cancellation", "pause", "reactivation", "involuntary")
TRUTH = pa.schema(
    [("country", pa.string()), ("customer_id", pa.string()), ("event_timestamp", INSTANT), ("status", pa.string())]
    + [(name, pa.float64()) for name in HAZARDS]
)


class Chunk(NamedTuple):
    """`events`: clean, in the wide schema, in order of seen_at, occurred_at and id, ids globally unique.

    `truth` (`TRUTH`): a row per customer and reference week at which he exists (once started), with his chances of
    the week after it given everything latent; null where he is not asked. See `hazards.targets`.
    """

    events: pa.Table
    truth: pa.Table


def live(world: World, chunk: int) -> Chunk:
    """The lives of one chunk. The same whatever chunks are lived before it, or follow it."""
    code, climate = world.country.code, climates.of(world)
    s, fate = birth(world, chunk), world.random(chunk, "fate")
    diary = Diary(words.of_world(world))
    chronicle = Chronicle(world, chunk, diary)
    truths = []
    for number in range(world.weeks):
        s, happened = live_on(s, ClimateWeek(climate, number), fate)
        chronicle.write(happened)
        truths.append(_truth(world, happened))
    ids = customer_ids(s.number)
    events = diary.table(code, f"{code}-{world.seed}-{chunk}", ids, world.end_us)
    return Chunk(events, _table(code, ids, truths))


def simulate(country: Country, customers: int = 200, weeks: int = 30, seed: int = 7, clean: bool = False) -> pa.Table:
    """All chunks of a small world in memory, as one table in the wide schema; equal arguments give equal tables.

    `clean` leaves out late, duplicate and conflicting arrivals. Raises UserError when the weeks do not fit into the
    country's span or a number makes no sense.
    """
    world = World(country, customers, weeks, seed)
    tables = []
    for chunk in range(world.chunks):
        events = live(world, chunk).events
        tables.append(events if clean else dirty(events, world.random(chunk, "dirt"), world.end_us, country))
    return pa.concat_tables(tables)


def customer_ids(numbers: np.ndarray) -> pa.Array:
    """The ids of customers by number: `c0000012`."""
    return pa.array([f"c{number:07d}" for number in numbers.tolist()])


Told = dict[str, np.ndarray]


def _truth(world: World, happened: Happened) -> Told:
    s, week = happened.before, happened.week
    who = np.flatnonzero(s.status != ABSENT)
    found = {name: values[who] for name, values in targets(s, week, happened.hazards).items()}
    at, status = calendar.to_us(world.reference(week.number)), np.where(s.running(week.day), ACTIVE, s.status)
    return {"who": who, "status": status[who], "at": np.full(len(who), at), **found}


def _table(code: str, ids: pa.Array, truths: list[Told]) -> pa.Table:
    whole = {name: np.concatenate([told[name] for told in truths]) for name in truths[0]}
    columns = {
        "country": pa.DictionaryArray.from_arrays(np.zeros(len(whole["who"]), dtype=np.int8), [code]),
        "customer_id": pa.DictionaryArray.from_arrays(whole["who"].astype(np.int32), ids),
        "event_timestamp": pa.array(whole["at"]).cast(pa.timestamp("us")),
        "status": pa.DictionaryArray.from_arrays(whole["status"].astype(np.int8), list(STATUSES)),
    } | {name: pa.array(whole[name], mask=np.isnan(whole[name])) for name in HAZARDS}
    return pa.table([columns[name].cast(TRUTH.field(name).type) for name in TRUTH.names], schema=TRUTH)
