"""Published Tuesdays over HTTP: lists, files, who must not be contacted any more, a week taken back, the sheet."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import openpyxl
import pytest

from scorer.tuesday.week import Folder
from scv import language
from tests.console.desk import Desk, child, desk
from tests.scorer.shop import AT, EARLIER, US, Shop
from tests.scorer.test_recheck import LATER, complaint, tell

WEEK = "/api/v1/tuesdays/US/2017-09-05"


@pytest.fixture
def own_weeks(live: Shop, tmp_path: Path) -> Iterator[Desk]:
    """A console whose weeks may be taken back."""
    shutil.copytree(live.settings.exports_url, tmp_path / "exports")
    with desk(msgspec.structs.replace(live.settings, exports=str(tmp_path / "exports")), child()) as opened:
        yield opened


def listed(console: Desk) -> list[str]:
    return [row["customer_id"] for row in console.ask("GET", f"{WEEK}?contact=LISTED").body["rows"]]


def test_weeks_lists_and_files_are_what_was_published(open_shop: Desk, live: Shop) -> None:
    weeks = open_shop.ask("GET", "/api/v1/tuesdays?country=US").body["weeks"]
    assert [one["date"] for one in weeks] == ["2017-09-05", "2017-08-29"] and {one["why_not"] for one in weeks} == {""}
    week = Folder(live.settings.exports_url, US).week(AT)
    assert week is not None and weeks[0]["counts"] == week.manifest.counts
    rows = open_shop.ask("GET", f"{WEEK}?limit=10000").body
    published = [row for row in week.scores().to_pylist() if row["target"] == week.manifest.target]
    assert rows["of"] == len(published) and {row["customer_id"] for row in rows["rows"]} == {
        row["customer_id"] for row in published
    }
    ranks = [row["rank"] for row in rows["rows"] if row["rank"]]
    assert ranks == list(range(1, len(ranks) + 1)) == list(range(1, week.manifest.counts["listed"] + 1))
    high = open_shop.ask("GET", f"{WEEK}?band=high").body["rows"]
    assert {row["risk_band"] for row in high} <= {"high"}
    for name in weeks[0]["files"]:
        reply = open_shop.ask("GET", f"{WEEK}/files/{name}")
        assert reply.bytes == week.folder.read(f"2017-09-05/{name}") and name in reply.headers["content-disposition"]
    movers = open_shop.ask("GET", f"{WEEK}/movers").body["movers"]
    changes = [one["change_since_last_week"] for one in movers]
    assert changes and max(changes) == changes[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/tuesdays/US/2017-09-12", 404),
        ("/api/v1/tuesdays/US/tuesday", 422),
        (f"{WEEK}?band=none", 422),
        (f"{WEEK}?bands=low", 422),
        (f"{WEEK}/files/manifest.json", 422),
        (f"{WEEK}/files/..%2F..%2Flatest.json", 404),
        ("/api/v1/tuesdays/QQ/2017-09-05", 404),
    ],
)
def test_what_there_is_not_is_a_problem(open_shop: Desk, path: str, status: int) -> None:
    reply = open_shop.ask("GET", path)
    assert reply.status == status and reply.headers["content-type"] == "application/problem+json", reply.text


def test_a_list_is_looked_at_once_more(open_shop: Desk, live: Shop) -> None:
    assert open_shop.ask("POST", f"{WEEK}/recheck").body == {"list_id": "US-lapse-2017-09-05", "drop": {}}
    complains, *_ = listed(open_shop)
    tell(live, complaint(complains))
    assert open_shop.ask("POST", f"{WEEK}/recheck").body["drop"] == {complains: "open complaint"}


def test_a_week_is_taken_back_with_a_reason(own_weeks: Desk) -> None:
    assert own_weeks.ask("POST", f"{WEEK}/withdraw", {"why": ""}).status == 422
    done = own_weeks.ask("POST", f"{WEEK}/withdraw", {"why": "made of a broken feed"})
    assert done.body == {"date": "2017-09-05", "new": True, "newest": "2017-08-29"}
    assert [one["date"] for one in own_weeks.ask("GET", "/api/v1/tuesdays?country=US").body["weeks"]] == ["2017-08-29"]
    assert own_weeks.ask("GET", WEEK).status == 404


def test_a_damaged_week_is_said_and_not_shown(own_weeks: Desk, tmp_path: Path) -> None:
    path = next((tmp_path / "exports").rglob("scores_US_2017-09-05.parquet"))
    path.write_bytes(path.read_bytes()[:-10] + b"0123456789")
    reply = own_weeks.ask("GET", WEEK)
    assert reply.status == 404 and "cannot be used" in reply.body["detail"] and str(tmp_path) not in reply.text
    page = own_weeks.ask("GET", "/tuesdays?country=US")
    assert page.status == 200 and "cannot be used" in page.text


def filled(sheet: bytes, *rows: tuple[int, dict[str, str]]) -> bytes:
    """The sheet with words in some rows, as a person writes them."""
    book = openpyxl.load_workbook(io.BytesIO(sheet))
    page = book["Contacts"]
    columns = {language.column_of(str(cell.value)): cell.column for cell in page[1]}
    for number, words in rows:
        for name, text in words.items():
            page.cell(number, columns[name], text)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_the_sheet_that_came_back_is_taken_once(own_weeks: Desk, live: Shop) -> None:
    live.mark(LATER)
    sheet = own_weeks.ask("GET", f"{WEEK}/files/contacts_US_2017-09-05.xlsx").bytes
    said = {"contacted_at": "2017-09-05", "channel": "phone", "disposition": "no answer"}
    body = filled(sheet, (2, said), (3, said | {"contacted_at": "2099-01-01"}))
    address = "/api/v1/feedback?name=contacts_US_2017-09-05.xlsx"
    for dry, sent in (("&dry_run=true", False), ("", True)):
        told = own_weeks.ask("POST", address + dry, body, Content_Type="application/octet-stream")
        assert told.status == 200, told.text
        assert (told.body["taken"], told.body["sent"]) == (1, sent), told.body
        assert told.body["refused"] == [{"row": 3, "why": "in the future"}]
    again = own_weeks.ask("POST", address, body, Content_Type="application/octet-stream").body
    assert again["taken"] == 0 and again["became"]["taken before"] == 1
    assert not list((live.settings.home_path / "console").glob("sheet-*")), "nothing of it stays here"


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("contacts.xlsx", b"PK\x03\x04 no zip", "cannot be read as an Excel file"),
        ("contacts.csv", b"a,b\r\n1,2\r\n", "is no contacts sheet"),
        ("contacts.csv", b"", "is empty"),
        ("contacts.exe", b"MZ", "save it as .xlsx or as CSV"),
    ],
)
def test_what_is_no_sheet_is_told_so(own_weeks: Desk, name: str, body: bytes, told: str) -> None:
    reply = own_weeks.ask("POST", f"/api/v1/feedback?name={name}", body, Content_Type="text/csv")
    assert reply.status == 422 and told in reply.body["detail"] and "/tmp" not in reply.text, reply.text


def test_worth_is_the_feedback_report(open_shop: Desk) -> None:
    report = open_shop.ask("GET", "/api/v1/worth/US")
    assert report.status == 200 and "How right were the lists? US" in report.text
    policy = report.headers["content-security-policy"]
    assert "sandbox" in policy and "unsafe" not in policy and "script-src" not in policy
    page = open_shop.ask("GET", "/worth?country=US")
    assert "Of " in page.text and "<img" not in page.text and EARLIER < AT


def test_a_workbook_that_only_looks_like_one_is_told_so(own_weeks: Desk) -> None:
    sheet = own_weeks.ask("GET", f"{WEEK}/files/contacts_US_2017-09-05.xlsx").bytes
    entity = b'<!DOCTYPE a [<!ENTITY b "c">]>'
    spoils = {
        "not XML": lambda text: b"<" + text[: len(text) // 2],
        "an entity": lambda text: entity + text.partition(b"?>")[2].replace(b"<v>", b"<v>&b;"),
        "no number": lambda text: text.replace(b' r="A', b' r="\xe2\x82\xac', 5),
        "nothing": lambda text: b"",
    }
    for spoil in spoils.values():
        for name in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "[Content_Types].xml"):
            out = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(sheet)) as packed, zipfile.ZipFile(out, "w") as spoilt:
                for one in packed.namelist():
                    body = packed.read(one)
                    spoilt.writestr(one, spoil(body) if one == name else body)
            address = "/api/v1/feedback?name=a.xlsx&dry_run=true"
            reply = own_weeks.ask("POST", address, out.getvalue(), Content_Type="text/csv")
            assert reply.status in (200, 422), reply.text


def test_a_workbook_that_unpacks_without_end_is_not_unpacked(own_weeks: Desk) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 80_000_000)
    reply = own_weeks.ask("POST", "/api/v1/feedback?name=a.xlsx", out.getvalue(), Content_Type="text/csv")
    assert reply.status == 422 and "unpacks to more" in reply.body["detail"]
