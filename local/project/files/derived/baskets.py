"""Derived features: arithmetic over features that were read, row by row, by `Over`, `Minus` and `Plus`."""

from scv.features.derived import Derived, Minus, Over

DERIVED = (
    Derived(
        "basket_growth",
        Over("baskets__largest_28d", "baskets__largest_182d"),
        "Largest order of the last 28 days over that of the last half year.",
    ),
    Derived(
        "basket_spread",
        Over(Minus("baskets__largest_28d", "baskets__smallest"), "baskets__largest_28d"),
        "How far apart the orders of the last 28 days are, as a share of the largest.",
    ),
)
