"""Targets: what may happen next, looked forward where a fetcher looks back.

A target is data: who is asked about (`scv.targets.population`), which events in which days of the horizon make it true,
and where its horizon ends. Its basis is in its name: a lapse is derived from silence and is never called a
cancellation.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter

import numpy as np

from scv import project
from scv.errors import BadSetting, expect, look_up, named
from scv.events import event as events
from scv.events.calendar import add_days
from scv.events.country import DAYS, Basis, Country
from scv.features.array import Features
from scv.features.fetcher import NAME, all_features
from scv.fetchers import roles
from scv.folds.fold import Condition
from scv.folds.subscriptions import ENDING, PAUSED, RUNNING
from scv.stamp import print_of
from scv.targets import box, population
from scv.targets.population import Among


@dataclass(frozen=True)
class Clause:
    """Is there an event of this kind with `occurred_at` in `[at + start, at + end)`, in local days?

    `start` and `end` name settings of the country ("" is `at` itself); `present` says which answer is meant. An event
    counts only where all of `where` hold, where it does not say `lacks`, and not where the customer stands in one of
    the states `unless` right after it.
    """

    family: str
    kinds: tuple[str, ...]
    end: str
    start: str = ""
    present: bool = True
    where: tuple[Condition, ...] = ()
    lacks: str = ""
    unless: tuple[str, ...] = ()

    def window(self, country: Country) -> tuple[int, int]:
        """The days `[start, end)` in this country."""
        return (country.days(self.start) if self.start else 0), country.days(self.end)


@dataclass(frozen=True)
class Target:
    """One question about the future.

    `clauses` make the label: all of them, or any one where `any_of`. Without any, the label is what became of the
    box that was open (`scv.targets.labels` says how).
    `unclear` is what leaves open whether y is 1, where nothing else makes it so: such a row is set aside.
    `known` are the features at the reference that say which box that is; they are no columns of its model.
    `exposure` is one: how long the customer has, which at references of one weekday is always the same and no leak.
    `horizon` names the country's setting that is shown to people; `template` says y = 1 in words.
    `among` says who is asked about, for a target of a project; ours have rules (`population.RULES`).
    Raises UnknownName at import for a setting, family, kind, field, feature or population that there is not.
    """

    name: str
    basis: Basis
    template: str
    horizon: str
    clauses: tuple[Clause, ...] = ()
    any_of: bool = False
    unclear: Clause | None = None
    known: tuple[str, ...] = ()
    exposure: tuple[str, ...] = ()
    among: tuple[Among, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        where = f"(in target {self.name})"
        if not self.among:
            hint = f"{where} A target of your own says `among=(…)`."
            expect("population", [self.name], population.RULES, hint)
        for condition in self.among:
            condition.check(where)
        expect("setting of a country", self._said, Country.__struct_fields__, where)
        expect("setting that counts days", [self.horizon, *self._bounds], DAYS, where)
        for one in self.asked:
            read = [field for field, _, _ in one.where] + [one.lacks] * bool(one.lacks)
            events.expect(one.family, one.kinds, read, where, one.where)

    @property
    def asked(self) -> tuple[Clause, ...]:
        """The clauses, and after them what leaves them open."""
        return (*self.clauses, *([self.unclear] if self.unclear else []))

    @property
    def _said(self) -> list[str]:
        return [name for _, name, _, _ in Formatter().parse(self.template) if name is not None]

    @property
    def _bounds(self) -> list[str]:
        bounds = [one.setting for one in self.among if one.setting]
        return bounds + [setting for one in self.asked for setting in (one.start, one.end) if setting]

    @property
    def needs(self) -> tuple[str, ...]:
        """Full names of the features that tell who is asked about."""
        return tuple(dict.fromkeys(one.feature for one in self.among)) or population.NEEDS

    @property
    def is_own(self) -> bool:
        """Is it a project's?"""
        return bool(self.among)

    @property
    def settings(self) -> tuple[str, ...]:
        """The country's settings that the question names."""
        return tuple(sorted({self.horizon, *self._said, *self._bounds}))

    @property
    def fingerprint(self) -> str:
        """8 hex digits of what is asked, and of whom where that is data."""
        known = all_features() if self.among else {}
        return print_of(self, *self.among, *(known[one.feature].fingerprint for one in self.among))

    @property
    def recency(self) -> tuple[str, float]:
        """The feature that tells most by itself, and its sign: 1.0 where more of it makes the event likelier."""
        active = self.is_own and any(one.present for one in self.clauses)  # who is there does something
        return RECENCY.get(self.name, (roles.SILENCE, -1.0 if active else 1.0))

    @property
    def families(self) -> tuple[str, ...]:
        """The families that its label reads; involuntary ends come from `subscription`."""
        return tuple(sorted({clause.family for clause in self.clauses} | {"subscription"}))

    def sentence(self, country: Country) -> str:
        """What the probability is the probability of."""
        return self.template.format(**{name: getattr(country, name) for name in country.__struct_fields__})

    def population(self, features: Features, country: Country) -> np.ndarray:
        """bool[n]: is this customer asked about?"""
        return self.not_applicable(features, country) == ""

    def not_applicable(self, features: Features, country: Country) -> np.ndarray:
        """object[n]: why a customer is not asked about; "" for the population."""
        if self.is_own:
            return population.among(self.among, features, country)
        return population.RULES[self.name](features, country)

    def horizon_end(self, at: datetime, country: Country) -> datetime:
        """The end of the horizon that people are shown."""
        return add_days(at, country.days(self.horizon), country.zone)

    def decided_days(self, country: Country) -> int:
        """How many local days after a reference its label reads at most."""
        return max((clause.window(country)[1] for clause in self.clauses), default=box.LONGEST_DAYS)

    def decided_at(self, at: datetime, country: Country) -> datetime:
        """The end of what the label reads: maturity and embargo count from here."""
        return add_days(at, self.decided_days(country), country.zone)


