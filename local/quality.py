"""How good the demo's champions are: frozen, on later Tuesdays, beside baselines fitted on their own rows.

A win, calibrated, and the intervals are those of the definitions page, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from proof.figures import Figure
from scv.events.calendar import add_days, from_us
from scv.events.country import Country
from scv.model import metrics
from scv.model.bundle import Bundle, load
from scv.model.champion import champion
from scv.model.metrics import Interval, Quality
from scv.settings import Settings
from scv.targets.target import Target
from trainer import past
from trainer.baselines import baselines
from trainer.dataset import TrainingSet
from trainer.past import Past
from trainer.words import Contacts, contacts

if TYPE_CHECKING:
    from feast import FeatureStore

Peers = Callable[[TrainingSet], Mapping[str, Callable[[np.ndarray], np.ndarray]]]
"""Rows to fit on → by name, what gives probabilities to a whole matrix."""
AUC_SLACK = 0.003
RATIO = (0.9, 1.1)
SEED = 7
FRIDAY = 3
"""Days after a Tuesday."""


@dataclass(frozen=True)
class Span:
    """`frozen`: the Tuesday of the bundles; `last`: the last Tuesday that is judged; `known`: when its labels were
    mature, or any later instant."""

    frozen: datetime
    last: datetime
    known: datetime


@dataclass(frozen=True)
class Peer:
    """One baseline's figures, and ours minus its."""

    name: str
    figures: dict[str, float]
    loss: Interval
    auc: Interval

    @property
    def beaten(self) -> bool:
        """Log loss surely lower, AUC not worse by more than 0.003."""
        return self.loss.high < 0 and self.auc.value >= -AUC_SLACK


@dataclass(frozen=True)
class Judgement:
    """One target's figures on later Tuesdays."""

    target: str
    references: tuple[datetime, ...]
    customers: int
    ours: Quality
    peers: tuple[Peer, ...]
    contacts: Contacts

    @property
    def better_peer(self) -> Peer:
        """The baseline with the lower log loss."""
        return min(self.peers, key=lambda peer: peer.figures["log_loss"])

    @property
    def calibrated(self) -> bool:
        return is_calibrated(self.ours)


def is_calibrated(ours: Quality) -> bool:
    """Inside the bound, and neither too much nor too little said in all."""
    said = ours.figures
    return said["ece"] <= ours.ece_bound and RATIO[0] <= said["ratio"] <= RATIO[1]


def quality(
    bundle: Bundle, before: Past, after: Past, target: Target, last: datetime, fit: Peers = baselines
) -> Judgement:
    """Judge a bundle on the Tuesdays of `after` from its reference to `last`; `fit` the peers on `before`.

    `before` is the past that the bundle was trained on. Raises UserError where no label of `after` is mature.
    """
    fitted_on = before.rows(target)
    wide, mine = (
        _between(after.rows(target, columns), bundle, last) for columns in (fitted_on.columns, bundle.columns)
    )
    weights = metrics.draw_weights(mine.customers, SEED)
    p, y = bundle.score(mine.matrix), mine.y
    peers = []
    for name, score in fit(fitted_on).items():
        theirs = score(wide.matrix)
        differences = (
            measured(y, p, theirs, weights) for measured in (metrics.loss_difference, metrics.auc_difference)
        )
        peers.append(Peer(name, metrics.figures_of(y, theirs), *differences))
    return Judgement(
        target=target.name,
        references=tuple(from_us(int(us)) for us in mine.references),
        customers=len(np.unique(mine.customers)),
        ours=metrics.quality(y, p, weights, mine.at_us, SEED),
        peers=tuple(peers),
        contacts=contacts(mine, p, weights),
    )


def measure(
    settings: Settings,
    country: Country,
    targets: Sequence[Target],
    span: Span,
    store: FeatureStore | None = None,
    peers: Peers = baselines,
) -> list[Judgement]:
    """The quality of each target's champion, both pasts read from the lake. Targets without one are left out."""
    champions = {one: champion(settings, country.code, one.name) for one in targets}
    bundles = {one: load(path, country) for one, path in champions.items() if path is not None}
    with (
        past.read(settings, country, targets, span.frozen, store) as before,
        past.read(settings, country, targets, span.known, store, first=span.frozen) as after,
    ):
        return [quality(bundle, before, after, one, span.last, peers) for one, bundle in bundles.items()]


def on_fridays(settings: Settings, country: Country, targets: Sequence[Target], span: Span) -> dict[str, Quality]:
    """Target → how right its champion was between the Tuesdays, when a live scorer answers as well."""
    champions = {one: champion(settings, country.code, one.name) for one in targets}
    bundles = {one: load(path, country) for one, path in champions.items() if path is not None}
    found, friday = {}, add_days(span.frozen, FRIDAY, country.zone)
    with past.read(settings, country, targets, span.known, first=friday) as after:
        for one, bundle in bundles.items():
            rows = _between(after.rows(one, bundle.columns), bundle, span.last)
            weights = metrics.draw_weights(rows.customers, SEED)
            found[one.name] = metrics.quality(rows.y, bundle.score(rows.matrix), weights, rows.at_us, SEED)
    return found


def _between(rows: TrainingSet, bundle: Bundle, last: datetime) -> TrainingSet:
    kept = [int(us) for us in rows.references if bundle.info.reference <= from_us(int(us)) <= last]
    return rows.take(np.isin(rows.at_us, kept))


def calibrated(ours: Quality) -> str:
    """The bar of the calibration error, in words."""
    of, (low, high) = ours.figures, RATIO
    return (
        f"inside a perfect model's 95 %, customers and weeks drawn (rows drawn apart: {ours.ece_apart:.4f}; ours with "
        f"each week at its own level: {ours.shifted:.4f}); said / seen {of['ratio']:.2f} in {low} to {high}"
    )


def figures(found: Judgement) -> list[Figure]:
    """Rows for `proof.figures.write("quality", …)`: ours against the better baseline, with the bars."""
    peer, of, contacts = found.better_peer, found.ours.figures, found.contacts
    named = f"{found.target}: {{}} on {of['rows']:,} rows ({of['positives']:,} positive)"
    interval = f"{peer.loss.value:+.4f} [{peer.loss.low:+.4f}, {peer.loss.high:+.4f}]"
    return [
        Figure(
            name=named.format("log loss"),
            ours=of["log_loss"],
            peer=peer.figures["log_loss"],
            ratio=of["log_loss"] / peer.figures["log_loss"],
            bar=f"surely below {peer.name}: difference {interval}, upper end < 0",
            ok=peer.loss.high < 0,
        ),
        Figure(
            name=named.format("AUC"),
            ours=of["auc"],
            peer=peer.figures["auc"],
            ratio=of["auc"] / peer.figures["auc"],
            bar=f"at most {AUC_SLACK} below {peer.name}",
            ok=peer.auc.value >= -AUC_SLACK,
        ),
        Figure(
            name=f"{found.target}: calibration error",
            ours=of["ece"],
            peer=found.ours.ece_bound,
            ratio=of["ece"] / found.ours.ece_bound,
            bar=calibrated(found.ours),
            ok=found.calibrated,
        ),
        Figure(
            name=f"{found.target}: found among the {contacts.capacity} a week that can be contacted",
            ours=contacts.hits.value,
            peer=contacts.recency,
            ratio=contacts.hits.value / contacts.recency if contacts.recency else None,
            bar=f"by recency alone {contacts.recency:.0f}, by chance {contacts.chance:.0f}",
        ),
    ]
