"""A shadow beside its champion: what both said of the same customers at the same instants, of the served vectors."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from scorer.served import vector_file
from scorer.served.vector_file import ReadVector
from scv.model.bundle import Bundle
from scv.settings import Settings


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """How a shadow stands beside the champion over `pairs` answers.

    Means of the probabilities, the mean distance between them, `agree`: the share of answers in the same band by each
    model's own limits, `together`: how alike they rank (Spearman's correlation; None where one of them ranks nobody).
    """

    champion: str
    shadow: str
    pairs: int
    champion_mean: float
    shadow_mean: float
    apart: float
    agree: float
    together: float | None


def beside(settings: Settings, country: str, champion: Bundle, shadow: Bundle) -> Beside | None:
    """Of the answers that are kept; None where there is none that both were asked about."""
    pairs = np.array(list(_pairs(settings, country, champion, shadow)))
    if not len(pairs):
        return None
    mine, theirs = pairs.T
    bands = [[model.band(p, "") for p in said.tolist()] for model, said in ((champion, mine), (shadow, theirs))]
    alike = [one == other for one, other in zip(*bands, strict=True)]
    return Beside(
        champion=champion.info.id, shadow=shadow.info.id, pairs=len(pairs), champion_mean=float(mine.mean()),
        shadow_mean=float(theirs.mean()), apart=float(np.abs(mine - theirs).mean()),
        agree=float(np.mean(alike)), together=_together(mine, theirs),
    )  # fmt: skip


def _pairs(settings: Settings, country: str, champion: Bundle, shadow: Bundle) -> Iterator[tuple[float, float]]:
    for one in vector_file.read(settings.vectors_path):
        if isinstance(one, ReadVector) and one.served.country == country:
            said = {each.model: each.probability for each in one.served.scores if each.target == champion.info.target}
            if champion.info.id in said and shadow.info.id in said:
                yield said[champion.info.id], said[shadow.info.id]


def _together(a: np.ndarray, b: np.ndarray) -> float | None:
    mine, theirs = _ranks(a), _ranks(b)
    return float(np.corrcoef(mine, theirs)[0, 1]) if mine.std() > 0 and theirs.std() > 0 else None


def _ranks(values: np.ndarray) -> np.ndarray:
    """Equal ones share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
