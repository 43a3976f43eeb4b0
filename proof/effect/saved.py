"""Whom to call: what a hundred calls save by risk and by what is saved, where every call's worth is known by twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from proof.effect.campaign import WEEKS, Arm, ListedRows, Works, everybody, new, nobody, rows
from proof.effect.hindsight import hindsight
from proof.figures import Figure
from proof.world.subscribers import Floats
from proof.world.world import World
from scorer.feedback.outcomes import first_listed
from scorer.feedback.uplift import CALLS, Uplift, ranking, uplift
from scorer.feedback.validation import SURE
from scv.events import country

SHOPS, OTHERS = 12, 4
"""So many seasons are learned from, and so many others of the same kind are called in, with none of their customers."""
WORLDS: dict[str, Works] = {
    "calls help the new": new, "calls help everybody": everybody, "calls help nobody": nobody,
}  # fmt: skip
ARMS: tuple[Arm, Arm] = ("everybody called", "everybody held out")
CLAIMS = 0.07


@dataclass(frozen=True)
class Saved:
    """Boxes of four weeks that a hundred calls saved, in truth, by risk, by risk and boxes, and by what is saved; and
    whether the page of the learned season claimed that the last is better than the first."""

    by_risk: float
    by_boxes: float
    by_saved: float
    claimed: bool


def saved(seed: int, customers: int) -> dict[str, Saved]:
    """One company that has learned for `SHOPS` seasons, for each of `WORLDS`."""
    worlds = [World(country.load("ZZ"), customers, WEEKS, 1_000 * seed + k) for k in range(SHOPS + OTHERS)]
    found = {}
    for name, works in WORLDS.items():
        past = hindsight(joined([rows(one, works=works) for one in worlds[:SHOPS]]))
        claim = ranking(past)
        called, held = (joined([rows(one, arm, works) for one in worlds[SHOPS:]]) for arm in ARMS)
        found[name] = _saved(uplift(past), called, held, claim is not None and claim.is_better)
    return found


def joined(seasons: Sequence[ListedRows]) -> ListedRows:
    """The rows of several worlds, whose customers are not each other's."""
    parts = [replace(one, customers=one.customers + 1_000_000 * k) for k, one in enumerate(seasons)]
    return ListedRows(
        **{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(ListedRows)}
    )


def _saved(known: Uplift, called: ListedRows, held: ListedRows, claimed: bool) -> Saved:
    """Of those whom both arms list first on the same Tuesday: until then they are the same life."""
    mine, theirs = _first(called), _first(held)
    both = sorted(mine.keys() & theirs.keys())
    i, j = (np.array([arm[key] for key in both]) for arm in (mine, theirs))
    boxes, p = held.boxes[j], held.p[j]
    worth = (held.y[j] - called.y[i]) * boxes
    kept = known.kept(hindsight(held).group[j])

    def of_half(score: Floats) -> float:
        return float(CALLS * worth[np.argsort(-score, kind="stable")[: len(both) // 2]].mean())

    by_risk = of_half(p)
    return Saved(by_risk, of_half(p * boxes), of_half(p * kept * boxes) if known.known else by_risk, claimed)


def _first(found: ListedRows) -> dict[tuple[int, int], int]:
    """(customer, first Tuesday on the list) → place of the row."""
    first = np.flatnonzero(first_listed(hindsight(found)))
    return {(int(found.customers[k]), int(found.week[k])): int(k) for k in first}


def worth(calls: Sequence[dict[str, Saved]]) -> Iterator[Figure]:
    """Boxes per hundred calls, mean over worlds, and what the page claims."""
    worlds = f"boxes per 100 calls, of {len(calls)} worlds"
    for name in WORLDS:
        told = [one[name] for one in calls]
        risk, boxes, own = np.array([(one.by_risk, one.by_boxes, one.by_saved) for one in told]).T
        more = own - risk
        error = SURE * float(more.std(ddof=1) / np.sqrt(len(more)))
        ratio = float(own.mean() / risk.mean()) if abs(risk.mean()) > 1 else None
        helps = name != "calls help nobody"
        yield Figure(
            name=f"{name}: saved by what is saved, beside by risk", ours=round(float(own.mean()), 2),
            peer=round(float(risk.mean()), 2), ratio=ratio, unit=worlds,
            bar=f"{more.mean():+.2f} ± {error:.2f}" + (", above 0" if helps else ""),
            ok=bool(more.mean() - error > 0) if helps else None,
        )  # fmt: skip
        yield Figure(
            name=f"{name}: saved by probability × boxes", ours=round(float(boxes.mean()), 2),
            peer=round(float(risk.mean()), 2), unit=worlds,
        )  # fmt: skip
        claims = float(np.mean([one.claimed for one in told]))
        yield Figure(
            name=f"{name}: worlds whose page calls it surely better", ours=round(claims, 3),
            unit=f"of {len(calls)} worlds",
            bar="" if helps else f"at most {CLAIMS:.0%}", ok=None if helps else claims <= CLAIMS,
        )  # fmt: skip
