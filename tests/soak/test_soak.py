"""What `make soak` says follows from what was measured: a leak is told from noise, and every bar can be missed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.verdict import Verdict
from tests.soak.figure import JUDGED_S, Soak, rows
from tests.soak.slope import Point, quantile, settled, slope

HALF_HOUR = 1800


def grown(mb_an_hour: float, noise: float = 0.3, warm_mb: float = 40.0, seed: int = 1) -> list[Point]:
    """A process that warms up for some minutes, then grows, with batches that come and go."""
    dice = random.Random(seed)
    return [
        Point(s, 100 + warm_mb * min(s / 400, 1) + mb_an_hour * s / 3600 + dice.choice([0, 0, 0, noise, 8 * noise]))
        for s in range(HALF_HOUR)
    ]


def soak(**changed: Any) -> Soak:
    """Half an hour in which every bar was reached."""
    one, steady = [Point(s, 0.01) for s in range(HALF_HOUR)], [Point(s, 20) for s in range(HALF_HOUR)]
    plain: dict[str, Any] = {
        "seconds": float(HALF_HOUR), "rates": {"events a second": (500.0, 500)}, "memory": {"online-1": grown(0)},
        "files": {"online-1": steady}, "lines": {"online-1": [Point(s, s // 20) for s in range(HALF_HOUR)]},
        "ages": one, "calls": {"SCORED": one}, "failed": {}, "month_files": 12, "lake_share": [Point(900, 1.3)],
        "ends": [], "verdict": Verdict(compared=9, arrivals=9),
    }  # fmt: skip
    return Soak(**plain | changed)


def missed(measured: Soak) -> list[str]:
    return [row.name for row in rows(measured) if row.ok is False]


@pytest.mark.parametrize("rate", [0.0, 1.0, 5.0, 60.0])
def test_the_slope_is_that_of_what_stays_and_its_interval_holds_it(rate: float) -> None:
    steep = slope(settled(grown(rate), HALF_HOUR / 3))
    assert steep.low - 0.1 <= rate <= steep.high + 0.1 and abs(steep.an_hour - rate) < 0.1
    assert steep.resolution < 0.1


def test_noise_widens_the_interval_and_does_not_look_like_growth() -> None:
    dice = random.Random(5)
    noisy = slope([Point(60 * block, 150 + dice.uniform(0, 4)) for block in range(20)])
    assert noisy.low < 0 < noisy.high and 5 < noisy.resolution < 30


def test_a_run_too_short_to_tell_says_so() -> None:
    assert slope([]).resolution == slope([Point(0, 1), Point(1, 9)]).resolution == float("inf")


def test_the_p99_is_a_value_that_was_measured() -> None:
    assert quantile([float(n) for n in range(1, 201)], 0.99) == 198


def test_a_calm_half_hour_misses_nothing() -> None:
    assert missed(soak()) == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"memory": {"online-1": grown(12)}}, "memory of online-1"),
        ({"files": {"online-1": [Point(s, 20 + s // 100) for s in range(HALF_HOUR)]}}, "open files of online-1"),
        (
            {"lines": {"online-1": [Point(s, s // 4) for s in range(HALF_HOUR)]}},
            "lines a minute in the log of online-1",
        ),
        ({"ages": [Point(s, 2.0 if s % 50 == 0 else 0.1) for s in range(HALF_HOUR)]}, "freshness, p99"),
        ({"ages": []}, "freshness, p99"),
        ({"calls": {"SCORED": [Point(0, 0.9)]}}, "score, SCORED, p99"),
        ({"failed": {"UNAVAILABLE": 1}}, "failed calls"),
        ({"rates": {"events a second": (420.0, 500)}}, "events a second"),
        ({"month_files": 16}, "files of a month in a table of the lake, the most"),
        ({"lake_share": [Point(900, 1.6)]}, "lake: bytes on disk / live, the most after warm-up"),
        ({"lake_share": []}, "lake: bytes on disk / live, the most after warm-up"),
        ({"ends": ["scorer (exit 1)"]}, "members that ended by themselves"),
        ({"verdict": Verdict(lost=1, compared=9)}, "lost"),
        ({"verdict": Verdict(dup=1, compared=9)}, "dup"),
        ({"verdict": Verdict(wrong=1, compared=9)}, "wrong"),
        ({"verdict": Verdict()}, "compared with the oracle"),
    ],
)
def test_each_bar_can_be_missed(changed: dict[str, Any], name: str) -> None:
    assert missed(soak(**changed)) == [name]


def test_the_target_is_there() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert "-m tests.soak $(ARGS)" in makefile.partition("\nsoak: ")[2].partition("\n\n")[0]


def test_a_short_run_shows_memory_and_disk_and_does_not_judge_them() -> None:
    short = soak(seconds=JUDGED_S - 1, memory={"online-1": grown(90)}, lake_share=[Point(900, 1.8)])
    memory, share = (row for row in rows(short) if "memory" in row.name or "disk" in row.name)
    assert memory.ok is share.ok is None
    assert float(memory.ours or 0) > 50 and share.ours == 1.8
    assert missed(short) == []
