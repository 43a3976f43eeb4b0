"""Reasons: against the customer's own habit, one per theme, true and worth saying, and never aloud what must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer import habit, reasons, wording
from scorer.reasons import COMING_BACK, LEAST_SHARE, NO_SINGLE_REASON, Reason, inputs_of
from scorer.theme import THEMES, theme_of
from scv import language
from scv.events import country
from scv.features import derived, fetcher
from scv.features.fetcher import Fetcher
from scv.fetchers import roles
from scv.folds import Count

US = country.load("US")
HABIT = {"orders__days_since": 16, "rhythm__gap_mean": 6.1, "orders__tenure": 280, "orders__count_ever": 40}
SILENT = "The last order was 16 days ago; usually one comes every 6 days."
LIKE_LEAVERS = language.load("en").themes["leaving"]


def reasons_of(weights: dict[str, float], values: dict[str, Any], place: country.Country = US, target: str = "lapse",
               phase: str = "established") -> tuple[Reason, ...]:  # fmt: skip
    return reasons.reasons_of(weights, values, place, target, phase)


def test_the_sentence_is_against_the_own_habit() -> None:
    (found,) = reasons_of({"orders__days_since": 0.4}, HABIT)
    assert found.hint == SILENT and found.theme == "rhythm" and found.fetcher == "orders"
    assert found.sayable == "It has been 16 days since your last order."
    (found,) = reasons_of({"orders__days_since": 0.4}, HABIT | {"orders__days_since": 1, "rhythm__gap_mean": 0.0})
    assert found.hint == LIKE_LEAVERS["rhythm"]
    (found,) = reasons_of({"orders__count_28d": 0.4}, HABIT | {"orders__count_28d": 1})
    assert found.hint == "1 order in the last 28 days; usually 4."


@pytest.mark.parametrize("values", [
    HABIT | {"orders__days_since": 6}, HABIT | {"orders__days_since": 7, "rhythm__gap_mean": 6.1},
    HABIT | {"rhythm__gap_mean": None}, {"orders__days_since": None},
])  # fmt: skip
def test_a_trifle_or_what_cannot_be_compared_is_no_fact_but_the_theme_has_a_sentence(values: dict[str, Any]) -> None:
    (found,) = reasons_of({"orders__days_since": 0.4}, values)
    assert (found.hint, found.feature, found.sayable) == (LIKE_LEAVERS["rhythm"], "", "")


def test_only_what_raises_the_score() -> None:
    assert reasons_of({"orders__days_since": -0.4}, HABIT)[0].hint == NO_SINGLE_REASON
    assert reasons_of({}, HABIT)[0].hint == NO_SINGLE_REASON
    assert reasons_of({"profile__age": 0.4}, HABIT)[0].hint == NO_SINGLE_REASON
    # a theme counts by the sum of all that belongs to it
    assert reasons_of({"orders__days_since": 0.4, "orders__count_7d": -0.5}, HABIT)[0].hint == NO_SINGLE_REASON


def test_one_reason_per_theme_strongest_first() -> None:
    values = HABIT | {"orders__count_28d": 1, "support__complaints_28d": 2, "orders__late_boxes_28d": 1}
    weights = {
        "orders__days_since": 0.3, "orders__count_28d": 0.1, "support__complaints_28d": 0.5,
        "orders__late_boxes_28d": 0.2,
    }  # fmt: skip
    assert [(one.theme, one.hint) for one in reasons_of(weights, values)] == [
        ("complaints", "2 complaints in the last 28 days."),
        ("rhythm", SILENT),
        ("deliveries", "1 box came late in the last 28 days."),
    ]


def test_many_small_columns_of_a_theme_make_one_reason() -> None:
    weights = dict.fromkeys(("orders__count_7d", "orders__count_14d", "orders__days_since", "derived__overdue"), 0.1)
    found = reasons_of(weights | {"support__complaints_28d": 0.3}, HABIT | {"support__complaints_28d": 1})
    assert [one.theme for one in found] == ["rhythm", "complaints"]


def test_the_first_weeks_are_a_reason() -> None:
    (found,) = reasons_of({"phase": 0.3, "lifecycle__tenure": 0.2}, HABIT, target="cancellation", phase="new")
    assert found.hint == "Still in the first weeks, when most customers leave." and found.theme == "newness"


@pytest.mark.parametrize("target", sorted(COMING_BACK))
def test_what_speaks_for_leaving_is_no_reason_to_come_back(target: str) -> None:
    weights = {"orders__days_since": 0.3, "support__complaints_28d": 0.5}
    (found,) = reasons_of(weights, HABIT | {"support__complaints_28d": 2}, target=target, phase="left")
    assert found.hint == language.load("en").themes["coming back"]["complaints"]


def test_a_derived_column_speaks_through_what_happened() -> None:
    (found,) = reasons_of({"derived__overdue": 0.4, "orders__days_since": -0.1}, HABIT)
    assert found.feature == "orders__days_since"
    assert set(derived.collect()["derived__overdue"].inputs) <= set(inputs_of(("derived__overdue",)))


@pytest.mark.parametrize(
    ("code", "currency", "said"),
    [
        ("en", "USD", "Spent $3,980 in the last 28 days; usually $40,000."),
        ("en", "JPY", "Spent ¥398,000 in the last 28 days; usually ¥4,000,000."),
        ("en", "KWD", "Spent KWD398 in the last 28 days; usually KWD4,000."),
        ("de", "EUR", "3.980\xa0€ in den letzten 28 Tagen ausgegeben; sonst 40.000\xa0€."),
        ("fr", "EUR", "3\u202f980\xa0€ dépensés sur les 28 derniers jours ; d'habitude 40\u202f000\xa0€."),
    ],
)
def test_money_is_as_the_language_has_it(code: str, currency: str, said: str) -> None:
    values = {"orders__spend_28d": 398_000, "orders__spend_ever": 40_000_000, "orders__tenure": 280}
    place = msgspec.structs.replace(US, currency=currency, language=code)
    assert reasons_of({"orders__spend_28d": 0.4}, values, place)[0].hint == said


def test_small_money_keeps_its_cents() -> None:
    values = {"orders__spend_28d": 123, "orders__spend_ever": 280_00, "orders__tenure": 280}
    assert reasons_of({"orders__spend_28d": 0.4}, values)[0].hint == "Spent $1.23 in the last 28 days; usually $28."


def test_a_language_without_the_sentence_says_it_in_english_and_counts() -> None:
    place, before = msgspec.structs.replace(US, language="de"), wording.missing.total()
    loud = Count(kinds=("failed",), hint="{value} {value:thing|things}.")
    feature = replace(fetcher.all_features()["payments__failures_28d"], fold=loud)
    assert wording.worded(loud.hint, feature, 2, None, place) == "2 things."
    assert wording.missing.total() == before + 1


def test_some_things_are_never_sayable_whatever_their_words_say() -> None:
    for name, feature in fetcher.all_features().items():
        if fetcher.get(feature.fetcher).family in roles.NEVER_SAYABLE and feature.dtype != "str":
            loud = replace(feature.fold, unit="", hint="{value} of it", sayable="We know: {value}.")
            found = reasons._reason(replace(feature, fold=loud), {name: 3}, US, "lapse")
            assert found is not None and found.sayable == "" and found.hint == "3 of it"


def test_a_second_fetcher_over_payments_is_never_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = Count(kinds=("failed",), hint="{value} failed", sayable="We know: {value}.")
    body = {"__doc__": "Cards.", "__module__": __name__, "family": "payments", "failed": loud}
    cards = type(Fetcher)("Cards", (Fetcher,), body)
    every = {**fetcher.all_features(), **{one.full_name: one for one in cards.features}}
    monkeypatch.setattr(fetcher, "get", {**fetcher.collect(), "cards": cards}.__getitem__)
    monkeypatch.setattr(reasons, "_features", lambda: every)
    monkeypatch.setattr(habit, "_features", lambda: every)
    found = reasons._reason(cards.features[0], {"cards__failed": 3}, US, "lapse")
    assert found is not None and (found.hint, found.sayable) == ("3 failed", "")


SPEAKING = sorted(name for name, one in fetcher.all_features().items() if one.fold.hint)
AMOUNTS = st.one_of(st.none(), st.floats(0, 400), st.integers(0, 400))


@given(
    st.dictionaries(st.sampled_from(SPEAKING), st.floats(-1, 1)),
    st.dictionaries(st.sampled_from(sorted(fetcher.all_features())), AMOUNTS),
    st.sampled_from(["lapse", "return", "cancellation"]),
)
def test_every_reason_is_true_and_no_trifle(weights: dict[str, float], values: dict[str, Any], target: str) -> None:
    """Whatever a customer is like: a fact is off the habit by a quarter, and who is pushed up has a reason."""
    values = {name: value for name, value in values.items() if fetcher.all_features()[name].dtype != "str"}
    found = reasons_of(weights, values, target=target)
    assert len({one.theme for one in found}) == len(found) >= 1
    for one in (one for one in found if one.feature):
        own = habit.habit_of(one.feature)
        usual = own.usual(*(values.get(name) for name in own.needs))
        assert weights[one.feature] > 0 and values[one.feature] is not None
        if usual is not None and "{usual" in fetcher.all_features()[one.feature].fold.hint:
            assert abs(values[one.feature] - usual) >= LEAST_SHARE * usual
    pushed = {theme: sum(w for name, w in weights.items() if theme_of(name) == theme) for theme in THEMES}
    assert (found[0].hint == NO_SINGLE_REASON) == (max(pushed.values()) <= 0)
    assert roles.OTHER not in {one.theme for one in found}


@pytest.mark.parametrize("code", language.known())
@pytest.mark.parametrize("name", sorted(fetcher.all_features()))
def test_every_sentence_can_be_said(name: str, code: str) -> None:
    """Collected: whatever a definition says about itself must not fail a live call."""
    feature, place = fetcher.all_features()[name], msgspec.structs.replace(US, language=code)
    for value in (0, 1, 7.26, -3):
        for usual in (None, 0.4, 9):
            for text in (feature.fold.hint, feature.fold.sayable):
                said = wording.worded(text, feature, value, usual, place)
                assert "{" not in said and "|" not in said
                assert text == "" or said.endswith(".")
