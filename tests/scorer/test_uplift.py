"""Whom a contact helps: effects by group against worlds that are drawn here, and the list in that order."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import openpyxl
import pytest

from scorer.feedback.outcomes import Hindsight
from scorer.feedback.page import page
from scorer.feedback.uplift import Ranking, Uplift, ranking, uplift
from scorer.feedback.validation import Feedback, TargetFeedback, held_out
from scorer.tuesday import ranking as orders
from scorer.tuesday.export import export
from scv.model import metrics
from scv.targets import target
from tests.scorer.shop import AT, EARLIER, US, Shop

GROUPS = np.array(["new, complaints", "new, app", "established, money", "dormant, silence"], dtype=object)


def drawn(seed: int, n: int, kept: tuple[float, ...], name: str = "cancellation", share: float = 0.2) -> Hindsight:
    """n customers once each on a list; a contact takes the share `kept` of their group from the probability."""
    dice = np.random.default_rng(seed)
    group, away = dice.integers(0, len(GROUPS), n), dice.random(n) < share
    p = dice.beta(2, 8, n)
    keeps = np.array(kept)[group]
    y = dice.random(n) < np.where(away, p, np.clip(p * (1 - keeps), 0, 1))
    return Hindsight(
        target=target.get(name), dates=["2017-08-29", "2017-09-05"], waiting=[],
        customers=np.array([f"c{k}" for k in range(n)]), week=dice.integers(0, 2, n),
        season=np.zeros(n, dtype=np.int64), y=y.astype(float), p=p,
        phase=np.full(n, "new", dtype=object), status=np.where(away, "HELD_OUT", "LISTED").astype(object),
        would_list=np.ones(n, dtype=bool), recency=np.zeros(n), value=dice.integers(1, 9, n) * 1000.0,
        group=GROUPS[group], contacted=~away, removed={}, outcomes={},
    )  # fmt: skip


def test_with_many_rows_each_group_gets_its_own_effect() -> None:
    kept = (0.6, 0.0, 0.3, 0.1)
    found = uplift(drawn(1, 60_000, kept))
    assert found.known
    for name, true in zip(GROUPS, kept, strict=True):
        assert found.groups[name].own > 0.8 and abs(found.groups[name].kept - true) < 0.12
    assert found.kept(np.array(["nobody, nowhere"], dtype=object)).tolist() == [found.average]


def test_with_few_rows_everybody_is_like_the_average() -> None:
    """Drawn towards it: nearer to the truth than what each group says of itself."""
    pooled, alone = [], []
    for seed in range(60):
        past = drawn(seed, 1200, (0.3, 0.3, 0.3, 0.3))
        found = uplift(past)
        for name in GROUPS:
            of = past.group == name
            own = 0.0
            for status, sign in (("HELD_OUT", 1), ("LISTED", -1)):
                rows = of & (past.status == status)
                own += sign * past.y[rows].sum() / past.p[rows].sum()
            alone.append((own - 0.3) ** 2)
            pooled.append((found.groups[name].kept - 0.3) ** 2)
    assert np.mean(pooled) < 0.5 * np.mean(alone)


def test_of_no_effect_one_is_claimed_in_one_of_twenty() -> None:
    claimed = np.mean([uplift(drawn(seed, 3000, (0, 0, 0, 0))).known for seed in range(200)])
    assert claimed < 0.10
    assert np.mean([uplift(drawn(seed, 3000, (0.5, 0, 0.5, 0))).known for seed in range(50)]) > 0.5


def test_where_people_are_to_come_back_more_of_them_is_what_is_kept() -> None:
    found = uplift(drawn(4, 30_000, (-0.5, -0.5, -0.5, -0.5), "reactivation"))
    assert found.known and 0.3 < found.average < 0.7


def test_nothing_known_is_nothing_kept() -> None:
    past = drawn(5, 40, (0.5, 0.5, 0.5, 0.5))
    assert uplift(past, np.zeros(40, dtype=bool)) == Uplift() and not Uplift().known
    assert Uplift().kept(GROUPS).tolist() == [0, 0, 0, 0]
    assert ranking(drawn(6, 30, (0, 0, 0, 0), share=0.0)) is None


def test_the_lot_tells_what_an_order_saves() -> None:
    """Its estimate over many draws is what the better half really saves; and the interval holds the difference."""
    kept, inside, estimates, truths = (0.8, 0.0, 0.0, 0.0), 0, [], []
    for seed in range(60):
        past = drawn(seed, 4000, kept)
        found = ranking(past)
        assert isinstance(found, Ranking)
        keeps = dict(zip(GROUPS.tolist(), kept, strict=True))
        saves = past.p * np.array([keeps[one] for one in past.group.tolist()]) * past.value
        truth = 0.0
        for week in (0, 1):
            of = np.flatnonzero(past.week == week)
            truth += saves[of[np.argsort(-past.p[of], kind="stable")[: len(of) // 2]]].sum()
        truths.append(100 * truth / (len(past) // 2))
        estimates.append(found.by_risk.value)
        inside += found.by_risk.low <= truths[-1] <= found.by_risk.high
    assert abs(np.mean(estimates) - np.mean(truths)) < 0.1 * np.mean(truths)
    assert inside >= 52
    assert ranking(drawn(1, 30_000, kept)).is_better  # type: ignore[union-attr]


def test_the_page_says_whom_it_helps_and_what_to_do() -> None:
    for kept, said in (((0.8, 0.0, 0.0, 0.0), "is surely better here"), ((0, 0, 0, 0), "stay with the risk")):
        past = drawn(1, 30_000, kept)
        quality = metrics.quality(past.y, past.p, metrics.draw_weights(past.customers, 1), past.week, 1)
        one = TargetFeedback(past, quality, None, held_out(past), uplift(past), ranking(past))
        text = page(Feedback(US, [one]))
        assert "Whom contact helps" in text and said in text and "ranked by risk" in text
        assert all(name in text for name in GROUPS)


def listed(made: Shop, folder: Path, country, at=AT) -> list[dict]:  # type: ignore[no-untyped-def, type-arg]
    found = export(msgspec.structs.replace(made.settings, exports=str(folder)), country, at)
    rows = [row for row in found.week.scores().to_pylist() if row["contact_status"] == "LISTED"]
    return sorted(rows, key=lambda row: row["rank"])


def test_a_list_is_by_what_is_saved_once_that_is_known(
    made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = msgspec.structs.replace(US, capacity=15, held_out_share=0.3)
    saved = msgspec.structs.replace(small, rank_by="saved")
    by_risk = listed(made, tmp_path / "risk", small)
    assert [row["probability"] for row in by_risk] == sorted((row["probability"] for row in by_risk), reverse=True)
    unknown = listed(made, tmp_path / "unknown", saved)
    assert [row["customer_id"] for row in unknown] == [row["customer_id"] for row in by_risk]
    assert "cannot be told yet" in read_me(tmp_path / "unknown")

    past = drawn(1, 2000, (0.5, 0.5, 0.5, 0.5))
    asked = []
    monkeypatch.setattr(orders, "collect", lambda _, place, until: (asked.append(until), ([past], []))[1])
    learned = Uplift(0.2, 0.01, True, {})
    monkeypatch.setattr(orders.uplift, "uplift", lambda _: learned)
    ranked = listed(made, tmp_path / "saved", saved)
    worth = [row["probability"] * (row["value_cents"] or 0) for row in ranked]
    assert worth == sorted(worth, reverse=True) and asked == [AT]
    assert [row["customer_id"] for row in ranked] != [row["customer_id"] for row in by_risk]
    assert "By what a contact is expected to save" in read_me(tmp_path / "saved")


def read_me(folder: Path) -> str:
    book = openpyxl.load_workbook(folder / "US/2017-09-05/contacts_US_2017-09-05.xlsx")
    return " ".join(str(row[0]) for row in book["Read me"].iter_rows(values_only=True))


def test_what_was_learned_later_than_the_reference_ranks_nothing(made: Shop, tmp_path: Path) -> None:
    """The same export again is the same bytes, whatever has matured since."""
    small = msgspec.structs.replace(US, capacity=15, held_out_share=0.3, rank_by="saved")
    listed(made, tmp_path, small, EARLIER)
    rows = listed(made, tmp_path, small)
    assert rows and rows == listed(made, tmp_path, small)
    pasts, _ = orders.collect(msgspec.structs.replace(made.settings, exports=str(tmp_path)), small, until=AT)
    assert pasts[0].dates == [] and len(pasts[0].waiting) == 2
