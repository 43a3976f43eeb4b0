"""A dirty town through a broker and both consumers: at two barriers every way to a value equals the naive oracle, and
so does every score: the server's, the export's and the one that the oracle's features give.

The embedded broker and store, or those that CEREBRO_TEST_BROKER and CEREBRO_TEST_STORE name; `make test-real` runs
the same on Apache Kafka and redis-server.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from proof import figures
from proof.naive import oracle
from proof.naive.sides import ParityTally
from scv.events import event
from scv.features import fetcher
from scv.settings import Settings
from tests.flow import passage, town
from tests.flow.conftest import CHOSEN, EMBEDDED
from tests.flow.town import LATER, TUESDAY, Town
from tests.flow.ways import Compared

ROOT = Path(__file__).parents[2]


def test_every_way_equals_the_oracle_at_two_barriers(live: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    made = town.make(live.home_path)
    found = passage.go(live, made)
    the_dirt_was_there(made, found.sent, found.counted)
    rows = [*figures_of(found.compared), *figures_of_scores(found.scored)]
    figures.write("parity_flow" if CHOSEN == EMBEDDED else "parity_flow_real", rows, ROOT / "build" / "figures")
    with capsys.disabled():
        print(said(found.compared, found.sent, len(made.customers)))
        print(f"{found.scored.mismatches.total()} mismatches of {found.scored.compared.total():,} scores and phases.")
    assert found.wrong == []
    assert [row.name for row in rows if not row.ok] == []


def the_dirt_was_there(made: Town, sent: int, counted: list[dict[str, Any]]) -> None:
    """What was sent arrived, twice, late, too late, refused, forgotten and out of order."""
    logs = made.logs(TUESDAY, LATER)
    assert sent == sum(map(len, logs.values()))
    refused = sum(oracle.fact_of(one, made.country) is None for log in logs.values() for one in log)
    assert refused > 10
    for one in counted:
        assert (one["delivered"], sum(one["dead"].values())) == (sent - refused, refused)
    judged = (oracle.judged(log, made.country, who) for log in logs.values() for who in made.customers)
    verdicts = Counter(verdict for found in judged for _, verdict in found)
    assert min(verdicts["admitted"], verdicts["too late"], verdicts["repeated"] + verdicts["changed"]) > 100, verdicts
    assert town.out_of_order(logs) > 100
    assert sum(isinstance(one, event.Erased) for log in logs.values() for one in log) > 5


def figures_of(compared: Compared) -> list[figures.Figure]:
    """Per way and fetcher: mismatches as ours, compared values as peer."""
    rows, bar = [], "0 mismatches, more than 0 compared"
    for way, tally in compared.tallies.items():
        for name in fetcher.collect():
            count, differ = tally.compared[name], tally.mismatches[name]
            what = f"oracle = {way}: {name}"
            rows.append(
                figures.Figure(name=what, ours=differ, peer=count, unit="values", bar=bar, ok=differ == 0 < count)
            )
    return rows


def figures_of_scores(scored: ParityTally) -> list[figures.Figure]:
    """Per target (and for phases): mismatches of server and export with the oracle's score, and of each other."""
    ways = [f"{way}, {target}" for way in ("server", "export", "server = export") for target in town.TARGETS]
    return [
        figures.Figure(
            name=f"score, {name}", ours=scored.mismatches[name], peer=scored.compared[name], unit="scores",
            bar="0 mismatches, more than 0 compared", ok=scored.mismatches[name] == 0 < scored.compared[name],
        )
        for name in (*ways, "phases")
    ]  # fmt: skip


def said(compared: Compared, sent: int, customers: int) -> str:
    """A table: compared values by fetcher and way."""
    ways = list(compared.tallies)
    lines = [f"{'compared with the oracle':<25}" + "".join(f"{way:>18}" for way in ways)]
    for name in fetcher.collect():
        lines.append(f"{name:<25}" + "".join(f"{compared.tallies[way].compared[name]:>18,}" for way in ways))
    total = sum(tally.compared.total() for tally in compared.tallies.values())
    wrong = sum(tally.mismatches.total() for tally in compared.tallies.values())
    end = f"{wrong} mismatches of {total:,} values; {sent:,} arrivals, {customers} customers, two barriers."
    return "\n".join(["", *lines, end])