def families_of(targets: Iterable[Target]) -> list[str]:
    """The event families that some targets' labels read, each once."""
    return sorted({family for target in targets for family in target.families})


def mature(target: Target, at: datetime, country: Country, watermark: datetime) -> bool:
    """Is the label of a reference final at this watermark, with what comes late? Early positives wait too."""
    return watermark >= add_days(target.decided_at(at, country), country.late_allowance_days, country.zone)


def final(target: Target, at: datetime, country: Country, watermark: datetime) -> bool:
    """Can nothing that would still be admitted change the label of a reference? A day more, for clocks that change."""
    return watermark >= add_days(target.decided_at(at, country), country.lateness_days + 1, country.zone)


RECENCY = {
    "return": (roles.SILENCE, -1.0),
    "reactivation": (roles.STATE_DAYS, -1.0),
}
"""Who has just gone comes back first; who has long been silent leaves first."""
ORDER = ("placed",)
PAID: tuple[Condition, ...] = (("amount_cents", ">=", 1),)
STAYS = (*RUNNING, PAUSED)
"""Who ends one of several subscriptions is a customer still."""

_ALL = (
    Target(
        "lapse",
        "derived",
        "no order in the next {silence_days} days",
        "silence_days",
        (Clause("orders", ORDER, "silence_days", present=False),),
    ),
    Target(
        "skip",
        "derived",
        "no order in the next {rhythm_days} days, but one within {silence_days}",
        "rhythm_days",
        (
            Clause("orders", ORDER, "rhythm_days", present=False),
            Clause("orders", ORDER, "silence_days", start="rhythm_days"),
        ),
    ),
    Target(
        "return",
        "derived",
        "an order in the next {return_days} days, after more than {active_days} without",
        "return_days",
        (Clause("orders", ORDER, "return_days"),),
    ),
    Target(
        "cancellation",
        "recorded",
        "a cancellation by the customer's own wish in the next {horizon_days} days",
        "horizon_days",
        (Clause("subscription", ("cancelled",), "horizon_days", where=(("voluntary", "==", 1),), unless=STAYS),),
        unclear=Clause("subscription", ("cancelled",), "horizon_days", lacks="voluntary", unless=STAYS),
    ),
    Target(
        "pause",
        "recorded",
        "a skip of the open box, or a pause, by that box's cut-off within {rhythm_days} days",
        "rhythm_days",
        known=(roles.DELIVERY_WEEKDAY,),
        exposure=(roles.CUT_OFF,),
    ),
    Target(
        "reactivation",
        "recorded",
        "a reactivation, a new start or a paid order in the next {horizon_days} days, after a cancellation",
        "horizon_days",
        (
            Clause("subscription", ("reactivated", "started"), "horizon_days"),
            Clause("orders", ORDER, "horizon_days", where=PAID, unless=(ENDING,)),
        ),
        any_of=True,
    ),
)
TARGETS: dict[str, Target] = named("target", ((target.name, target) for target in _ALL))
"""Ours; `collect` has the project's beside them."""


@functools.cache
def collect() -> dict[str, Target]:
    """Every target, by name: ours, then those in the project's targets/ in the order of their files.

    Raises BadSetting, naming file and line, for a file that cannot be used.
    """
    found, owner = dict(TARGETS), dict.fromkeys(TARGETS, "Cerebro's own")
    for file in project.definitions("targets"):
        rows = list(file.held(Target))
        project.declares(file, len(rows))
        for one in rows:
            if found.get(one.name) is one:  # one of ours, or a neighbour's, imported
                continue
            where = project.place(file.path, one.name)
            if one.name in found:
                raise project.clash("target", one.name, file.path, owner[one.name])
            if not NAME.fullmatch(one.name) or not one.clauses or not one.is_own:
                raise BadSetting(
                    f"{where}: a target of your own needs a name in lower case, `clauses` (what makes it true) and "
                    "`among` (who is asked about)."
                )
            found[one.name], owner[one.name] = one, where
    return found


def own() -> list[Target]:
    """The project's own, in the order of their files."""
    return [one for name, one in collect().items() if name not in TARGETS]


def get(name: str) -> Target:
    """A target by name. Raises UnknownName."""
    return TARGETS[name] if name in TARGETS else look_up("target", name, collect())


def of_country(country: Country) -> list[Target]:
    """The targets that a country's file lists."""
    return [get(name) for name in country.targets]
