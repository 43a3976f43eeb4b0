"""The long run: what it holds, and that it fails when it must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import pytest
from click.testing import CliRunner

from proof import figures
from proof.naive import census
from proof.naive.sides import TOLD, ParityTally
from scv.events.event import FAMILIES
from scv.features.fetcher import collect
from scv.targets.target import TARGETS
from tests.parity import long, simulated
from tests.parity.__main__ import LEAST, LEAST_EACH, main
from tests.parity.long import ROUND, SIMULATED, ZONES, Limits, Task

NEEDED = [*collect(), *(f"target {name}: {what}" for name in TARGETS for what in ("population", "label"))]


def test_a_round_holds_everything_in_every_zone_and_seeds_differ() -> None:
    first = list(islice(long.plan(1), ROUND))
    done = Counter((task.kind, task.what, task.zone) for task in first)
    everywhere = [("family", family) for family in FAMILIES] + [("targets", one) for one in ("recorded", "derived")]
    assert {(*one, zone) for one, zone in product(everywhere, ZONES)} <= done.keys()
    assert {("simulated", code, "") for code in SIMULATED} <= done.keys()
    assert {kind for kind, _, _ in done} == set(long.RUN)
    assert first == list(islice(long.plan(1), ROUND)) and not set(first) & set(islice(long.plan(1000), ROUND))


def test_a_task_compares_and_one_that_breaks_counts_as_wrong() -> None:
    good = long.run(Task("family", "profile", "Asia/Tehran", 3))
    assert good.compared["profile"] > LEAST_EACH and good.wrong == []
    bad = long.run(Task("family", "profile", "Asia/Nowhere", 3))
    assert bad.mismatches.total() == 1
    assert "seed 3: ZoneInfoNotFoundError" in bad.wrong[0]


@pytest.mark.slow
def test_a_simulated_country_is_climbed_to_its_open_boxes() -> None:
    tally = ParityTally()
    simulated.climb("ZZ", customers=12, weeks=10, seed=3, tally=tally, sample=6)
    assert tally.wrong == [] and tally.census[simulated.OPEN_BOXES] > 10


def test_processes_add_up() -> None:
    heard: list[float] = []
    found, done = long.climb(iter(SMALL), Limits(0, 0, 0), 1, lambda _, gone: heard.append(gone))
    assert done == len(SMALL) and heard
    assert found.compared == sum((long.run(task).compared for task in SMALL), Counter())


@pytest.mark.parametrize(
    ("gone_s", "started", "compared", "more"),
    [(59, 9, 100, True), (60, 9, 100, False), (60, 9, 99, True), (180, 9, 99, False), (999, 8, 100, True)],
    ids=["in time", "time is up", "not enough yet", "never enough", "the first round"],
)
def test_when_it_ends(gone_s: float, started: int, compared: int, more: bool) -> None:
    assert Limits(1, 3, 100, tasks=9).more(gone_s, started, compared) == more


SMALL = [Task("family", "mail", zone, 1) for zone in ZONES[:2]]


def enough(fetcher: int = LEAST_EACH, total: int = LEAST) -> ParityTally:
    tally = ParityTally(Counter(dict.fromkeys(NEEDED, LEAST_EACH)))
    tally.compared["profile"] = fetcher
    tally.compared["folds"] = total - tally.compared.total()
    met = [*(f"{side} at {name}" for side, name in product(("batch", "row"), census.INSTANTS)), *census.DIRT]
    tally.census.update(f"{zone}: {name}" for zone in ZONES for name in met)
    return tally


def tidy() -> ParityTally:
    tally = enough()
    tally.census[f"Europe/Berlin: row at {census.BACK}"] = 0
    return tally


def in_kolkata() -> ParityTally:
    """Where no clock changes, there is no half hour around a change."""
    tally = enough()
    tally.census[f"Asia/Kolkata: row at {census.BACK}"] = 0
    return tally


def wrong() -> ParityTally:
    tally = enough()
    tally.differ("orders", "orders__count differs")
    return tally


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (enough, 0),
        (lambda: enough(fetcher=LEAST_EACH - 1), 1),
        (lambda: enough(total=LEAST - 1), 1),
        (lambda: enough(fetcher=0), 1),
        (wrong, 1),
        (tidy, 1),
        (in_kolkata, 0),
        (ParityTally, 1),
    ],
    ids=["enough", "spared", "too few", "a fetcher at zero", "a mismatch", "no change met", "no change", "nothing"],
)
def test_it_fails_when_it_must(
    made: Callable[[], ParityTally], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long, "climb", lambda *_: (made(), 1))
    found = CliRunner().invoke(main, ["--minutes", "1", "--figures", str(tmp_path)])
    assert found.exit_code == code, found.output
    rows = {row.name: row for row in figures.read("parity_proof", tmp_path)}
    assert all(row.ok for row in rows.values() if row.ok is not None) == (code == 0)
    assert set(NEEDED) <= rows.keys()
    assert ("orders__count differs" in found.stderr) == (made is wrong)


def test_a_tally_counts_all_mismatches_and_tells_the_first() -> None:
    one, other = ParityTally(), ParityTally()
    for number in range(TOLD):
        one.note("phases", str(number), 1, 2)
        other.note("phases", str(number), 1, 1)
        other.note("phases", str(number), 1, 2, counted=False)
    one.add(other)
    assert (one.compared["phases"], one.mismatches["phases"], len(one.wrong)) == (2 * TOLD, 2 * TOLD, TOLD)


def test_a_simulated_country_compares_and_asks_for_its_boxes() -> None:
    tally = ParityTally()
    simulated.climb("ZZ", customers=60, weeks=6, seed=1, tally=tally, sample=12)
    assert tally.wrong == [] and tally.compared["lifecycle"] > 0 < tally.census[simulated.OPEN_BOXES]
