"""What parity counts: a value on either side; both and different, only in the batch, only in the way."""

from __future__ import annotations

from proof.parity import cause, report
from proof.parity.cause import Explanation
from proof.parity.evidence import Evidence
from proof.parity.tally import Compared, Comparison

NAN = float("nan")
LATE, BEHIND, AHEAD = Explanation(cause.LATE, "l"), Explanation(cause.BEHIND, "b"), Explanation(cause.LAKE_BEHIND, "a")
COUNT, LARGEST = Compared("rows", "orders", "orders__count"), Compared("rows", "orders", "orders__largest")


def test_a_value_that_a_way_leaves_out_is_missing_and_one_that_only_it_has_is_extra() -> None:
    tally = Comparison("ZZ", None)
    tally.compare(COUNT, ["1", "2", "3", "4"], ([2, 3, None, 5], [None, 4, 7, 5]))
    assert tally.counts == {COUNT: {"compared": 4, "mismatch": 1, "missing": 1, "extra": 1}}
    assert [(one.customer, one.kind, one.batch, one.found) for one, _ in tally.pending] == [
        ("1", "missing", 2, None), ("2", "mismatch", 3, 4), ("3", "extra", None, 7),
    ]  # fmt: skip


def test_missing_on_both_sides_does_not_count() -> None:
    tally = Comparison("ZZ", None)
    tally.compare(LARGEST, ["1", "2"], ([None, NAN], [NAN, None]))
    tally.compare(LARGEST, ["1", "2"], ([None, NAN], [None, NAN]))
    assert tally.pending == [] and tally.counts[LARGEST]["compared"] == 0 and report.groups([tally]) == []


def test_equal_columns_count_what_they_hold() -> None:
    tally = Comparison("ZZ", None)
    tally.compare(LARGEST, ["1", "2", "3"], ([1, None, 0.5], [1, None, 0.5]))
    assert tally.pending == [] and tally.counts == {LARGEST: {"compared": 2}}


def test_nothing_compared_is_no_proof() -> None:
    tally = Comparison("ZZ", None)
    assert not report.holds([tally])
    tally.compare(COUNT, ["1"], ([1], [1]))
    assert report.holds([tally])


def test_what_nobody_explains_is_counted_and_said_first() -> None:
    tally = Comparison("ZZ", None)
    late = [Explanation(cause.LATE, "")]
    tally.compare(COUNT, list("abc"), ([1, 2, 3], [4, 5, 6]), (), lambda one: late if one.customer != "c" else ())
    tally.explain({})
    found = [tally]
    assert report.by_cause(found) == {cause.UNEXPLAINED: 1, cause.LATE: 2}
    assert list(report.by_cause(found)) == [cause.UNEXPLAINED, cause.LATE]
    assert "1 UNEXPLAINED: please report them" in report.verdict(found)


def test_each_step_at_which_a_value_changes_is_a_cause_of_it() -> None:
    steps = [
        ({"a": 1, "b": 1, "c": None, "d": 1}, LATE),
        ({"a": 2, "b": 2, "d": 1}, LATE),
        ({"b": 1, "c": NAN}, BEHIND),
    ]
    evidence = Evidence(steps)
    assert evidence.reasons("a") == [LATE, BEHIND] and evidence.reasons("d") == [BEHIND]
    assert evidence.reasons("b") == []  # what was read is what the batch says, however it came there
    assert evidence.reasons("c") == []  # missing is missing


def test_a_value_is_explained_by_whatever_it_is_made_of_and_otherwise_by_what_the_lake_cannot_tell() -> None:
    known = {
        ("orders", "1"): Evidence([({"count": 1}, LATE), ({"count": 2}, LATE)], rest=AHEAD),
        ("mail", "1"): Evidence([({"sent": 1}, BEHIND), ({}, BEHIND)]),
        ("orders", "2"): Evidence([({"count": 1}, LATE)], rest=AHEAD),
    }
    tally, inputs = Comparison("ZZ", None), ("orders__count", "mail__sent")
    tally.compare(COUNT, ["1", "2", "3"], ([1, 1, 1], [2, 2, 2]), inputs)
    tally.explain(known, [LATE])
    told = {why: finding.example.customer for (_, _, why), finding in tally.findings.items()}
    assert told == {f"{cause.BEHIND} + {cause.LATE}": "1", cause.LAKE_BEHIND: "2", cause.LATE: "3"}
    assert tally.pending == []


def test_every_cause_says_what_to_do() -> None:
    named = {value for name, value in vars(cause).items() if name.isupper() and isinstance(value, str)}
    assert named - {cause.JOINED} == set(cause.ADVICE)
    assert not any(cause.JOINED in one for one in cause.ADVICE)
