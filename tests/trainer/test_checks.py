"""Every check of what is learned and published can fail: one honest case and one planted fault or more for each.

A check is what says yes or no about a model, its rows, a published week or what then happened; `checks` walks the
modules for them, so a new one needs a case by existing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import trainer.gate
from local.quality import Judgement, Peer, figures, is_calibrated
from rpc import scorer_pb2 as pb
from scorer.feedback.validation import HeldOut
from scorer.tuesday.export import _audit
from scorer.tuesday.reconcile import reconcile
from scv.errors import CerebroError
from scv.events.calendar import add_days, from_us
from scv.model import metrics
from scv.model.metrics import Interval
from tests.trainer.conftest import rows_of
from tests.trainer.test_gate import leaking, plant
from trainer.dataset import TrainingSet
from trainer.gate import Judged, compare, gate
from trainer.leak import alarms, shuffled
from trainer.past import _useful
from trainer.recipe import DEFAULT
from trainer.splits import Split, enough, judged
from trainer.train import Plan, choose
from trainer.words import Contacts

ROOT = Path(__file__).parents[2]
SAY = {"bool"}
TELL = {"Alarm", "Verdict", "Winner", "Reconciled"}
"""What a check returns: yes or no, or words about it."""
JUDGING = ("export", "reconcile", "validation")
"""The files of the scorer that judge what is published; of the trainer all do, and the demo's figures."""


def checks() -> Iterator[str]:
    """The full name of everything that answers yes or no, tells of what it found
    wrong, or compares with a limit of its module."""
    scorer = [path for name in JUDGING for path in (ROOT / "scorer").rglob(f"{name}.py")]
    for path in [*sorted((ROOT / "trainer").rglob("*.py")), *scorer, ROOT / "local" / "quality.py"]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = [(f"{at.name}.", one) for at in tree.body if isinstance(at, ast.ClassDef) for one in at.body]
        for prefix, node in [("", one) for one in tree.body] + inside:
            if isinstance(node, ast.FunctionDef) and _judges(node):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts) + f".{prefix}{node.name}"


def _judges(node: ast.FunctionDef) -> bool:
    said = {one.id for one in ast.walk(node.returns) if isinstance(one, ast.Name)} if node.returns else set()
    tells = bool(said & TELL) and not node.name.startswith("_")
    return said == SAY or tells or node.name in ("_audit", "verdict") or _has_limit(node)


