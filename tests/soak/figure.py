"""What a soak came to, against its bars: rows of `build/figures/soak.json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from proof.figures import Figure
from tests.faults.verdict import Verdict
from tests.soak.slope import WARM_SHARE, Point, quantile, settled, slope

JUDGED_S = 15 * 60
"""A shorter run shows memory and the lake's disk and does not judge them: what a process warms up with looks like
growth, and of a lake that holds next to nothing most is Delta's log."""
SHORT = f"none below {JUDGED_S // 60} minutes"
MB_AN_HOUR = 1.0
FRESH_S = 1.0
SCORE_S = 0.5
"""As the alert CerebroScoresSlow has it."""
LINES_A_MINUTE = 10
MONTH_FILES = 15
LAKE_SHARE = 1.5
KEPT_UP = 0.95
"""Of the rate that was asked for; below that the machine was too small, and the run says little."""


@dataclass(frozen=True)
class Soak:
    """All that was measured in `seconds`; points by member, ages and calls in seconds, `ends` last words of members."""

    seconds: float
    rates: Mapping[str, tuple[float, float]]
    """What → how often a second it happened, and was to happen."""
    memory: Mapping[str, Sequence[Point]]
    files: Mapping[str, Sequence[Point]]
    lines: Mapping[str, Sequence[Point]]
    ages: Sequence[Point]
    calls: Mapping[str, Sequence[Point]]
    failed: Mapping[str, int]
    month_files: int
    lake_share: Sequence[Point]
    ends: Sequence[str]
    resident: Mapping[str, float] = field(default_factory=dict)
    """MB in the end, pages of program files included."""
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def warm_s(self) -> float:
        return self.seconds * WARM_SHARE


def rows(soak: Soak) -> Iterator[Figure]:
    """Every figure; those with a bar are judged."""
    for what, (rate, wanted) in soak.rates.items():
        yield _at_least(what, rate, wanted)
    verdict = soak.verdict
    for what, count in {"lost": verdict.lost, "dup": verdict.dup, "wrong": verdict.wrong}.items():
        yield Figure(name=what, ours=count, peer=verdict.compared, unit="values", bar="0", ok=count == 0)
    yield Figure(name="compared with the oracle", ours=verdict.compared, bar="some", ok=verdict.compared > 0)
    yield from _times("freshness", [point.value for point in soak.ages], FRESH_S)
    for status, points in sorted(soak.calls.items()):
        yield from _times(f"score, {status}", [point.value for point in points], SCORE_S)
    yield _none("failed calls", dict(soak.failed))
    for name in soak.memory:
        yield _memory(soak, name)
        yield _open_files(soak, name)
        yield _log(soak, name)
    for name, mb in soak.resident.items():
        yield Figure(name=f"resident memory of {name}, program files included", ours=round(mb), unit="MB")
    yield _at_most("files of a month in a table of the lake, the most", soak.month_files, MONTH_FILES)
    shares = [point.value for point in soak.lake_share if point.at_s >= soak.warm_s]
    share = _at_most("lake: bytes on disk / live, the most after warm-up", max(shares, default=math.nan), LAKE_SHARE)
    yield share if soak.seconds >= JUDGED_S else msgspec.structs.replace(share, bar=SHORT, ok=None)
    yield Figure(name="members that ended by themselves", ours=len(soak.ends), bar="0", ok=not soak.ends)


def _memory(soak: Soak, name: str) -> Figure:
    """Missed where it surely grows by more than the bar: where the whole interval lies above."""
    points = settled(soak.memory[name], soak.warm_s)
    grows, begin, end = slope(points), points[0].value, points[-1].value
    judged = soak.seconds >= JUDGED_S
    between = f"95 %: {grows.low:,.1f} to {grows.high:,.1f}; {begin:,.0f} MB, then {end:,.0f}"
    return Figure(
        name=f"memory of {name}",
        ours=round(grows.an_hour, 2),
        peer=round(grows.resolution, 2) if math.isfinite(grows.resolution) else None,
        unit=f"MB/h ({between}); peer: what this run can tell",
        bar=f"not surely over {MB_AN_HOUR:g} MB/h" if judged else SHORT,
        ok=grows.low <= MB_AN_HOUR if judged else None,
    )


def _open_files(soak: Soak, name: str) -> Figure:
    """The least of the last block is no more than the most of the first."""
    later = [point for point in soak.files[name] if point.at_s >= soak.warm_s]
    tenth = max(len(later) // 10, 1)
    begin, end = max(point.value for point in later[:tenth]), min(point.value for point in later[-tenth:])
    return Figure(
        name=f"open files of {name}", ours=int(end), peer=int(begin), unit="files", bar="no growth", ok=end <= begin
    )


def _log(soak: Soak, name: str) -> Figure:
    later = [point for point in soak.lines[name] if point.at_s >= soak.warm_s]
    minutes = max(later[-1].at_s - later[0].at_s, 1.0) / 60
    return _at_most(
        f"lines a minute in the log of {name}", (later[-1].value - later[0].value) / minutes, LINES_A_MINUTE
    )


def _times(what: str, seconds: Sequence[float], bar_s: float) -> Iterator[Figure]:
    unit = f"s, {len(seconds):,} times"
    yield Figure(name=f"{what}, p50", ours=round(quantile(seconds, 0.5), 4), unit=unit)
    p99 = quantile(seconds, 0.99)
    yield Figure(name=f"{what}, p99", ours=round(p99, 4), unit=unit, bar=f"≤ {bar_s:g} s", ok=p99 <= bar_s)
    yield Figure(name=f"{what}, the most", ours=round(max(seconds, default=math.nan), 4), unit=unit)


def _at_most(name: str, ours: float, most: float) -> Figure:
    return Figure(name=name, ours=round(ours, 2), bar=f"≤ {most:g}", ok=ours <= most)


def _at_least(name: str, ours: float, wanted: float) -> Figure:
    least = KEPT_UP * wanted
    ratio = round(ours / wanted, 3)
    return Figure(name=name, ours=round(ours, 1), peer=wanted, ratio=ratio, bar=f"≥ {least:g}", ok=ours >= least)


def _none(name: str, counts: Mapping[str, int]) -> Figure:
    said = ", ".join(f"{what} {count}" for what, count in sorted(counts.items())) or 0
    return Figure(name=name, ours=said, bar="0", ok=not counts)
