"""Everybody's scores by three ways: the server's over the wire, Tuesday's export, and a score of the oracle's features.

The champions are models of the town itself, fitted to the oracle's values and to outcomes by lot: what they say means
nothing, but they read every column, the derived ones and the phase, and tell people apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from proof.naive.sides import ParityTally, same
from rpc import scorer_pb2
from rpc.client import ScorerClient
from scorer.live.server import Server
from scorer.tuesday.export import export
from scv.events.country import Country
from scv.model import bundle, champion, vector
from scv.model.bundle import Bundle
from scv.model.calibration import Logistic
from scv.settings import Settings
from tests import champions, oracle_targets
from tests.flow.town import Logs
from tests.flow.ways import Place, Values

Said = tuple[str, float | None]
"""Status and probability."""
Scores = Mapping[tuple[str, str], Said]
"""(customer, target) → what was said."""


def columns_of(values: Values) -> dict[str, list[Any]]:
    names = next(iter(values.values()))
    return {name: [one[name] for one in values.values()] for name in names}


def train(place: Place, expected: Values) -> None:
    """A champion for every target of the country."""
    features = columns_of(expected)
    columns = vector.candidates(features, place.country)
    matrix = vector.matrix(features, columns)
    for number, name in enumerate(place.country.targets):
        rng = np.random.default_rng(number)
        y = rng.integers(0, 2, len(matrix)).astype(float)
        text = champions.grown(matrix, y, 25, num_leaves=6, feature_fraction=0.3, feature_fraction_seed=number)
        k = len(columns)
        weights = tuple(rng.normal(0, 0.2, k).tolist())
        info = champions.told(
            place.country, name, columns, features, y, place.at, offset=0.1, weight=0.4,
            logistic=Logistic(intercept=-0.5, coefficients=weights, means=(1.0,) * k, sds=(2.0,) * k),
        )  # fmt: skip
        champions.promoted(place.settings, place.country, info, text)


def told(place: Place, expected: Values, logs: Logs) -> tuple[Scores, dict[str, str]]:
    """What the oracle's features and populations say, through the champions; and each known customer's phase."""
    found: dict[tuple[str, str], Said] = {}
    phases: dict[str, str] = {}
    stories = {name: oracle_targets.story(logs, place.country, name) for name in expected}
    features = columns_of(expected)
    for target in place.country.targets:
        probabilities = _model(place.settings, place.country, target, features)
        for (name, one), probability in zip(stories.items(), probabilities, strict=True):
            known = any(fact.seen < place.at for facts in one.admitted.values() for fact in facts)
            asked = known and oracle_targets.ASKED[target](one, place.at)
            status = "SCORED" if asked else "NOT_APPLICABLE" if known else "UNKNOWN_CUSTOMER"
            found[name, target] = (status, probability if asked else None)
            if known:
                phases[name] = oracle_targets.phase(one, place.at)
    return found, phases


def _model(settings: Settings, country: Country, target: str, features: Mapping[str, list[Any]]) -> list[float]:
    loaded: Bundle = bundle.load(champion.folder(settings, country.code, target) / f"{target}-1", country)
    return loaded.score(loaded.matrix(features)).tolist()


def served(place: Place) -> tuple[Scores, dict[str, str]]:
    """The replies of a server of its own, over gRPC; and each known customer's phase."""
    found: dict[tuple[str, str], Said] = {}
    server = Server(place.settings, "127.0.0.1:0", insecure=True)
    server.start()
    try:
        with ScorerClient(server.address, timeout_s=30) as client:
            replies = list(client.score_batch(place.country.code, list(place.customers)))
    finally:
        server.stop(1)
    for reply in replies:
        for one in reply.targets:
            status = scorer_pb2.Status.Name(one.status)
            found[reply.customer_id, one.target] = (status, one.probability if status == "SCORED" else None)
    return found, {reply.customer_id: reply.phase for reply in replies if reply.known}


def exported(place: Place) -> Scores:
    """Everyone in the Parquet file of Tuesday's export."""
    rows = export(place.settings, place.country, place.at).week.scores().to_pylist()
    return {(row["customer_id"], row["target"]): (row["status"], row["probability"]) for row in rows}


def compare(place: Place, expected: Values, logs: Logs, tally: ParityTally, tuesday: bool) -> None:
    """Server = oracle, and on a Tuesday the export = both, for every customer and target; to the last digit between
    the two that share their numbers."""
    theirs, phases = told(place, expected, logs)
    ours, stands = served(place)
    assert ours.keys() == theirs.keys()
    for name in phases.keys() | stands.keys():
        tally.note("phases", f"{name} at {place.at}", stands.get(name), phases.get(name))
    for key, said in ours.items():
        _note(tally, f"server, {key[1]}", key, said, theirs[key], place.at)
    if tuesday:
        written = exported(place)
        assert {key for key, (status, _) in theirs.items() if status != "UNKNOWN_CUSTOMER"} == written.keys()
        for key, said in written.items():
            _note(tally, f"export, {key[1]}", key, said, theirs[key], place.at)
            tally.note(f"server = export, {key[1]}", f"{key} at {place.at}", ours[key], said)
    for target in place.country.targets:
        scored = {said for (_, name), (_, said) in ours.items() if name == target and said is not None}
        assert len(scored) > 2, f"{target}: the model tells nobody apart"


def _note(tally: ParityTally, name: str, key: tuple[str, str], ours: Said, theirs: Said, at: datetime) -> None:
    """Status and number; the oracle's sums may differ in the last bits, and so may what is made of them."""
    alike = ours[0] == theirs[0] and (ours[1] == theirs[1] or same(ours[1], theirs[1]))
    tally.note(name, f"{key} at {at}", ours if not alike else theirs, theirs)
