"""The feedback: counts against a plain recount, intervals that contain them, and a page that loads nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pages.page import Table, Text
from scorer.feedback import pictures, weekly
from scorer.feedback import validation as feedbacks
from scorer.feedback.outcomes import collect
from scorer.feedback.page import page
from scorer.feedback.validation import Feedback, HeldOut, feedback, sentence
from scorer.tuesday.export import export
from scorer.tuesday.week import Folder
from scv.errors import UserError
from scv.events import calendar
from scv.model.metrics import Interval
from scv.settings import Settings
from tests.scorer.shop import AT, EARLIER, US, Shop

SMALL = msgspec.structs.replace(US, capacity=15, held_out_share=0.3)


@pytest.fixture(scope="module")
def settings(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = msgspec.structs.replace(made.settings, exports=str(tmp_path_factory.mktemp("exports")))
    for at in (EARLIER, AT):
        export(found, SMALL, at)
    return found


@pytest.fixture(scope="module")
def judged(settings: Settings) -> Feedback:
    return feedback(settings, SMALL, [AT, EARLIER])


def test_labels_are_what_then_happened(made: Shop, settings: Settings) -> None:
    (past, *_), _ = collect(settings, SMALL, [EARLIER, AT])
    assert past.dates == ["2017-08-29", "2017-09-05"] and not past.waiting
    for customer, week, y in zip(past.customers, past.week, past.y, strict=True):
        start = (EARLIER, AT)[week]
        orders = [one for one in made.events if one.customer_id == customer and one.kind == "placed"]
        assert y == (not any(start <= one.occurred_at < start + timedelta(days=56) for one in orders))


def test_the_business_line_is_a_plain_count(settings: Settings, judged: Feedback) -> None:
    past, found = judged.judged[0].past, judged.judged[0].business
    assert found is not None
    listed = [row for date in past.dates for row in _rows(settings, date) if row["contact_status"] == "LISTED"]
    assert found.contacts == len(listed) == 30
    happened = {(c, past.dates[w]): y for c, w, y in zip(past.customers, past.week, past.y, strict=True)}
    assert found.left.value == sum(happened[row["customer_id"], row["date"]] for row in listed)
    for one in (found.left, found.by_chance, found.by_recency):
        assert one.low <= one.value <= one.high
    assert found.by_chance.value < found.left.value
    assert sentence(judged).startswith("Of 30 contacts listed over 2 Tuesdays")


def test_every_target_is_judged_by_who_was_on_the_list_of_its_week(settings: Settings) -> None:
    """The list is by one target; what a contact does shows in all of them."""
    lists = {
        date: {str(row["customer_id"]): row for row in _rows(settings, date)} for date in ("2017-08-29", "2017-09-05")
    }
    past = next(one for one in collect(settings, SMALL, [EARLIER, AT])[0] if one.target.name == "skip")
    assert {"LISTED", "HELD_OUT", "NOT_LISTED"} <= set(past.status)
    for customer, week, status, would in zip(past.customers, past.week, past.status, past.would_list, strict=True):
        row = lists[past.dates[week]][customer]
        assert (status, would) == (row["contact_status"], row["would_list"])


def _rows(settings: Settings, date: str) -> list[dict[str, object]]:
    week = Folder(settings.exports_url, US).week(calendar.reference(date, US))
    assert week is not None
    return [row | {"date": date} for row in week.scores().to_pylist() if row["target"] == "lapse"]


def test_ties_share_the_last_places() -> None:
    assert feedbacks._chosen(np.array([3.0, 1.0, 1.0, 1.0, 0.0]), 2).tolist() == [1, 1 / 3, 1 / 3, 1 / 3, 0]
    assert feedbacks._chosen(np.array([1.0, 2.0]), 5).tolist() == [1, 1]


def test_nobody_was_contacted_so_it_is_a_placebo_check(judged: Feedback) -> None:
    found = judged.judged[0].held_out
    assert found is not None and found.placebo
    past = judged.judged[0].past
    away = past.would_list & (past.status == "HELD_OUT")
    assert found.held_out == len(np.unique(past.customers[away])) > 0  # all of one season
    assert found.effect.low <= found.effect.value <= found.effect.high and found.smallest > 0
    assert "no effect of a contact that never was" in found.verdict or "failed" in found.verdict


def test_the_page_stands_alone(judged: Feedback) -> None:
    text = page(judged, ["A note & more."])
    assert text.count("data:image/png;base64,") == 3 + 1 + 3  # lapse, its effect, and skip; nobody scored `return`
    after_pictures = re.findall(r"<img[^>]*></p>\s*<p[^>]*>([^<]+)</p>", text)
    assert len(after_pictures) == 7 and all(said.endswith(".") for said in after_pictures)
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text) and "<script" not in text
    assert "@import" not in text and "url(" not in text
    for words in ("Placebo check", "AUC of recency alone", "by household", "Nobody on these lists was", "A note &amp;"):
        assert words in text
    assert "No mature labels" in text
    assert page(judged, ["A note & more."]) == text
    assert not [name for name in set(judged.judged[0].past.customers) if f">{name}<" in text]


def test_what_is_not_decided_waits(made: Shop, settings: Settings) -> None:
    late = calendar.reference("2017-11-07", US)
    made.fetch(late)
    export(settings, SMALL, late)
    (past, *_), _ = collect(settings, SMALL, [AT, late])
    assert past.waiting == ["2017-11-07"] and past.dates == ["2017-09-05"]
    only = feedback(settings, SMALL, [late])
    assert only.judged[0].quality is None
    assert "No list of these weeks" in sentence(only) and "Not decided yet: 2017-11-07" in page(only)


def test_where_nobody_was_listed_that_is_said(judged: Feedback) -> None:
    first = judged.judged[0]
    unlisted = replace(judged, judged=[replace(first, business=None)])
    assert "on the 2 Tuesdays with mature labels nobody was listed" in sentence(unlisted)
    alike = replace(judged, judged=[replace(first, business=None, quality=None)])
    assert f"all {len(first.past)} outcomes are the same" in sentence(alike)


def test_a_week_that_was_not_published_is_told(settings: Settings) -> None:
    with pytest.raises(UserError, match="cerebro export US -d 2017-09-12"):
        feedback(settings, SMALL, [AT + timedelta(days=7)])


def test_the_sheets_lie_beside(settings: Settings) -> None:
    assert (Path(settings.exports) / "US/2017-09-05/contacts_US_2017-09-05.xlsx").is_file()


def test_every_tuesday_has_its_row_and_the_rows_add_up(judged: Feedback) -> None:
    past = judged.judged[0].past
    *weeks, every = weekly.by_tuesday(past).rows
    assert [row[0] for row in weeks] == past.dates and every[0] == "all"
    for column in (1, 5, 7):
        assert sum(int(str(row[column])) for row in weeks) == int(str(every[column]))
    contacted = replace(past, contacted=past.y == 1)
    assert weekly.by_tuesday(contacted).rows[-1][-2:] == [f"{int(past.y.sum())}", "100.0 %"]


def test_a_change_is_of_the_same_customer_a_week_earlier_or_not_there(judged: Feedback) -> None:
    past = judged.judged[0].past
    said = {(who, past.dates[week]): p for who, week, p in zip(past.customers, past.week, past.p, strict=True)}
    found, compared = weekly.changes(past), 0
    for who, week, p, change in zip(past.customers, past.week, past.p, found, strict=True):
        before = said.get((who, "2017-08-29")) if past.dates[week] == "2017-09-05" else None
        assert np.isnan(change) if before is None else change == p - before
        compared += before is not None
    assert compared > 20
    apart = replace(past, dates=["2017-08-22", "2017-09-05"])
    assert np.isnan(weekly.changes(apart)).all() and not list(weekly.movers(apart))
    rows = next(one for one in weekly.movers(past) if isinstance(one, Table)).rows
    assert sum(int(str(row[1])) for row in rows) == compared


@pytest.mark.parametrize(
    ("low", "high", "contacted", "said"),
    [
        (-0.08, -0.01, 9, "contact kept customers"),
        (0.01, 0.08, 9, "contact did harm"),
        (-0.08, 0.01, 9, "nobody can tell yet, for so many rows show no less than 5.0 points"),
        (-0.08, 0.01, 0, "as nobody was contacted it must be nothing, and it may be"),
        (0.01, 0.08, 0, "it is not: look for a fault in the draw"),
    ],
)
def test_the_effect_is_a_sentence(low: float, high: float, contacted: int, said: str) -> None:
    found = HeldOut(100, 20, 0.1, 0.15, Interval((low + high) / 2, low, high), 0.05, contacted)
    *_, text = pictures.of_effect(found, "lapse")
    assert isinstance(text, Text) and said in text.text
    assert f"between {100 * low:+.1f} and {100 * high:+.1f}" in text.text
