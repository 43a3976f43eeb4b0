"""A contacts sheet comes back in any dress: what people wrote into it counts once, and nothing is silently dropped."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from scv import language
from scv.errors import UserError
from scv.events import calendar, country
from scv.events.contact import ASKED_NOT, NOT_REACHED, Channel, Disposition
from streams.tables import contact_sheet, marked_copy, outcomes
from streams.tables.contact_sheet import FOR_PEOPLE, NEEDED
from streams.tables.outcomes import BEFORE, FINE, REPEATED, TAKEN, UNFILLED, KnownList, Moments, SheetOutcomes

US = country.load("US")
AT = calendar.reference("2017-09-05", US)
NOW = datetime(2017, 9, 20, 16, 30, tzinfo=UTC)
LIST = "US-lapse-2017-09-05"
CUSTOMERS = frozenset(("1000", "1001", "1002", "007", "-7"))
COLUMNS = ("customer_id", "list_id", *FOR_PEOPLE)
DISPOSITIONS, CHANNELS = Disposition.__args__, Channel.__args__  # type: ignore[attr-defined]
Row = Mapping[str, Any]


def row(**cells: Any) -> Row:
    return {
        "customer_id": "1000", "list_id": LIST, "contacted_at": "2017-09-07 14:30", "channel": "phone",
        "disposition": "no answer", "offer_code": "",
    } | cells  # fmt: skip


def csv_of(rows: Sequence[Row], separator: str = ",", columns: Sequence[str] = COLUMNS, code: str = "en") -> str:
    headers = [language.load(code).columns[name] for name in columns]
    lines = [headers, *([str(one.get(name, "")) for name in columns] for one in rows)]
    return "\r\n".join(separator.join(cells) for cells in lines) + "\r\n"


def xlsx_of(rows: Sequence[Row], columns: Sequence[str] = COLUMNS, above: int = 0, others: bool = True) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "dd/mm/yy"})
    if others:
        book.add_worksheet("Read me").write_string(0, 0, "Please fill in")
    page = book.add_worksheet("Anything")
    for line in range(above):
        page.write_string(line, 0, f"Our team, page {line}")
    for j, name in enumerate(columns):
        page.write_string(above, j, language.load("en").columns[name])
    for i, one in enumerate(rows, above + 1):
        for j, name in enumerate(columns):
            page.write(i, j, one.get(name, ""))
    page.set_column(0, 0, None, None, {"hidden": True})
    book.close()
    return out.getvalue()


def lists(before: Mapping[str, str] | None = None) -> Callable[[str], KnownList]:
    def find(list_id: str) -> KnownList:
        if list_id != LIST:
            raise UserError(f"no published list has the id {list_id!r}")
        return KnownList(US, AT, CUSTOMERS, before or {})

    return find


def returned(
    path: Path, body: str | bytes, before: Mapping[str, str] | None = None, now: datetime = NOW
) -> SheetOutcomes:
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return outcomes.outcomes(contact_sheet.read(path), path.name, lists(before), lambda _: Moments(now, False))


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "returned.csv"


def dresses(rows: Sequence[Row]) -> dict[str, tuple[str, bytes]]:
    """What people's programs make of the same rows: name of the file, its bytes."""
    moved = tuple(reversed(COLUMNS))
    return {
        "Excel": ("contacts.xlsx", xlsx_of(rows)),
        "a title above": ("contacts.xlsx", xlsx_of(rows, above=3)),
        "columns moved": ("contacts (1).xlsx", xlsx_of(rows, moved, others=False)),
        "LibreOffice": ("contacts.csv", csv_of(rows).encode()),
        "semicolons and a mark": ("contacts.csv", b"\xef\xbb\xbf" + csv_of(rows, ";").encode()),
        "a German sheet in cp1252": ("Kontakte.csv", csv_of(rows, ";", code="de").encode("cp1252")),
        "a French one": ("contacts.csv", csv_of(rows, ";", code="fr").encode()),
        "tabs": ("contacts.tsv", csv_of(rows, "\t").encode()),
        "a line of Excel's": ("contacts.csv", b"sep=;\r\n" + csv_of(rows, ";").encode()),
        "machine names": ("contacts.csv", (",".join(COLUMNS) + "\n" + csv_of(rows).partition("\r\n")[2]).encode()),
    }


ROWS = [
    row(),
    row(customer_id="1001", contacted_at="", channel="", disposition=""),
    row(customer_id="1002", disposition="offer accepted", offer_code="SPRING10"),
]


