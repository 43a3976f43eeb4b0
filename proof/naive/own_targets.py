"""The project's targets beside an oracle of their own: who is asked about, and what then happened.

Features come from the naive oracle, events from what it admits; bounds, instants and clauses are read as data and said
a second time. No code of populations or labels is called on this side.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from proof.naive import oracle, world
from proof.naive.oracle import Fact, Verdict
from proof.naive.oracle_subscriptions import own as standing
from proof.naive.sides import ParityTally, SqlSide, TableLake, lake_table, oracle_verdicts
from proof.naive.world import DirtyWorld
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.features import fetcher
from scv.offline.lake_version import LakeVersion
from scv.targets import labels
from scv.targets.target import Clause, Target

LIFECYCLE = ("started", "paused", "resumed", "cancelled", "reactivated")
GONE = ("cancelled", "ended", "ending")
Told = Mapping[str, Mapping[str, Sequence[tuple[Fact, Verdict]]]]
"""Family → customer → the oracle's verdicts."""


@dataclass(frozen=True)
class TargetInWorlds:
    """The worlds of the families that a target reads, of the same customers, and the instants at which it is asked."""

    target: Target
    country: Country
    worlds: Mapping[str, DirtyWorld]
    verdicts: Told
    at: Sequence[datetime]


def asked(target: Target, country: Country, seed: int, references: int = 60) -> TargetInWorlds:
    """A target in invented worlds."""
    names = {one.partition("__")[0] for one in target.needs}
    families = sorted({*target.families, *(fetcher.get(name).family for name in names)})
    worlds = {family: world.make(seed, family, country) for family in families}
    verdicts = {family: oracle_verdicts(made.log, country) for family, made in worlds.items()}
    instants = world.references(random.Random(seed), worlds[families[0]], midnights=references)
    return TargetInWorlds(
        target, country, worlds, verdicts, random.Random(seed).sample(instants, min(references, len(instants)))
    )


def compare(question: TargetInWorlds, tally: ParityTally) -> None:
    """Population and label of everybody at every instant; what is compared counts where one side asks."""
    target, where = question.target, question.country
    customers = sorted({name for found in question.verdicts.values() for name in found})
    rows = [(at, customer) for at in question.at for customer in customers]
    columns = _columns(question, rows)
    ours = target.not_applicable(columns, where)
    found = _labels(question, rows)
    for i, (at, customer) in enumerate(rows):
        place = f"{where.time_zone} {customer} at {at}"
        theirs = _why_not(question, customer, at)
        tally.note(target.name, f"population, {place}", str(ours[i]), theirs, counted="" in (str(ours[i]), theirs))
        if not theirs:
            said = str(found.removed[i])
            expected = _answer(question, customer, at)
            tally.note(target.name, f"label, {place}", said or float(found.y[i]), expected)


# -- the product's side --------------------------------------------------------------------------------------


def _columns(question: TargetInWorlds, rows: Sequence[tuple[datetime, str]]) -> dict[str, list[Any]]:
    """The features that tell who is asked about, by batch SQL: one value per row, None for missing."""
    found: dict[str, list[Any]] = {}
    for name in question.target.needs:
        chosen, feature = fetcher.get(name.partition("__")[0]), name.partition("__")[2]
        made = question.worlds[chosen.family]
        with SqlSide(made.records, made.family, question.country) as table:
            read = table.read(chosen, question.at)
        found[name] = [read.get((customer, to_us(at)), {}).get(feature) for at, customer in rows]
    return found


def _labels(question: TargetInWorlds, rows: Sequence[tuple[datetime, str]]) -> labels.Labels:
    with duckdb.connect(config={"threads": 1}) as connection:
        arrivals = {}
        for family, made in question.worlds.items():
            connection.register(f"lake_{family}", lake_table(made.records, family, question.country))
            arrivals[family] = TableLake().query(family, question.country, LakeVersion({}))
        outcomes = labels.prepare(connection, arrivals, question.country)
        at_us = np.array([to_us(at) for at, _ in rows], dtype=np.int64)
        return outcomes.labels(question.target, at_us, [customer for _, customer in rows])


