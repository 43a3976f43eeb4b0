"""What parity counts: a value on either side; both and different, only in the batch, only in the way."""

from __future__ import annotations

from proof.parity import cause, report
from proof.parity.comparing import Compared
from proof.parity.tally import Counts, Explained, Tally

NAN = float("nan")


def test_a_value_that_a_way_leaves_out_is_missing_and_one_that_only_it_has_is_extra() -> None:
    tally = Tally("rows")
    differing = tally.compare("orders", "orders__count", ["1", "2", "3", "4"], [2, 3, None, 5], [None, 4, 7, 5])
    assert tally.counts == {("orders", "orders__count"): Counts(compared=4, mismatch=1, missing=1, extra=1)}
    assert [(one.customer, one.kind, one.batch, one.found) for one in differing] == [
        ("1", "missing", 2, None), ("2", "mismatch", 3, 4), ("3", "extra", None, 7),
    ]  # fmt: skip


def test_missing_on_both_sides_does_not_count() -> None:
    tally = Tally("rows")
    assert tally.compare("orders", "orders__largest", ["1", "2"], [None, NAN], [NAN, None]) == []
    assert tally.compare("orders", "orders__largest", ["1", "2"], [None, NAN], [None, NAN]) == []
    assert tally.total.compared == 0 and list(tally.groups()) == []


def test_equal_columns_count_what_they_hold() -> None:
    tally = Tally("rows")
    assert tally.compare("orders", "orders__largest", ["1", "2", "3"], [1, None, 0.5], [1, None, 0.5]) == []
    assert tally.total == Counts(compared=2)


def test_nothing_compared_is_no_proof() -> None:
    tally = Tally("rows")
    assert not report.holds([Compared("ZZ", None, tallies=[tally])])
    tally.compare("orders", "orders__count", ["1"], [1], [1])
    assert report.holds([Compared("ZZ", None, tallies=[tally])])


def test_what_nobody_explains_is_counted_and_said_first() -> None:
    tally = Tally("rows")
    wrong = tally.compare("orders", "orders__count", list("abc"), [1, 2, 3], [4, 5, 6])
    for one, why in zip(wrong, [cause.LATE, cause.LATE, cause.joined([])], strict=True):
        tally.explain(Explained(one, why, ""))
    found = [Compared("ZZ", None, tallies=[tally])]
    assert report.by_cause(found) == {cause.UNEXPLAINED: 1, cause.LATE: 2}
    assert list(report.by_cause(found)) == [cause.UNEXPLAINED, cause.LATE]
    assert "1 UNEXPLAINED: please report them" in report.verdict(found)


def test_every_cause_says_what_to_do() -> None:
    named = {value for name, value in vars(cause).items() if name.isupper() and isinstance(value, str)}
    assert named - {cause.JOINED} == set(cause.ADVICE)
    assert not any(cause.JOINED in one for one in cause.ADVICE)