@pytest.mark.parametrize("dress", dresses([]))
def test_the_same_rows_in_any_dress(tmp_path: Path, dress: str) -> None:
    name, body = dresses(ROWS)[dress]
    found = returned(tmp_path / name, body)
    assert not found.tally.bad, found.tally.lines()
    assert list(found.became.values()) == [TAKEN, UNFILLED, TAKEN]
    first, second = found.outcomes
    assert (first.customer_id, first.channel, first.reached, first.disposition) == ("1000", "phone", False, "no answer")
    assert first.occurred_at == datetime(2017, 9, 7, 18, 30, tzinfo=UTC) and first.list_id == LIST
    assert (second.reached, second.offer_code, second.seen_at) == (True, "SPRING10", None)


@pytest.mark.parametrize("code", language.known())
def test_words_of_every_language_are_read(csv: Path, code: str) -> None:
    shown = language.load(code).words
    for one in DISPOSITIONS:
        text = shown["disposition"][one].upper()
        found = returned(csv, csv_of([row(disposition=text, channel=shown["channel"]["post"])], code=code))
        assert [(out.disposition, out.channel) for out in found.outcomes] == [(one, "post")]
        assert found.outcomes[0].reached == (one not in NOT_REACHED)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2017-09-07T14:30:00-04:00", datetime(2017, 9, 7, 18, 30, tzinfo=UTC)),
        ("07.09.2017", datetime(2017, 9, 7, 16, 0, tzinfo=UTC)),
        ("9/19/2017 2:30 PM", datetime(2017, 9, 19, 18, 30, tzinfo=UTC)),
        ("19 Sep 2017", datetime(2017, 9, 19, 16, 0, tzinfo=UTC)),
        ("42985", datetime(2017, 9, 7, 16, 0, tzinfo=UTC)),  # as a spreadsheet counts days
        ("42985,75", datetime(2017, 9, 7, 22, 0, tzinfo=UTC)),
        ("2017-09-20", datetime(2017, 9, 20, 16, 0, tzinfo=UTC)),
    ],
)
def test_days_and_times_as_people_write_them(csv: Path, cell: str, said: datetime) -> None:
    assert [one.occurred_at for one in returned(csv, csv_of([row(contacted_at=cell)], ";")).outcomes] == [said]


def test_a_cell_of_a_date_in_a_workbook(tmp_path: Path) -> None:
    for cell in (datetime(2017, 9, 7), date(2017, 9, 7), 42985.0):
        (found,) = returned(tmp_path / "a.xlsx", xlsx_of([row(contacted_at=cell)])).outcomes
        assert found.occurred_at.astimezone(US.zone).time() == time(12)


def test_today_is_no_later_than_now(csv: Path) -> None:
    early = datetime(2017, 9, 20, 13, 0, tzinfo=UTC)
    assert returned(csv, csv_of([row(contacted_at="2017-09-20")]), now=early).outcomes[0].occurred_at == early


def test_day_or_month_is_told_by_the_other_rows_or_asked_for(csv: Path) -> None:
    two_ways, now = row(contacted_at="10/09/2017"), datetime(2017, 10, 20, tzinfo=UTC)  # 10 September, or 9 October
    found = returned(csv, csv_of([two_ways]), now=now)
    assert not found.outcomes and "day or month first" in found.became[2]
    one_way = row(customer_id="1001", contacted_at="25/09/2017")
    found = returned(csv, csv_of([two_ways, one_way]), now=now)
    assert [one.occurred_at.date() for one in found.outcomes] == [date(2017, 9, 10), date(2017, 9, 25)]


BAD = {
    "nobody says when": row(contacted_at=""),
    "'Contacted by' is empty": row(channel=""),
    "'What came of it' is empty": row(disposition=""),
    "no day or time": row(contacted_at="last week"),
    "before the list was made": row(contacted_at="2017-09-04"),
    "in the future": row(contacted_at="2017-09-21"),
    "none of email, phone, post": row(channel="carrier pigeon"),
    "Did you mean": row(disposition="no anwser"),
    "not on this list": row(customer_id="9999"),
    "'007' is: a spreadsheet took its zeros": row(customer_id="7"),
    "cut off the digits": row(customer_id="1E+15"),
    "no published list": row(list_id="US-lapse-2017-08-29"),
    "offer_code": row(offer_code="x" * 65),
}


@pytest.mark.parametrize("why", BAD)
def test_a_row_that_cannot_be_taken_says_why_and_the_others_are(csv: Path, why: str) -> None:
    found = returned(csv, csv_of([BAD[why], row(customer_id="1002")]))
    assert [one.customer_id for one in found.outcomes] == ["1002"]
    assert why in found.became[2] and found.became[3] == TAKEN
    assert found.tally.bad.total() == 1 and any("row 2" in line for line in found.tally.lines())


def test_an_id_that_a_csv_made_safe_is_found(csv: Path) -> None:
    assert [one.customer_id for one in returned(csv, csv_of([row(customer_id="'-7")])).outcomes] == ["-7"]


