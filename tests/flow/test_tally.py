"""What parity counts: a way that leaves a customer out differs, it is not skipped."""

from __future__ import annotations

from commands.comparison import Tally


def test_a_customer_whom_a_way_leaves_out_is_a_mismatch() -> None:
    tally = Tally("rows")
    tally.compare("900", {"orders__count_7d": 2, "orders__box_size": None}, {})
    assert tally.compared == tally.mismatches == {"orders": 1}


def test_missing_on_both_sides_does_not_count() -> None:
    tally = Tally("rows")
    tally.compare("900", {"orders__largest": None}, {"orders__largest": float("nan")})
    assert not tally.compared and not tally.examples
