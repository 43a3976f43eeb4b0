"""Row-wise features: plain arithmetic over features that were read, by the same call in trainer and scorer.

A function's parameters are the full names of the features it needs, as float64 arrays with NaN for missing; it
returns such an array. Missing in, missing out; a division by zero is missing.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[..., np.ndarray]
PREFIX = "derived__"
_found: dict[str, Derived] = {}


@dataclass(frozen=True)
class Derived:
    """One derived feature: `inputs` are full names of features, `hint` is a reason for an agent's screen."""

    name: str
    inputs: tuple[str, ...]
    function: Function
    doc: str
    hint: str

    @property
    def full_name(self) -> str:
        return PREFIX + self.name

    @functools.cached_property
    def fingerprint(self) -> str:
        """8 hex digits of the arithmetic, not of its words; the inputs have fingerprints of their own."""
        text = f"{self.name}\n{_arithmetic(self.function)}\n{_arithmetic(over)}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _arithmetic(function: Function) -> str:
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"{function} must be a def")
    first = definition.body[0]
    words = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = definition.body[1:] if words else definition.body
    return ast.unparse(definition.args) + "\n" + "\n".join(map(ast.unparse, body))


def derived(hint: str = "") -> Callable[[Function], Function]:
    """Collect a function as a derived feature under its own name."""

    def keep(function: Function) -> Function:
        inputs = tuple(inspect.signature(function).parameters)
        doc = " ".join((function.__doc__ or "").split())
        _found[PREFIX + function.__name__] = Derived(function.__name__, inputs, function, doc, hint)
        return function

    return keep


def collect() -> dict[str, Derived]:
    """Every derived feature by full name, in order of definition."""
    return dict(_found)


def over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; missing where the whole is zero.

    >>> over(np.array([1.0, 1.0, np.nan]), np.array([4.0, 0.0, 1.0]))
    array([0.25,  nan,  nan])
    """
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole != 0)


@derived(hint="{value} times the usual days between orders since the last one")
def overdue(orders__days_since: np.ndarray, rhythm__gap_mean: np.ndarray) -> np.ndarray:
    """Days since the last order over the customer's own mean gap."""
    return over(orders__days_since, rhythm__gap_mean)


@derived()
def overdue_lately(orders__days_since: np.ndarray, rhythm__recent_gap_mean: np.ndarray) -> np.ndarray:
    """Days since the last order over the mean gap of the last 91 days."""
    return over(orders__days_since, rhythm__recent_gap_mean)


@derived()
def overdue_spread(
    orders__days_since: np.ndarray, rhythm__gap_mean: np.ndarray, rhythm__gap_sd: np.ndarray
) -> np.ndarray:
    """How many standard deviations of the gaps the silence lies above their mean."""
    return over(orders__days_since - rhythm__gap_mean, rhythm__gap_sd)


@derived()
def overdue_longest(orders__days_since: np.ndarray, rhythm__gap_longest: np.ndarray) -> np.ndarray:
    """Days since the last order over the longest gap so far."""
    return over(orders__days_since, rhythm__gap_longest)


@derived()
def gap_trend(rhythm__recent_gap_mean: np.ndarray, rhythm__gap_mean: np.ndarray) -> np.ndarray:
    """Mean gap of the last 91 days over the mean of all: above 1, the customer slows down."""
    return over(rhythm__recent_gap_mean, rhythm__gap_mean)


@derived()
def irregularity(rhythm__gap_sd: np.ndarray, rhythm__gap_mean: np.ndarray) -> np.ndarray:
    """Spread of the gaps over their mean."""
    return over(rhythm__gap_sd, rhythm__gap_mean)


@derived(hint="spends {value} times what was usual")
def spend_trend(orders__spend_28d: np.ndarray, orders__spend_91d: np.ndarray) -> np.ndarray:
    """Spend a day of the last 28 days over that of the last 91."""
    return over(orders__spend_28d / 28, orders__spend_91d / 91)


@derived(hint="orders {value} times as often as was usual")
def orders_trend(orders__count_28d: np.ndarray, orders__count_56d: np.ndarray) -> np.ndarray:
    """Orders of the last 28 days over half of those of the last 56."""
    return over(orders__count_28d, orders__count_56d / 2)