def test_the_same_again_is_taken_once_and_another_outcome_is_refused(csv: Path) -> None:
    first = returned(csv, csv_of([row(), row()]))
    assert list(first.became.values()) == [TAKEN, REPEATED] and len(first.outcomes) == 1
    before = {one.id: outcomes.digest(one) for one in first.outcomes}
    again = returned(csv, csv_of([row()]), before)
    assert list(again.became.values()) == [BEFORE] and not again.outcomes
    other = returned(csv, csv_of([row(disposition="call back")]), before)
    assert not other.outcomes and "taken of this row before, and stays" in other.became[2]
    twice = returned(csv, csv_of([row(), row(disposition="call back")]))
    assert len(twice.outcomes) == 1 and "stands twice" in twice.became[3]


def test_a_formula_is_no_value(tmp_path: Path) -> None:
    found = returned(tmp_path / "a.xlsx", xlsx_of([row(contacted_at="=TODAY()"), row(customer_id="1001")]))
    assert [one.customer_id for one in found.outcomes] == ["1001"] and "a formula stands" in found.became[2]


def test_more_cells_than_columns_are_not_dropped(csv: Path) -> None:
    found = returned(csv, csv_of([row()]).rstrip("\r\n") + ",,said he would think\r\n")
    assert not found.outcomes and "more cells" in found.became[2]


NO_SHEETS: dict[str, tuple[str, bytes]] = {
    "is empty": ("a.csv", b""),
    "may hold macros": ("a.xlsm", xlsx_of([row()])),
    "has a password": ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    "cannot be read as an Excel file": ("a.xlsx", xlsx_of([row()])[:400]),
    "is no sheet that is read": ("a.pdf", b"%PDF"),
    "is no contacts sheet": ("a.csv", b"order,amount\r\n1,2\r\n"),
    "lacks the columns 'List'": (
        "a.csv",
        csv_of([row()], columns=[one for one in COLUMNS if one != "list_id"]).encode(),
    ),
    "more than one column 'Contacted by'": ("a.csv", csv_of([row()], columns=[*COLUMNS, "channel"]).encode()),
}


@pytest.mark.parametrize("why", NO_SHEETS)
def test_what_is_no_sheet_says_so(tmp_path: Path, why: str) -> None:
    name, body = NO_SHEETS[why]
    (tmp_path / name).write_bytes(body)
    with pytest.raises(UserError, match=why):
        contact_sheet.read(tmp_path / name)


def test_ten_thousand_rows(csv: Path) -> None:
    found = returned(csv, csv_of([row(customer_id=str(n)) for n in range(10_000)]))
    assert found.tally.rows == 10_000 and found.tally.bad.total() == 9_997


def test_the_marked_copy_says_what_became_of_each_row(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.xlsx", tmp_path / "a.marked.xlsx"
    found = returned(path, xlsx_of([row(), row(customer_id="9"), row(customer_id="1002", channel="")], above=2))
    marked_copy.write(contact_sheet.read(path), found.became, FINE, copy)
    header, *rows = openpyxl.load_workbook(copy).active.iter_rows(values_only=True)
    assert header[0] == marked_copy.RESULT and header[1] == language.load("en").columns["customer_id"]
    assert [(one[0], one[1]) for one in rows] == [
        (TAKEN, "1000"), ("not on this list", "9"), ("'Contacted by' is empty", "1002"),
    ]  # fmt: skip
    assert contact_sheet.read(copy).header[0] == marked_copy.RESULT  # it can be mended and given back itself


@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=12) for name in NEEDED}), max_size=5))
def test_whatever_stands_in_a_row_it_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    cells = [{name: "".join(text.split(",")).replace("\x00", "") for name, text in one.items()} for one in rows]
    sheet = contact_sheet.ContactSheet(
        NEEDED, [contact_sheet.SheetRow(n, one) for n, one in enumerate(cells)], [list(one.values()) for one in cells]
    )
    found = outcomes.outcomes(sheet, "a.csv", lists(), lambda _: Moments(NOW, True))
    assert len(found.became) == len(rows) == found.tally.rows
    assert found.counts[TAKEN] == len(found.outcomes) and set(found.became.values()) <= {*FINE, *found.tally.bad}
    assert all(AT <= one.occurred_at <= NOW and one.seen_at == NOW for one in found.outcomes)


def test_an_outcome_is_what_an_api_would_send() -> None:
    from scv.events import event

    body = msgspec.json.encode({
        "kind": "outcome", "id": "o-1", "country": "US", "customer_id": "1", "occurred_at": "2017-09-07T12:00:00Z",
        "channel": "phone", "reached": True, "disposition": "asked not to be contacted",
    })  # fmt: skip
    assert event.decoder("contacts").decode(body).disposition == ASKED_NOT  # type: ignore[union-attr]
    with pytest.raises(msgspec.ValidationError):
        event.decoder("contacts").decode(body.replace(b"asked not", b"begged not"))
