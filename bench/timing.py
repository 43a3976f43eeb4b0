"""Timing contenders in turns, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proof.figures import Figure

TURN = 10
"""Calls of one contender before it is the next one's turn."""


def in_turns(
    contenders: Mapping[str, Callable[[Any], Any]], asked: Sequence[Any], turn: int = TURN
) -> dict[str, list[float]]:
    """Every contender answers every question, in turns of `turn` questions; another one begins each time. How long
    each call took, in seconds.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number, start in enumerate(range(0, len(asked), turn)):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            answer, seconds = contenders[name], times[name]
            for one in asked[start : start + turn]:
                began = time.perf_counter()
                answer(one)
                seconds.append(time.perf_counter() - began)
    return times


def faster(name: str, ours: float, peer: float, unit: str, at_least: float | None = None) -> Figure:
    """A row about times (less is better): `ratio` is how many times faster ours is."""
    return _judged(name, ours, peer, peer / ours, unit, at_least)


def more(name: str, ours: float, peer: float, unit: str, at_least: float | None = None) -> Figure:
    """A row about rates (more is better): `ratio` is how many times faster ours is."""
    return _judged(name, ours, peer, ours / peer, unit, at_least)


def _judged(name: str, ours: float, peer: float, ratio: float, unit: str, at_least: float | None) -> Figure:
    bar, ok = ("", None) if at_least is None else (f"≥ {at_least:g}×", ratio >= at_least)
    return Figure(name=name, ours=_short(ours), peer=_short(peer), ratio=round(ratio, 2), unit=unit, bar=bar, ok=ok)


def _short(value: float) -> float | int:
    return round(value) if value >= 100 else round(value, 2)


def fact(name: str, text: str) -> Figure:
    """A row that says something beside the numbers."""
    return Figure(name=name, ours=text)


def load() -> str:
    """How busy the machine is: a ratio bears it, an absolute number does not."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