def _has_limit(node: ast.FunctionDef) -> bool:
    """`x <= LIMIT` and the like."""
    for one in ast.walk(node):
        if isinstance(one, ast.Compare) and isinstance(one.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            names = {part.id for part in ast.walk(one) if isinstance(part, ast.Name)}
            if any(name.isupper() and name != "SEED" for name in names):
                return True
    return False


@dataclass(frozen=True)
class Case:
    """Does the check pass? True where all is well, False for each planted fault."""

    good: Callable[[], bool]
    bad: tuple[Callable[[], bool], ...]


# -- what was learned ----------------------------------------------------------------------------------------------


@cache
def rows() -> TrainingSet:
    return rows_of(weeks=16, customers=500, base=-3.5)


def split() -> Split:
    return judged(rows())[-1]


def same_rows() -> Split:
    return Split(split().fit, split().fit)


def no_embargo() -> Split:
    return Split(np.arange(len(rows())), split().judge)


def answers() -> TrainingSet:
    return plant(rows(), rows().y + np.random.default_rng(1).normal(0, 0.2, len(rows())))


def promoted(everything: TrainingSet, cut: Split | None = None) -> bool:
    """By the gate, on rows cut as given."""
    with pytest.MonkeyPatch.context() as patch:
        if cut is not None:
            patch.setattr(trainer.gate, "judged", lambda rows: [cut])
        return gate(DEFAULT, DEFAULT, everything, threads=2).promote


def chosen(everything: TrainingSet) -> bool:
    """By the quick way, that takes the default recipe unsearched."""
    return choose(everything, Plan("default"), DEFAULT, 1)[0].promote


def people(random: np.random.Generator, y: np.ndarray) -> Any:
    """600 customers in eight weeks, as far as the gate asks."""
    return SimpleNamespace(y=y, customers=random.integers(0, 600, len(y)), at_us=np.arange(len(y)) % 8)


def candidate_wins(candidate: float, incumbent: float) -> bool:
    """Of two that are the truth times something."""
    random = np.random.default_rng(4)
    true = random.beta(1, 6, 6000)
    y = (random.random(6000) < true).astype(float)
    said = [np.clip(true * factor, 0, 0.999) for factor in (candidate, incumbent)]
    held = Judged(people(random, y), *said, {})  # type: ignore[call-arg]
    return compare(held, *(metrics.figures_of(y, p) for p in said))[0] == "candidate"


def sharper_but_wrong() -> bool:
    """A lower log loss, and probabilities that are half too high: knows more, says it badly."""
    random = np.random.default_rng(4)
    true = random.beta(1, 6, 6000)
    y = (random.random(6000) < true).astype(float)
    said, dull = np.clip(true * 1.25, 0, 0.999), np.full(6000, y.mean())
    held = Judged(people(random, y), said, dull, {})
    assert metrics.log_loss(y, said) < metrics.log_loss(y, dull)
    return compare(held, metrics.figures_of(y, said), metrics.figures_of(y, dull))[0] == "candidate"


def useful(days: int) -> bool:
    at = from_us(int(rows().at_us[0]))
    return _useful(at, [rows().target], rows().country, add_days(at, days, rows().country.zone))


# -- how good it was -----------------------------------------------------------------------------------------------

LOWER, NOT_SURELY = Interval(-0.02, -0.03, -0.01), Interval(-0.01, -0.03, 0.01)
EVEN, BEHIND = Interval(0.0, -0.01, 0.01), Interval(-0.01, -0.02, -0.004)


def peer(loss: Interval = LOWER, auc: Interval = EVEN) -> Peer:
    return Peer("RFM-logistic", {"log_loss": 0.3, "auc": 0.7}, loss, auc)


def quality(said: float = 1.0, against: Peer | None = None) -> Judgement:
    """Of a model that says the truth times `said`."""
    random = np.random.default_rng(6)
    true = random.beta(1, 6, 4000)
    y, p = (random.random(4000) < true).astype(float), np.clip(true * said, 0, 1)
    nothing = Interval(0, 0, 0)
    ours = metrics.quality(y, p, metrics.draw_weights(np.arange(len(y)), 1), np.resize(np.arange(9), len(y)), seed=1)
    return Judgement("lapse", (), 9, ours, (against or peer(),), Contacts("lapse", 100, 9, nothing, 0, 0))


def rows_hold(found: Judgement) -> bool:
    """The figures that have a bar."""
    return all(one.ok for one in figures(found) if one.ok is not None)


# -- what is published, and what then happened ---------------------------------------------------------------------

AT = datetime.fromisoformat("2017-09-05T07:00+00:00")
US = replace(rows(), matrix=np.empty((0, 0))).country


def audited(**changed: Any) -> bool:
    """A week of one customer, with one row for each target."""
    row = {"status": "SCORED", "probability": 0.2, "contact_status": "LISTED", "rank": 1} | changed
    missing, others = row.pop("missing", 0), row.pop("others", {"contact_status": None, "rank": None})
    rows = [{"target": name, **row, **(others if i else {})} for i, name in enumerate(US.targets)]
    table = pa.Table.from_pylist(rows[: len(rows) - missing])
    try:
        _audit(table, US, 1)
    except CerebroError:
        return False
    return True


FILED = {
    "customer_id": "c1",
    "target": "lapse",
    "reference": AT,
    "phase": "established",
    "status": "SCORED",
    "probability": 0.25,
    "times_average": 2.0,
    "risk_band": "high",
    "horizon_end": AT + timedelta(days=56),
    "model": "m1",
    "reason_1": "silent",
    "reason_2": None,
}
OTHERWISE = {
    "reference": AT + timedelta(seconds=1),
    "phase": "new",
    "status": "STALE_REFUSED",
    "probability": 0.25 + 1e-16,
    "times_average": 2.5,
    "risk_band": "low",
    "horizon_end": AT,
    "model": "m2",
    "reason_1": None,
    "reason_2": "loud",
    "target": "skip",
}


def reconciled(changed: dict[str, Any]) -> bool:
    """A file of one row against the live answer that it was made of."""
    one = pb.TargetScore(
        target="lapse", status=pb.SCORED, probability=0.25, times_usual=2.0, band=pb.HIGH, model="m1",
        reasons=[pb.Reason(agent_hint="silent")],
    )  # fmt: skip
    one.horizon_end.FromDatetime(AT + timedelta(days=56))
    reply = pb.ScoreReply(customer_id="c1", phase="established", targets=[one])
    reply.instant.FromDatetime(AT)
    week = SimpleNamespace(
        scores=lambda: pa.Table.from_pylist([FILED | changed]), manifest=SimpleNamespace(country="US")
    )
    client = SimpleNamespace(score_batch=lambda country, ids: [reply for _ in ids])
    found = reconcile(week, client)  # type: ignore[arg-type]
    assert found.compared > 0
    return found.different == 0


def held_out(effect: Interval, contacted: int = 0) -> HeldOut:
    return HeldOut(100, 100, 0.1, 0.1, effect, 0.05, contacted)


HARM, HELP, NONE = Interval(0.05, 0.01, 0.09), Interval(-0.05, -0.09, -0.01), Interval(0.0, -0.04, 0.04)


def case(good: Callable[[], bool], *bad: Callable[[], bool]) -> Case:
    return Case(good, bad)


CASES = {
    "trainer.leak.alarms": case(
        lambda: alarms(rows()) == [], lambda: alarms(answers()) == [], lambda: alarms(leaking(rows())) == []
    ),
    "trainer.leak.Shuffled.ok": case(
        lambda: shuffled(rows(), split()).ok,
        lambda: shuffled(rows(), same_rows()).ok,
        lambda: shuffled(rows(), no_embargo()).ok,
    ),
    "trainer.gate.gate": case(
        lambda: promoted(rows()), lambda: promoted(answers()), lambda: promoted(rows(), no_embargo())
    ),
    "trainer.train.choose": case(lambda: chosen(rows()), lambda: chosen(answers())),
    "trainer.gate.compare": case(
        lambda: candidate_wins(1.0, 1.4),
        lambda: candidate_wins(1.4, 1.0),
        lambda: candidate_wins(1.0, 1.0 + 1e-9),
        sharper_but_wrong,
    ),
    "trainer.past._useful": case(lambda: useful(90), lambda: useful(56)),
    "trainer.splits.enough": case(
        lambda: enough(np.repeat([0, 1], 15)),
        lambda: enough(np.repeat([0, 1], [15, 14])),
        lambda: enough(np.ones(99)),
    ),
    "local.quality.Peer.beaten": case(
        lambda: peer().beaten, lambda: peer(NOT_SURELY).beaten, lambda: peer(auc=BEHIND).beaten
    ),
    "local.quality.Judgement.calibrated": case(
        lambda: quality().calibrated, lambda: quality(1.3).calibrated, lambda: quality(0.7).calibrated
    ),
    "local.quality.is_calibrated": case(
        lambda: is_calibrated(quality().ours), lambda: is_calibrated(quality(1.3).ours)
    ),
    "local.quality.figures": case(
        lambda: rows_hold(quality()),
        lambda: rows_hold(quality(against=peer(NOT_SURELY))),
        lambda: rows_hold(quality(against=peer(auc=BEHIND))),
        lambda: rows_hold(quality(1.3)),
    ),
    "scorer.tuesday.export._audit": case(
        lambda: audited(),
        lambda: audited(missing=1),
        lambda: audited(probability=None),
        lambda: audited(status="UNKNOWN_CUSTOMER"),
        lambda: audited(probability=1.5),
        lambda: audited(probability=float("nan")),
        lambda: audited(rank=None),
        lambda: audited(contact_status="HELD_OUT"),
        lambda: audited(contact_status=None, rank=None),
        lambda: audited(others={}),
    ),
    "scorer.tuesday.reconcile.reconcile": case(
        lambda: reconciled({}), *(lambda key=key: reconciled({key: OTHERWISE[key]}) for key in OTHERWISE)
    ),
    "scorer.feedback.validation.HeldOut.placebo": case(
        lambda: held_out(NONE).placebo, lambda: held_out(NONE, 5).placebo
    ),
    "scorer.feedback.validation.HeldOut.verdict": case(
        lambda: held_out(NONE).verdict.startswith("passed"),
        lambda: held_out(HARM).verdict.startswith("passed"),
        lambda: held_out(HELP).verdict.startswith("passed"),
        lambda: held_out(HARM, 5).verdict == "contact helped",
        lambda: held_out(NONE, 5).verdict == "contact helped",
    ),
}


def test_every_check_has_a_case() -> None:
    assert set(checks()) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_check_passes_what_is_well_and_fails_what_is_not(name: str) -> None:
    assert CASES[name].good() is True
    assert CASES[name].bad, "a check without a fault that turns it red says nothing"
    for number, fault in enumerate(CASES[name].bad):
        assert fault() is False, f"fault {number} passes"