@derived()
def orders_trend_week(orders__count_7d: np.ndarray, orders__count_28d: np.ndarray) -> np.ndarray:
    """Orders of the last week over a quarter of those of the last four."""
    return over(orders__count_7d, orders__count_28d / 4)


@derived()
def orders_trend_quarter(orders__count_28d: np.ndarray, orders__count_91d: np.ndarray) -> np.ndarray:
    """Orders a day of the last 28 days over those of the last 91."""
    return over(orders__count_28d / 28, orders__count_91d / 91)


@derived()
def order_rate(orders__count_ever: np.ndarray, orders__tenure: np.ndarray) -> np.ndarray:
    """Orders a day since the first one."""
    return over(orders__count_ever, orders__tenure)


@derived()
def basket_value(orders__spend_91d: np.ndarray, orders__count_91d: np.ndarray) -> np.ndarray:
    """Mean value of an order of the last 91 days, in cents."""
    return over(orders__spend_91d, orders__count_91d)


@derived()
def basket_trend(
    orders__spend_28d: np.ndarray,
    orders__count_28d: np.ndarray,
    orders__spend_ever: np.ndarray,
    orders__count_ever: np.ndarray,
) -> np.ndarray:
    """Mean value of an order of the last 28 days over that of all."""
    return over(over(orders__spend_28d, orders__count_28d), over(orders__spend_ever, orders__count_ever))


@derived()
def items_per_order(orders__items_91d: np.ndarray, orders__count_91d: np.ndarray) -> np.ndarray:
    """Mean number of items in an order of the last 91 days."""
    return over(orders__items_91d, orders__count_91d)


@derived(hint="{value} of the order value is discount")
def discount_share(offers__discount_91d: np.ndarray, orders__spend_91d: np.ndarray) -> np.ndarray:
    """Share of the price before discount that was discount, in the last 91 days."""
    return over(offers__discount_91d, offers__discount_91d + orders__spend_91d)


@derived()
def discount_trend(offers__discount_28d: np.ndarray, offers__discount_91d: np.ndarray) -> np.ndarray:
    """Discount a day of the last 28 days over that of the last 91."""
    return over(offers__discount_28d / 28, offers__discount_91d / 91)


@derived()
def late_share(orders__late_boxes_56d: np.ndarray, orders__boxes: np.ndarray) -> np.ndarray:
    """Share of the boxes of the last 56 days that came late."""
    return over(orders__late_boxes_56d, orders__boxes)


@derived(hint="uses the app {value} times as much as in the five weeks before")
def app_trend(
    app_usage__minutes_w1: np.ndarray,
    app_usage__minutes_w2: np.ndarray,
    app_usage__minutes_w3: np.ndarray,
    app_usage__minutes_w4: np.ndarray,
    app_usage__minutes_w5: np.ndarray,
    app_usage__minutes_w6: np.ndarray,
) -> np.ndarray:
    """Minutes in the app of the last week over the mean of the five before."""
    before = app_usage__minutes_w2 + app_usage__minutes_w3 + app_usage__minutes_w4
    return over(app_usage__minutes_w1, (before + app_usage__minutes_w5 + app_usage__minutes_w6) / 5)


@derived()
def complaint_rate(support__complaints_91d: np.ndarray, orders__count_91d: np.ndarray) -> np.ndarray:
    """Complaints for each order of the last 91 days."""
    return over(support__complaints_91d, orders__count_91d)


@derived()
def open_complaints(support__complaints_ever: np.ndarray, support__closed_ever: np.ndarray) -> np.ndarray:
    """Complaints that are not closed."""
    return support__complaints_ever - support__closed_ever


@derived()
def stars_mean(support__stars: np.ndarray, support__ratings: np.ndarray) -> np.ndarray:
    """Mean rating of the last 56 days."""
    return over(support__stars, support__ratings)


@derived()
def failure_share(payments__failures_28d: np.ndarray, payments__charges: np.ndarray) -> np.ndarray:
    """Share of the payments of the last 28 days that failed."""
    return over(payments__failures_28d, payments__failures_28d + payments__charges)
