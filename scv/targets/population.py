"""Who a target asks about: predicates over features at `at`, so that the scorer answers them like the trainer.

Each rule gives the reason why a customer is not asked about, or "" for those who are. `[at-N, at)` is
"days since ≤ N": everything that a feature has seen happened before `at`.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

import numpy as np

from scv.errors import BadSetting, expect
from scv.events.country import DAYS, Country
from scv.features.array import Features, column, first_of, numbers, words
from scv.features.fetcher import all_features
from scv.fetchers import roles
from scv.folds.subscriptions import CANCELLED, ENDED, ENDING, OVER
from scv.targets.phase import ACTIVE, phase
from scv.targets.phase import NEEDS as PHASE_NEEDS

_reason = functools.partial(first_of, otherwise="")
Rule = Callable[[Features, Country], np.ndarray]
SETTLED_DAYS = 7
"""A cancellation younger than this is still being undone by the people who are leaving."""
NEEDS = (*PHASE_NEEDS, roles.STATE_DAYS, roles.DELIVERY_WEEKDAY, roles.OPEN_BOX_SKIPPED)
"""Features that the rules and phases read."""

ALREADY_CANCELLED = "already cancelled"
TERM_OVER = "subscription has ended"
WEEKDAY_UNKNOWN = "delivery day unknown"
GONE = {CANCELLED: ALREADY_CANCELLED, ENDING: ALREADY_CANCELLED, ENDED: TERM_OVER}
"""State → why such a customer is not asked to stay."""
NO_SUBSCRIPTION = "no subscription on record"
NEVER_ORDERED = "no order on record"


def returning(features: Features, country: Country) -> np.ndarray:
    """Ordered in `[at - memory, at - active)`."""
    silent = numbers(column(features, roles.SILENCE))
    return _reason(
        (np.isnan(silent), NEVER_ORDERED),
        (silent <= country.active_days, f"ordered in the last {country.active_days} days"),
        (silent > country.memory_days, _silent(country.memory_days)),
    )


def cancellation(features: Features, country: Country) -> np.ndarray:
    """A subscription that runs or is paused."""
    stands = phase(features, country)
    return _reason(
        *_gone(features),
        (~np.isin(stands.astype(str), [*ACTIVE, "paused"]), NO_SUBSCRIPTION),
    )


def pause(features: Features, country: Country) -> np.ndarray:
    """A subscription that runs and whose open box comes, for all that is known.

    A skip of any day in the open week counts as the open box's: there is one box a week.
    """
    stands = phase(features, country).astype(str)
    return _reason(
        *_gone(features),
        (stands == "paused", "subscription is paused"),
        (~np.isin(stands, ACTIVE), NO_SUBSCRIPTION),
        (np.isnan(numbers(column(features, roles.DELIVERY_WEEKDAY))), WEEKDAY_UNKNOWN),
        (numbers(column(features, roles.OPEN_BOX_SKIPPED)) > 0, "box already skipped"),
    )


def reactivation(features: Features, country: Country) -> np.ndarray:
    """Over for `SETTLED_DAYS` to `memory_days`: cancelled and run out, or a term that ended."""
    state = words(column(features, roles.STATE)).astype(str)
    ago = numbers(column(features, roles.STATE_DAYS))
    return _reason(
        (state == ENDING, "cancelled, and paid for still"),
        (~np.isin(state, OVER), "not cancelled"),
        (ago < SETTLED_DAYS, f"too new: over for less than {SETTLED_DAYS} days"),
        (~(ago <= country.memory_days), f"over for longer than {country.memory_days} days"),
    )


def _gone(features: Features) -> list[tuple[np.ndarray, str]]:
    state = words(column(features, roles.STATE))
    return [(state == word, reason) for word, reason in GONE.items()]


RULES: dict[str, Rule] = {
    "lapse": lambda features, country: _ordered_within(features, country, country.active_days),
    "skip": lambda features, country: _ordered_within(features, country, country.rhythm_days),
    "return": returning,
    "cancellation": cancellation,
    "pause": pause,
    "reactivation": reactivation,
}
"""By target."""


def _ordered_within(features: Features, country: Country, days: int) -> np.ndarray:
    """Ordered in `[at - days, at)`."""
    silent = numbers(column(features, roles.SILENCE))
    known = _gone(features) if country.basis == "recorded" else []  # nobody gets a number for what is known to end
    return _reason(*known, (np.isnan(silent), NEVER_ORDERED), (silent > days, _silent(days)))


def _silent(days: int) -> str:
    return f"silent for longer than {days} days"


# -- populations as data: those of a project's targets -------------------------------------------------------
Sign = Literal["==", "!=", "<", "<=", ">", ">="]
_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Among:
    """One condition on who is asked about: a feature (its full name), a sign and what it is held against.

    `bound` is a number, or the name of a country's setting that counts days; of a feature of words it is a word.
    Whether a customer without a value meets it says `missing`: nothing that was ever counted is no 0. `otherwise`
    says of those who do not meet it why they are not asked about; it may name settings of the country in braces.
    Raises UnknownName and BadSetting.
    """

    feature: str
    sign: Sign
    bound: int | float | str
    otherwise: str
    missing: bool = False

    def check(self, where: str) -> None:
        """Raise UnknownName or BadSetting for what could only be nonsense; `where` names the target."""
        known = all_features()
        expect("feature", [self.feature], known, where)
        expect("sign", [self.sign], _SIGNS, where)
        said = [name for _, name, _, _ in Formatter().parse(self.otherwise) if name is not None]
        expect("setting of a country", said, Country.__struct_fields__, where)
        if not self.otherwise.strip():
            raise BadSetting(f"{self.feature} {self.sign} {self.bound} needs a reason for those who do not {where}.")
        if known[self.feature].dtype == "str":
            if self.sign not in ("==", "!=") or not isinstance(self.bound, str):
                raise BadSetting(f"{self.feature} is a word: compare it by == or != with one {where}.")
        elif isinstance(self.bound, str):
            expect("setting that counts days", [self.bound], DAYS, where)

    @property
    def setting(self) -> str:
        """The country's setting that bounds it; "" where none does."""
        return self.bound if isinstance(self.bound, str) and self.bound in DAYS else ""

    def fails(self, features: Features, country: Country) -> tuple[np.ndarray, str]:
        """bool[n]: who does not meet it; and why."""
        reason = self.otherwise.format(**{name: getattr(country, name) for name in country.__struct_fields__})
        values = column(features, self.feature)
        if all_features()[self.feature].dtype == "str":
            compare, told = _SIGNS[self.sign], words(values)
            met = [self.missing if one is None else compare(one, self.bound) for one in told]
            return ~np.array(met, dtype=bool), reason
        bound = country.days(self.setting) if self.setting else float(self.bound)
        found = numbers(values)
        return np.where(np.isnan(found), not self.missing, ~_SIGNS[self.sign](found, bound)), reason


def among(conditions: Sequence[Among], features: Features, country: Country) -> np.ndarray:
    """object[n]: the reason of the first condition that a customer does not meet; "" for who meets all."""
    return _reason(*(one.fails(features, country) for one in conditions))
