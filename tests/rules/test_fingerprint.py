"""What changes a fingerprint (what a feature computes) and what does not (its words); errors in definitions help."""

from __future__ import annotations

from typing import Any

import pytest

from scv.errors import BadSetting, UnknownName
from scv.features.fetcher import Fetcher, collect
from scv.folds import (
    ActiveDays,
    Count,
    DaysSince,
    DaysUntil,
    DaysUntilCutOff,
    DistinctCount,
    Latest,
    Min,
    SkippedBoxes,
    Sum,
)
from scv.folds.fold import Fold, Window, Windowed

PLACED = ("placed",)
BASE = Sum("amount_cents", kinds=PLACED).over(28)


def define(family: str = "orders", name: str = "Probe", doc: str = "A probe.", **features: Fold | Windowed) -> Any:
    return type(name, (Fetcher,), {"__doc__": doc, "family": family, "__module__": __name__, **features})


def test_words_do_not_change_a_fingerprint() -> None:
    told = Sum("amount_cents", kinds=PLACED, doc="Money.", unit="cents", hint="{value}", sayable="x").over(28)
    plain, worded = define(spend=BASE), define(spend=told, doc="Another sentence.")
    assert plain.fingerprint() == worded.fingerprint()
    assert plain.features[0].fingerprint == worded.features[0].fingerprint


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Sum("amount_cents", kinds=PLACED).over(29), id="window"),
        pytest.param(Windowed(Sum("amount_cents", kinds=PLACED), {"": Window(28, 7)}), id="end of the window"),
        pytest.param(Sum("amount_cents", kinds=PLACED), id="no window"),
        pytest.param(Sum("discount_cents", kinds=PLACED).over(28), id="field"),
        pytest.param(Sum("amount_cents").over(28), id="kinds"),
        pytest.param(Sum("amount_cents", kinds=PLACED, per=100).over(28), id="parameter"),
        pytest.param(Sum("amount_cents", kinds=PLACED, where=(("items", ">=", 2),)).over(28), id="where"),
        pytest.param(Count("amount_cents", kinds=PLACED).over(28), id="fold"),
    ],
)
def test_what_a_feature_computes_changes_its_fingerprint(other: Fold | Windowed) -> None:
    one, two = define(spend=BASE), define(spend=other)
    assert one.fingerprint() != two.fingerprint()
    assert one.features[0].fingerprint != two.features[0].fingerprint


def test_a_conditions_value_and_sign_count() -> None:
    wheres = [("late_days", ">=", 1), ("late_days", "==", 1), ("late_days", ">=", 2)]
    assert len({define(late=Count(where=(where,))).fingerprint() for where in wheres}) == 3


def test_every_parameter_of_its_own_counts() -> None:
    pairs = [
        (DistinctCount("box_size"), DistinctCount("box_size", most=3), "orders"),
        (Sum("late_days"), Sum("late_days", per=7), "orders"),
    ]
    for one, two, family in pairs:
        assert define(family, feature=one).fingerprint() != define(family, feature=two).fingerprint()


def test_the_open_week_is_another_window_than_any() -> None:
    skips = SkippedBoxes()
    found = [define("subscription", skips=one) for one in (skips, skips.over_open_week(), skips.over(7))]
    assert len({fetcher.fingerprint() for fetcher in found}) == 3


def test_name_order_and_family_count() -> None:
    one, two = Count(kinds=PLACED), DaysSince(kinds=PLACED)
    found = [define(a=one, b=two), define(b=two, a=one), define(a=one, c=two), define("mail", a=Count(), b=DaysSince())]
    assert len({fetcher.fingerprint() for fetcher in found}) == 4


def test_fingerprints_of_the_product_are_unique() -> None:
    fingerprints = [feature.fingerprint for fetcher in collect().values() for feature in fetcher.features]
    assert len(set(fingerprints)) == len(fingerprints)


def test_an_unknown_kind_or_field_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'plced'.*Did you mean 'placed'.*Probe, feature orders"):
        define(orders=Count(kinds=("plced",)))
    with pytest.raises(UnknownName, match=r"'amount_cent'.*Did you mean 'amount_cents'"):
        define(spend=Sum("amount_cent"))
    with pytest.raises(UnknownName, match=r"'item'.*Did you mean 'items'"):
        define(orders=Count(where=(("item", ">=", 1),)))
    with pytest.raises(UnknownName, match=r"payload field 'subscription_id'.*feature stands"):
        define(stands=DaysUntilCutOff())
    with pytest.raises(UnknownName, match=r"'order'.*Did you mean 'orders'"):
        define("order", orders=Count())
    with pytest.raises(UnknownName, match=r"channel of `consent` 'Email'.*Did you mean 'email'.*Probe, feature mail"):
        define("contacts", mail=Latest("given", kinds=("consent",), where=(("channel", "==", "Email"),)))


@pytest.mark.parametrize(
    ("family", "wrong", "says"),
    [
        ("orders", Sum(), "Sum needs a field"),
        ("orders", Sum("box_size"), "Sum needs a field of type int or bool; box_size is str"),
        ("orders", Min("kind"), "Min needs a field of type int; kind is str"),
        ("subscription", DaysUntil("voluntary"), "DaysUntil needs a field of type date"),
        ("orders", DaysSince().over(28), "DaysSince takes no window"),
        ("orders", ActiveDays().over(400), "at most 399 days"),
        ("subscription", SkippedBoxes().over(56), "at most 35 days"),
        ("orders", Count().over_open_week(), "Count cannot look ahead"),
        ("subscription", DaysUntilCutOff().over(7), "DaysUntilCutOff takes no window"),
        ("orders", Count().over(0), "0 <= end < start"),
        ("orders", Count().over(-1), "0 <= end < start"),
        ("orders", Windowed(Count(), {"": Window(7, 28)}), "0 <= end < start"),
        ("orders", Count(where=(("box_size", "==", "large"),)), "`box_size` of `placed` takes any word"),
        ("contacts", Count(where=(("channel", "==", "email"),)), "`channel` of `outcome` takes any word"),
    ],
)
def test_what_could_only_compute_nonsense_is_refused(family: str, wrong: Fold | Windowed, says: str) -> None:
    with pytest.raises(BadSetting, match=f"{says}.*Probe, feature f"):
        define(family, f=wrong)


def test_a_fetcher_needs_a_sentence_and_a_feature() -> None:
    with pytest.raises(BadSetting, match="docstring"):
        define(doc="", a=Count())
    with pytest.raises(BadSetting, match="no feature"):
        define()