# -- the oracle's ---------------------------------------------------------------------------------------------


def _why_not(question: TargetInWorlds, customer: str, at: datetime) -> str:
    """The words of the first condition that a customer does not meet."""
    where = question.country
    for one in question.target.among:
        chosen = fetcher.get(one.feature.partition("__")[0])
        verdicts = question.verdicts[chosen.family].get(customer, ())
        value = (oracle.values(verdicts, where, chosen, at) or {}).get(one.feature.partition("__")[2])
        word = isinstance(value, str)
        bound: Any = getattr(where, one.bound) if isinstance(one.bound, str) and not word else one.bound
        if not (one.missing if value is None else _meets(value, one.sign, bound)):
            return one.otherwise.format(**{name: getattr(where, name) for name in where.__struct_fields__})
    return ""


def _meets(value: Any, sign: str, bound: Any) -> bool:
    if sign in ("==", "!="):
        return bool((value == bound) == (sign == "=="))
    return bool(value < bound if sign == "<" else value <= bound if sign == "<=" else _above(value, sign, bound))


def _above(value: Any, sign: str, bound: Any) -> bool:
    return bool(value > bound if sign == ">" else value >= bound)


def _answer(question: TargetInWorlds, customer: str, at: datetime) -> float | str:
    """1 or 0, or why the row may not be used."""
    target, where = question.target, question.country
    until = _later(at, max(where.days(clause.end) for clause in target.clauses), where)
    if any(fact.seen >= at for fact in _erasures(question, customer)):
        return "erased"
    ends = [one for one in _happened(question, "subscription", customer, at, until) if one.kind == "cancelled"]
    left = [one for one in ends if _after(question, customer, one) in GONE]
    if any(one.payload["voluntary"] is False for one in left):
        return labels.INVOLUNTARY
    told = [_holds(question, clause, customer, at) for clause in target.clauses]
    y = any(told) if target.any_of else all(told)
    if not y and target.unclear and _holds(question, target.unclear, customer, at):
        return labels.UNCLEAR
    return float(y)


def _holds(question: TargetInWorlds, clause: Clause, customer: str, at: datetime) -> bool:
    where = question.country
    since = _later(at, where.days(clause.start), where) if clause.start else at
    facts = _happened(question, clause.family, customer, since, _later(at, where.days(clause.end), where))
    return any(_counts(question, clause, customer, fact) for fact in facts) == clause.present


def _counts(question: TargetInWorlds, clause: Clause, customer: str, fact: Fact) -> bool:
    said = [(fact.payload.get(name), sign, bound) for name, sign, bound in clause.where]
    if fact.kind not in clause.kinds or any(
        value is None or not _meets(value, sign, bound) for value, sign, bound in said
    ):
        return False
    if clause.lacks and fact.payload.get(clause.lacks) is not None:
        return False
    return not clause.unless or _after(question, customer, fact) not in clause.unless


def _happened(question: TargetInWorlds, family: str, customer: str, since: datetime, until: datetime) -> list[Fact]:
    found = question.verdicts[family].get(customer, ())
    return [fact for fact, verdict in found if verdict == "admitted" and since <= fact.occurred < until]


def _after(question: TargetInWorlds, customer: str, said: Fact) -> str | None:
    """How the customer stands right after something."""
    told = question.verdicts["subscription"].get(customer, ())
    facts = [fact for fact, verdict in told if verdict == "admitted" and fact.kind in LIFECYCLE]
    found = standing([fact for fact in facts if fact.occurred <= said.occurred], said.day)
    return found.word if found else None


def _erasures(question: TargetInWorlds, customer: str) -> list[Fact]:
    raw = [event for made in question.worlds.values() for event in made.log]
    mine = [event for event in raw if event.customer_id == customer and event.kind == "erased"]
    return [fact for event in mine if (fact := oracle.fact_of(event, question.country)) is not None]


def _later(at: datetime, days: int, country: Country) -> datetime:
    """The same local time so many days later."""
    return (at.astimezone(ZoneInfo(country.time_zone)) + timedelta(days=days)).astimezone(UTC)
