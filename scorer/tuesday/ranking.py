"""Who comes first on the list: the likeliest, or those with whom a contact is expected to save most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from scorer.feedback import uplift
from scorer.feedback.outcomes import collect, group_of
from scorer.feedback.uplift import Uplift
from scorer.scoring import Score
from scv.events.country import Country
from scv.settings import Settings

NOBODY = Uplift()


@dataclass(frozen=True)
class Order:
    """`of`: customer → what they are ranked by, highest first. `said`: how, where it is not by risk alone."""

    of: Mapping[str, tuple[float, ...]]
    said: str = ""


def order(
    settings: Settings, country: Country, at: datetime, scores: Sequence[Score], cents: Mapping[str, int]
) -> Order:
    """By probability, then value; or by probability × value × what a contact keeps, as far as outcomes that were known
    at the reference tell. Until they do it is by risk as well."""
    chances = {one.customer_id: one.targets[0].probability or 0.0 for one in scores}
    by_risk = {id: (chance, float(cents.get(id, 0))) for id, chance in chances.items()}
    if country.rank_by == "risk":
        return Order(by_risk)
    pasts, _ = collect(settings, country, until=at)
    learned = uplift.uplift(pasts[0]) if len(pasts[0]) else NOBODY
    if not learned.known:
        return Order(by_risk, "By risk: it cannot be told yet that a contact keeps anybody.")
    themes = [one.targets[0].reasons[0].theme if one.targets[0].reasons else None for one in scores]
    groups = [group_of(one.phase, theme) for one, theme in zip(scores, themes, strict=True)]
    kept = learned.kept(np.array(groups, dtype=object))
    saved = {one.customer_id: chances[one.customer_id] * share for one, share in zip(scores, kept, strict=True)}
    return Order(
        {id: (share * cents.get(id, 0), *by_risk[id]) for id, share in saved.items()},
        f"By what a contact is expected to save: probability × value × what contacts kept until now, "
        f"{100 * learned.average:.0f} % of it on average, by phase and theme.",
    )
