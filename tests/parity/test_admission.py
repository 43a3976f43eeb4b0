"""Which arrivals count: the stream's judge = SQL = the oracle, verdict by verdict."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest

from proof.naive import world
from proof.naive.sides import PLACE, SqlSide, arrivals, oracle_verdicts, write_figures
from proof.naive.world import DirtyWorld, LoggedEvent
from scv.events import admission
from scv.events.event import FAMILIES, Event
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.offline.lake import content
from scv.online.row import Row, unpack

PLACES = (("America/New_York", 35), ("Europe/Berlin", 7), ("Australia/Sydney", 35), ("Pacific/Auckland", 1))
WORLDS = 200
SHARES = 8
SEEN: Counter[str] = Counter()
Verdicts = dict[str, list[tuple[str, str, str]]]


def by_stream(made: DirtyWorld, records: Sequence[LoggedEvent], seed: int) -> Verdicts:
    """Rows judge; they are stored, pruned and loaded at random moments."""
    rng, layout = random.Random(seed), layout_of(of_family(made.family)[0])
    rows: dict[str, Row] = {}
    found: Verdicts = {}
    for record, arrival in arrivals(records, made.country):
        name = arrival.customer_id
        row = rows.setdefault(name, Row(layout, made.country))
        verdict = row.take(arrival)
        if verdict is None:
            found[name] = []
        else:
            found.setdefault(name, []).append((record.event.id, str(arrival.claimed_us), verdict))
        if rng.random() < 0.4:
            _, rows[name] = unpack(row.pack(PLACE, record.offset), layout, made.country)
    return {name: verdicts for name, verdicts in found.items() if verdicts}


def by_sql(made: DirtyWorld, records: Sequence[LoggedEvent]) -> Verdicts:
    found: Verdicts = {}
    with SqlSide(records, made.family, made.country) as table:
        judged = admission.sql(table.query, made.country.lateness_days, content(made.family))
        ordered = f'SELECT customer_id, id, claimed_us, verdict FROM ({judged}) ORDER BY epoch, "partition", "offset"'
        for name, id, claimed, verdict in table.connection.execute(ordered).fetchall():
            found.setdefault(name, []).append((id, str(claimed), verdict))
    return found


def by_oracle(made: DirtyWorld, log: Sequence[Event]) -> Verdicts:
    judged = oracle_verdicts(log, made.country)
    return {
        name: [(fact.id, str(round(fact.claimed.timestamp() * 1e6)), verdict) for fact, verdict in verdicts]
        for name, verdicts in judged.items()
        if verdicts
    }


@pytest.mark.parametrize("share", range(SHARES))
def test_the_three_judges_agree(share: int) -> None:
    for seed in range(share, WORLDS, SHARES):
        place, family = PLACES[seed % len(PLACES)], list(FAMILIES)[seed // 4 % len(FAMILIES)]
        made = world.make(seed, family, world.country(*place), customers=3, events_each=20)
        records = list(made.records)
        if seed % 3 == 0:  # the whole log is sent twice
            records += [LoggedEvent(r.epoch + 2, r.partition, r.offset, r.event) for r in records]
        expected = by_oracle(made, [record.event for record in records])
        assert by_stream(made, records, seed) == expected, f"world {seed}"
        assert by_sql(made, records) == expected, f"world {seed}"
        SEEN.update(verdict for verdicts in expected.values() for _, _, verdict in verdicts)


def test_every_verdict_was_seen() -> None:
    if not SEEN:
        pytest.skip("runs after the comparisons of this file")
    write_figures("admission", [(f"arrivals {verdict}", SEEN[verdict], 1, "arrivals", 100) for verdict in sorted(SEEN)])
    assert all(SEEN[verdict] > 100 for verdict in get_args(admission.Verdict)), SEEN
