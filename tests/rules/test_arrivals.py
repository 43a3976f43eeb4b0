"""The lake gives back what was delivered, as folds see it: every record of a customer, in log order."""

from __future__ import annotations

import random
from collections import defaultdict

import duckdb
import pytest
from msgspec.structs import replace

from proof.naive import sides, world
from proof.naive.sides import TableLake, lake_table
from scv.events.arrival import Arrival
from scv.events.event import FAMILIES, fields
from scv.offline.lake_version import LakeVersion

BERLIN = world.country("Europe/Berlin")


@pytest.mark.parametrize("family", FAMILIES)
def test_whatever_arrives_is_what_was_delivered(family: str) -> None:
    made = world.make(3, family, BERLIN)
    expected: dict[str, list[Arrival]] = defaultdict(list)
    absent = dict.fromkeys(fields(family))  # of a kind that has not all fields of its family
    for _, arrival in sides.arrivals(made.records, BERLIN):
        whole = replace(arrival, values=absent | arrival.values, claimed_seen_us=None)  # folds do not ask for it
        expected[arrival.customer_id].append(whole)
    assert len(expected) > 4 and max(map(len, expected.values())) > 20
    shuffled = list(made.records)
    random.Random(1).shuffle(shuffled)  # the order of a table means nothing
    with duckdb.connect() as connection:
        connection.register("given", lake_table(shuffled, family, BERLIN))
        connection.execute(f"CREATE TABLE lake_{family} AS SELECT * FROM given")
        assert dict(TableLake().arrivals(connection, family, BERLIN, LakeVersion({}))) == expected
