"""Derived features are data: their arithmetic, and a fingerprint of nothing but that."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from scv.errors import BadSetting, UnknownName
from scv.features import derived
from scv.features.derived import Derived, Minus, Over, Part, Plus, Term, inputs_of
from scv.fetchers import derived as definitions

EDGES = [0.0, -0.0, math.nan, 1.0, -3.0, 7.0, 28.0, 1e300, 5e-324]


def plain(part: Part, values: dict[str, float]) -> float:
    """The same for one row of plain numbers."""
    if not isinstance(part, Term):
        return values[part] if isinstance(part, str) else float(part)
    first, *others = (plain(one, values) for one in part.parts)
    for other in others:
        if isinstance(part, Over):
            first = math.nan if other == 0 else first / other
        else:
            first = first - other if isinstance(part, Minus) else first + other
    return first


@pytest.mark.parametrize("name", derived.collect())
def test_arrays_are_plain_numbers_to_the_last_bit(name: str) -> None:
    """Who changes what a form computes turns this red, and raises `derived.VERSION`: bundles are of the old one."""
    one = derived.collect()[name]
    random = np.random.default_rng(7)
    columns = {
        each: np.where(random.random(600) < 0.5, random.choice(EDGES, 600), random.integers(0, 90, 600))
        for each in one.inputs
    }
    expected = [plain(one.term, {each: float(columns[each][row]) for each in one.inputs}) for row in range(600)]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(one.values(columns), np.array(expected))
    assert {math.isnan(value) for value in expected} == {True, False}


def test_every_form_is_met() -> None:
    said = "".join(repr(one.term) for one in derived.collect().values())
    assert [form.__name__ for form in Term.__subclasses__() if f"{form.__name__}(" not in said] == []


def test_inputs_are_in_order_and_each_once() -> None:
    assert inputs_of(Over(Over("b", 7), Plus("a", Minus("c", "b")))) == ("b", "a", "c")


ONE = Derived("late", Over("a", Over("b", 2)), "Words.")


def test_words_are_in_no_fingerprint() -> None:
    assert replace(ONE, doc="Others.").fingerprint == ONE.fingerprint


def test_whatever_is_computed_is_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = (
        Over("b", Over("a", 2)),
        Over("a", Over("b", 3)),
        Over("a", "b"),
        Over("a", "b", 2),
        Minus("a", Over("b", 2)),
        Plus("a"),
    )
    prints = [replace(ONE, name="later").fingerprint, *(replace(ONE, term=term).fingerprint for term in terms)]
    monkeypatch.setattr(derived, "VERSION", derived.VERSION + 1)
    prints.append(replace(ONE).fingerprint)
    assert len({ONE.fingerprint, *prints}) == len(prints) + 1


def test_a_fingerprint_is_the_same_in_every_place_and_python() -> None:
    """It is made of data: pinned here, and without a source to read."""
    assert derived.collect()["derived__overdue"].fingerprint == "6de13a08"
    made = eval("Derived('overdue', Over('orders__days_since', 'rhythm__gap_mean'), 'No file.')", vars(derived).copy())
    assert made.fingerprint == "6de13a08"


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        ((Derived("x", Over("orders__days_sinc", 2), ""),), UnknownName, "days_sinc.*days_since.*feature x"),
        ((Derived("x", Over("orders__tenure", 2), ""), Derived("x", Plus("orders__tenure"), "")), BadSetting, "two"),
    ],
)
def test_a_wrong_row_is_refused(
    rows: tuple[Derived, ...], error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "DERIVED", rows)
    with pytest.raises(error, match=told):
        derived.collect.__wrapped__()
