"""Reasons: against the customer's own habit, one per fetcher, and never aloud what must not be."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from scorer import reasons
from scorer.reasons import NO_SINGLE_REASON, inputs_of, reasons_of
from scv.events import country
from scv.features import derived, fetcher
from scv.features.fetcher import Fetcher
from scv.fetchers import roles
from scv.folds import Count

US = country.load("US")
HABIT = {"orders__days_since": 16, "rhythm__gap_mean": 6.1, "orders__tenure": 280, "orders__count_ever": 40}


def test_the_sentence_is_against_the_own_habit() -> None:
    (found,) = reasons_of({"orders__days_since": 0.4}, HABIT, US)
    assert found.hint == "16 days since the last order; usually 6"
    assert found.sayable == "It has been 16 days since your last order."


def test_no_reason_for_what_is_as_usual_or_cannot_be_compared() -> None:
    for values in (HABIT | {"orders__days_since": 6}, HABIT | {"rhythm__gap_mean": None}, {"orders__days_since": None}):
        (found,) = reasons_of({"orders__days_since": 0.4}, values, US)
        assert (found.hint, found.sayable) == (NO_SINGLE_REASON, "")


def test_only_what_raises_the_score() -> None:
    assert reasons_of({"orders__days_since": -0.4}, HABIT, US)[0].hint == NO_SINGLE_REASON
    assert reasons_of({}, HABIT, US)[0].hint == NO_SINGLE_REASON


def test_one_reason_per_fetcher_strongest_first() -> None:
    values = HABIT | {"orders__count_28d": 1, "support__complaints_28d": 2}
    weights = {"orders__days_since": 0.3, "orders__count_28d": 0.2, "support__complaints_28d": 0.5}
    assert [one.hint for one in reasons_of(weights, values, US)] == [
        "2 complaints in the last 28 days",
        "16 days since the last order; usually 6",
    ]
    assert [one.fetcher for one in reasons_of(weights, values, US)] == ["support", "orders"]


def test_a_derived_column_speaks_through_what_happened() -> None:
    (found,) = reasons_of({"derived__overdue": 0.4, "orders__days_since": -0.1}, HABIT, US)
    assert found.feature == "orders__days_since"
    assert set(derived.collect()["derived__overdue"].inputs) <= set(inputs_of(("derived__overdue",)))


def test_money_is_shown_in_the_currency() -> None:
    values = {"orders__spend_28d": 1234, "orders__spend_ever": 280_000, "orders__tenure": 280}
    (found,) = reasons_of({"orders__spend_28d": 0.4}, values, US)
    assert found.hint == "spent 12.34 USD in the last 28 days; usually 280.00 USD"


@pytest.mark.parametrize(
    ("currency", "decimal", "said"),
    [
        ("USD", ".", "spent 3980.00 USD in the last 28 days; usually 40000.00 USD"),
        ("JPY", ".", "spent 398000 JPY in the last 28 days; usually 4000000 JPY"),
        ("KWD", ".", "spent 398.000 KWD in the last 28 days; usually 4000.000 KWD"),
        ("EUR", ",", "spent 3980,00 EUR in the last 28 days; usually 40000,00 EUR"),
    ],
)
def test_money_has_the_digits_of_its_currency(currency: str, decimal: str, said: str) -> None:
    values = {"orders__spend_28d": 398_000, "orders__spend_ever": 40_000_000, "orders__tenure": 280}
    place = msgspec.structs.replace(US, currency=currency, decimal=decimal)
    assert reasons_of({"orders__spend_28d": 0.4}, values, place)[0].hint == said


def test_some_things_are_never_sayable_whatever_their_words_say() -> None:
    for name, feature in fetcher.all_features().items():
        if fetcher.get(feature.fetcher).family in roles.NEVER_SAYABLE and feature.dtype != "str":
            loud = replace(feature.fold, unit="", hint="{value} of it", sayable="We know: {value}.")
            found = reasons._reason(replace(feature, fold=loud), {name: 3}, US)
            assert found is not None and found.sayable == "" and found.hint == "3 of it"


def test_a_second_fetcher_over_payments_is_never_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = Count(kinds=("failed",), hint="{value} failed", sayable="We know: {value}.")
    body = {"__doc__": "Cards.", "__module__": __name__, "family": "payments", "failed": loud}
    cards = type(Fetcher)("Cards", (Fetcher,), body)
    monkeypatch.setattr(fetcher, "get", {"cards": cards}.__getitem__)
    monkeypatch.setattr(reasons, "_features", lambda: {one.full_name: one for one in cards.features})
    found = reasons._reason(cards.features[0], {"cards__failed": 3}, US)
    assert found is not None and (found.hint, found.sayable) == ("3 failed", "")


@pytest.mark.parametrize("name", sorted(fetcher.all_features()))
def test_every_sentence_can_be_said(name: str) -> None:
    """Collected: whatever a definition says about itself must not fail a live call."""
    feature = fetcher.all_features()[name]
    for value in (0, 1, 7.26, -3):
        for usual in (None, 0.4, 9):
            for text in (feature.fold.hint, feature.fold.sayable):
                said = reasons._say(text, feature.fold, value, usual, US)
                assert "{" not in said and (text == "" or said)
