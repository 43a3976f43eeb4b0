"""Does the published file say what the live scorer says? Compared through the wire, to the last digit.

It holds at a barrier: the live clock stands at the file's reference and both consumers at the same positions, and the
scorer has taken the models of the file (`settle`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rpc import scorer_pb2 as pb
from rpc.client import ScorerClient
from scorer.tuesday.week import Week

BATCH = 200
PATIENCE_S = 60.0
PAUSE_S = 0.5


@dataclass(frozen=True)
class Reconciled:
    """How many values were compared, and up to ten that differ: (target, what, file, live), never a customer."""

    customers: int
    compared: int
    different: int
    examples: Sequence[tuple[str, str, str, str]]


def settle(week: Week, client: ScorerClient) -> None:
    """Wait until live answers come of the file's models: a champion that was just promoted is loaded beside the calls.

    Where they are others for a minute `reconcile` tells it. Raises rpc.client.ScorerError.
    """
    columns = (week.scores()[name].to_pylist() for name in ("customer_id", "target", "model"))
    rows = list(zip(*columns, strict=True))
    ids, said = sorted({customer for customer, _, _ in rows})[:BATCH], {(target, model) for _, target, model in rows}
    end = time.monotonic() + PATIENCE_S
    while ids and time.monotonic() < end:
        replies = client.score_batch(week.manifest.country, ids, with_reasons=False)
        if {(one.target, one.model) for reply in replies for one in reply.targets} <= said:
            return
        time.sleep(PAUSE_S)


def reconcile(week: Week, client: ScorerClient, sample: int | None = None, seed: int = 0) -> Reconciled:
    """Ask the live scorer about everyone in the file, or about a seeded sample. Raises rpc.client.ScorerError."""
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for row in week.scores().to_pylist():
        by_customer.setdefault(row["customer_id"], []).append(row)
    ids = sorted(by_customer)
    if sample is not None and sample < len(ids):
        ids = sorted(random.Random(seed).sample(ids, sample))
    compared, found = 0, []
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        for customer_id, reply in zip(batch, client.score_batch(week.manifest.country, batch), strict=True):
            for row in by_customer[customer_id]:
                pairs = pairs_of(row, reply)
                compared += len(pairs)
                found += [(row["target"], what, repr(a), repr(b)) for what, (a, b) in pairs.items() if a != b]
    return Reconciled(len(ids), compared, len(found), tuple(found[:10]))


def pairs_of(row: Mapping[str, Any], reply: pb.ScoreReply) -> dict[str, tuple[Any, Any]]:
    """What → (in the file, live), of one customer and target."""
    one = next((found for found in reply.targets if found.target == row["target"]), None)
    if one is None:
        return {"target": (row["target"], None)}
    hints = [reason.agent_hint for reason in one.reasons[:2]] + [None, None]
    # `change_since_tuesday` is left out: the scorer looks only now and then whether a week was published.
    return {
        "instant": (row["reference"], reply.instant.ToDatetime(row["reference"].tzinfo)),
        "phase": (row["phase"], reply.phase),
        "status": (row["status"], pb.Status.Name(one.status)),
        "probability": (row["probability"], one.probability if one.HasField("probability") else None),
        "times usual": (row["times_average"], one.times_usual if one.HasField("times_usual") else None),
        "band": (row["risk_band"], pb.Band.Name(one.band).lower() if one.band else None),
        "horizon end": (row["horizon_end"], one.horizon_end.ToDatetime(row["reference"].tzinfo)),
        "model": (row["model"], one.model),
        "first reason": (row["reason_1"], hints[0]),
        "second reason": (row["reason_2"], hints[1]),
    }
