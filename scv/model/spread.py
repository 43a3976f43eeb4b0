"""How probabilities spread, and how far others have moved from that."""

from __future__ import annotations

import msgspec
import numpy as np

TENTHS = 10


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The shares (k + 1, they sum to 1) of probabilities that lie at or above none, one, … all of k rising `edges`."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


def spread_of(p: np.ndarray) -> Spread:
    """Cut at the tenths of some probabilities; where many are equal, at fewer places."""
    edges = np.unique(np.quantile(p, np.arange(1, TENTHS) / TENTHS))
    counts = _counts(edges, p)
    return Spread(edges=tuple(edges.tolist()), shares=tuple((counts / len(p)).tolist()))


def psi(spread: Spread, p: np.ndarray) -> float:
    """The population stability index of probabilities against a spread: 0 where they spread alike.

    By custom below 0.1 is the same, above 0.25 another population. Half a probability is added to every bin, so that
    an empty one is no infinity.
    """
    counts, bins = _counts(np.asarray(spread.edges), p), len(spread.shares)
    now = (counts + 0.5) / (len(p) + 0.5 * bins)
    then = (np.asarray(spread.shares) * len(p) + 0.5) / (len(p) + 0.5 * bins)
    return float(((now - then) * np.log(now / then)).sum())


def _counts(edges: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, p, side="right"), minlength=len(edges) + 1)
