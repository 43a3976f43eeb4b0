"""What lies in files as people export them: each trap with the right value, or the right question."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scv.errors import UserError
from scv.events.calendar import from_us
from streams.tables import amounts, instants
from tests.tables.shop import ORDERS, events, imported

HEAD = "Order ID,Customer ID,Order Date,Sales\n"


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("2017-06-01T10:00:00-0400", "2017-06-01T14:00:00"),
        ("2025-05-11 09:55:16 -0400".replace("2025", "2017"), "2017-05-11T13:55:16"),
        ("2017-06-01T10:00:00.0000005Z", "2017-06-01T10:00:00.000001"),
        ("2017-06-01 10:00:00+02:00[Europe/Berlin]", "2017-06-01T08:00:00"),
        ("2017-06-01 10:00:00 UTC", "2017-06-01T10:00:00"),
        ("Thu Jun 01 2017 10:00:00 GMT+0200 (Central European Summer Time)", "2017-06-01T08:00:00"),
        ("2017-06-01 10:00", "2017-06-01T14:00:00"),
        ("13/06/17 8:26", "2017-06-13T12:26:00"),
        ("6/13/2017 8:26 PM", "2017-06-14T00:26:00"),
        ("01-Dec-17 12:05 am", "2017-12-01T05:05:00"),
        ("1 December 2017 10:00", "2017-12-01T15:00:00"),
        ("Dec 1. 2017".replace(".", ""), "2017-12-01T17:00:00"),
        ("20170601", "2017-06-01T16:00:00"),
        ("2017-06-01", "2017-06-01T16:00:00"),
        ("2017-06-01 00:00:00", "2017-06-01T16:00:00"),
        ("1496311200", "2017-06-01T10:00:00"),
        ("1496311200000", "2017-06-01T10:00:00"),
        ("1496311200123456", "2017-06-01T10:00:00.123456"),
        ("1496311200.5", "2017-06-01T10:00:00.500000"),
        ("2017-11-05 01:30", "2017-11-05T05:30:00"),
        ("2017-03-12 02:30", "2017-03-12T07:30:00"),
    ],
)
def test_an_instant(said: str, utc: str) -> None:
    """In New York; an hour that comes twice is its first, one that is skipped has the offset from before."""
    moment = instants.moment(said, None)
    day = moment.local.time() == dt.time()
    assert from_us(instants.instant_us(moment, ZoneInfo("America/New_York"), day)).isoformat() == f"{utc}+00:00"


@pytest.mark.parametrize("said", ["soon", "32/01/2017", "42736.5", "2017", "10:00", "1496311200000000000000"])
def test_what_is_no_instant(said: str) -> None:
    assert instants.moments(said) == {}


@pytest.mark.parametrize(
    ("said", "worth"),
    [
        ("12", "12"), ("12.5", "12.5"), ("1.234,50", "1234.5"), ("1,234.50", "1234.5"), ("1 234,50", "1234.5"),
        ("1\u202f234,50 €", "1234.5"), ("1'234.50", "1234.5"), ("$1,234.50", "1234.5"), ("USD 12.50", "12.5"),
        ("1,23,456.00", "123456"), ("0,500", "0.5"), ("0.005", "0.005"), ("1.000.000", "1000000"), (".99", "0.99"),
        ("(12.50)", "-12.5"), ("12.50-", "-12.5"), ("\u221212.5", "-12.5"), ("-€1.50", "-1.5"),
    ],
)  # fmt: skip
def test_an_amount(said: str, worth: str) -> None:
    assert amounts.number(said, None, "USD" if "$" in said or "USD" in said else "EUR") == Decimal(worth)


def test_what_is_no_amount_is_a_bad_row(tmp_path: Path) -> None:
    said = ["12 pcs", "1.2.3", "EUR 12.50", "(12.50)", "99999999999999", "1.50", "soon"]
    rows = "".join(f"{n},ann,{'2017-06-01' if one != 'soon' else one},{one}\n" for n, one in enumerate(said))
    done = imported(tmp_path, {"o.csv": HEAD + rows})
    assert done.tally.bad == {
        "amount_cents: no number": 2,
        "amount_cents: of another currency than USD": 1,
        'amount_cents: below zero (a return? write `negative = "returned"` in the map)': 1,
        "amount_cents: no number that can be meant": 1,
        "occurred_at: no time": 1,
    }
    assert done.tally.first["amount_cents: no number"][1].value == "'1.2.3'" and len(done.events) == 1


@pytest.mark.parametrize(
    ("rows", "given", "asked"),
    [
        ("1,ann,05/06/2017,1.50\n2,bob,11/12/2017,2.00\n", {"dates": "day first"}, 'dates = "day first"'),
        ('1,ann,2017-06-05,"1,234"\n2,bob,2017-06-06,"7"\n', {"decimal": "."}, 'decimal = "."'),
        ("1,ann,2017-06-05,1.234\n", {"decimal": ","}, 'decimal = "."'),
    ],
)
def test_what_fits_two_readings_is_asked_for(tmp_path: Path, rows: str, given: dict[str, str], asked: str) -> None:
    with pytest.raises(UserError, match="can be read in two ways") as refused:
        imported(tmp_path, {"o.csv": HEAD + rows})
    assert asked in str(refused.value)
    assert events(tmp_path, {"o.csv": HEAD + rows}, **given)


def test_one_value_tells_how_the_column_is_read(tmp_path: Path) -> None:
    rows = "1,ann,05/06/2017,1.50\n2,bob,13/06/2017,2.00\n"
    assert [row["occurred_at"].strftime("%m-%d") for row in events(tmp_path, {"o.csv": HEAD + rows})] == [
        "06-05",
        "06-13",
    ]


def test_a_column_that_contradicts_itself_is_no_column_of_times(tmp_path: Path) -> None:
    rows = "1,ann,13/06/2017,1.50\n2,bob,06/13/2017,2.00\n"
    with pytest.raises(UserError, match="contradict each other"):
        imported(tmp_path, {"o.csv": HEAD + rows})


def test_times_without_offset_want_a_zone(tmp_path: Path) -> None:
    bare = ORDERS.replace('zone = "America/New_York"', "")
    with pytest.raises(UserError, match="where did the clock stand"):
        imported(tmp_path, {"o.csv": HEAD + "1,ann,2017-06-01 10:00,1.50\n"}, bare)
    (event,) = events(tmp_path, {"o.csv": HEAD + "1,ann,2017-06-01 10:00-04,1.50\n"}, bare)
    assert event["occurred_at"].hour == 14


def test_a_word_for_none_is_no_customer_and_a_number_is_who_is_meant(tmp_path: Path) -> None:
    nobody = ["", " ", "nan", "NaN", "None", "NULL", "<NA>", "\\N"]
    somebody = {"12346.0": "12346", "00111": "00111", " ann ": "ann", "1.5": "1.5", "12347.00": "12347"}
    rows = "".join(f"{n},{who},2017-06-01,1.50\n" for n, who in enumerate([*nobody, *somebody]))
    done = imported(tmp_path, {"o.csv": HEAD + rows})
    assert done.tally.bad == {"customer_id: empty": len(nobody)}
    assert sorted(done.events["customer_id"].to_pylist()) == sorted(somebody.values())


def test_an_id_whose_digits_a_spreadsheet_cut_off_is_bad(tmp_path: Path) -> None:
    done = imported(tmp_path, {"o.csv": f"{HEAD}4.50E+12,ann,2017-06-01,1.50\n"})
    assert list(done.tally.bad) == ["id: a spreadsheet has cut off the digits of this id (make the column text)"]


def test_an_id_is_made_of_what_a_row_says(tmp_path: Path) -> None:
    """Two equal rows are two orders; in another order of rows, and in a second export, they are the same ones."""
    bare = ORDERS.replace('id = "Order ID"\n', "")
    rows = ["1,ann,2017-06-01,1.50\n", "1,ann,2017-06-01,1.50\n", "1,bob,2017-06-01,1.50\n"]
    made = events(tmp_path, {"o.csv": HEAD + "".join(rows)}, bare)
    assert len({row["id"] for row in made}) == 3
    again = {"o.csv": HEAD + "".join(reversed(rows)), "p.csv": HEAD + rows[0]}
    assert events(tmp_path, again, bare) == made


def test_exports_that_overlap_count_a_line_once(tmp_path: Path) -> None:
    """Two bottles are two lines of one file; the same lines in another file are the same bottles."""
    lines = HEAD + "1,ann,2017-06-01,1.50\n" * 2
    done = imported(tmp_path, {"may.csv": lines, "june.csv": lines + "2,ann,2017-06-02,7\n"}, 'rows = "lines"' + ORDERS)
    assert done.events["amount_cents"].to_pylist() == [300, 700] and done.repeated == 2


def test_two_returns_of_an_order_are_two_events(tmp_path: Path) -> None:
    rows = "1,ann,2017-06-01,9\n1,ann,2017-06-08,-2\n1,ann,2017-06-15,-3\n"
    made = events(tmp_path, {"o.csv": HEAD + rows}, 'rows = "lines"\nnegative = "returned"' + ORDERS)
    told = [(row["kind"], row["occurred_at"].day, row["amount_cents"], row.get("order_id")) for row in made]
    assert told == [("placed", 1, 900, None), ("returned", 8, 200, "1"), ("returned", 15, 300, "1")]


def test_a_subscription_table_is_two_events_a_row(tmp_path: Path) -> None:
    """Days only; one of them after the country's span does not refuse the others."""
    map = """
country = "US"
zone = "America/New_York"
[columns]
id = "id"
customer_id = "user"
[events.started]
occurred_at = "signup"
[events.cancelled]
occurred_at = "cancelled"
"""
    rows = "id,user,signup,cancelled\n1,7,2017-02-01,2017-06-03\n2,7,2017-03-01,\n3,8,2017-03-01,2018-02-01\n"
    done = imported(tmp_path, {"s.csv": rows}, map)
    told = [(row["id"], row["kind"], row["occurred_at"].hour) for row in done.events.to_pylist()]
    assert told == [("1", "started", 17), ("2", "started", 17), ("3", "started", 17), ("1:cancelled", "cancelled", 16)]
    assert done.tally.bad == {"outside the span of US": 1}


def test_words_of_a_status_say_what_a_row_is(tmp_path: Path) -> None:
    map = ORDERS + '[status]\ncolumn = "Status"\nwords = {paid = ["placed"], voided = [], pending = []}\n'
    map += '[leave_out]\nTest = ["true"]\n"Customer ID" = [""]\n'
    rows = ["1,ann,2017-06-01,1,Paid,", "2,ann,2017-06-02,1,voided,", "3,ann,2017-06-03,1,paid,TRUE"]
    rows += ["4,,2017-06-04,1,paid,", "5,ann,2017-06-05,1,chargeback,"]
    done = imported(tmp_path, {"o.csv": "\n".join([HEAD.strip() + ",Status,Test", *rows])}, map)
    assert done.events["id"].to_pylist() == ["1"]
    assert done.tally.left_out == {"Status: voided": 1, "Test: TRUE": 1, "Customer ID: empty": 1}
    assert done.tally.bad == {"Status: a word that [status] does not have": 1}


def test_an_order_with_a_bad_line_is_no_smaller_order(tmp_path: Path) -> None:
    """--anyway leaves it out whole."""
    rows = "1,ann,2017-06-01,9\n1,ann,2017-06-01,much\n2,ann,2017-06-02,7\n"
    done = imported(tmp_path, {"o.csv": HEAD + rows}, 'rows = "lines"' + ORDERS)
    assert done.events["id"].to_pylist() == ["2"]
    assert done.tally.bad == {"amount_cents: no number": 1, "another line of it is bad": 1}


def test_a_country_may_stand_in_a_column_and_money_has_its_digits(tmp_path: Path) -> None:
    (tmp_path / "countries").mkdir()
    for code, zone, currency in (("JP", "Asia/Tokyo", "JPY"), ("KW", "Asia/Kuwait", "KWD")):
        country = f'code = "{code}"\nname = "{code}"\ntime_zone = "{zone}"\ncurrency = "{currency}"\n'
        span = "starts_on = 2017-01-01\nends_on = 2018-01-01\n"
        (tmp_path / "countries" / f"{code}.toml").write_text(country + span, encoding="utf-8")
    map = ORDERS.replace('country = "US"', "").replace(
        "[events", 'country = { column = "Land", words = { Japan = "JP", Kuwait = "KW", Mars = "MA" } }\n[events'
    )
    rows = [
        "1,ann,2017-06-01,¥3980,Japan",
        "2,bob,2017-06-02,39.125,kuwait",
        "3,cy,2017-06-03,1,Mars",
        "4,d,2017-06-04,1,",
    ]
    done = imported(tmp_path, {"o.csv": "\n".join([HEAD.strip() + ",Land", *rows])}, map, decimal=".")
    assert list(zip(*(done.events[name].to_pylist() for name in ("country", "amount_cents")), strict=True)) == [
        ("JP", 3980),
        ("KW", 39125),
    ]
    assert done.tally.bad == {"country: unknown": 1, "country: empty": 1}


def test_cells_that_spill_over_are_a_bad_row_and_not_the_next_one(tmp_path: Path) -> None:
    rows = 'x,"ann\nlee",2017-06-01,1\n\ny,bob,2017-06-01,1,9\nz,cy,2017-06-02,1,\n'
    done = imported(tmp_path, {"o.csv": HEAD + rows})
    assert done.tally.bad["more cells than columns"] == 1 and done.tally.first["more cells than columns"][0].row == 3
    assert "z" in done.events["id"].to_pylist()


def test_a_quote_that_is_never_closed_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read beyond line 3"):
        imported(tmp_path, {"o.csv": HEAD + '1,ann,2017-06-01,1\n2,"bob,2017-06-01,1\n'})


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("o.xls", b"", "Save it as .xlsx or .csv"),
        ("o.csv", b"", "is empty"),
        ("o.json", b"{", "is no JSON"),
        ("o.json", b'{"a": 1}', "holds no list of objects"),
        ("o.parquet", b"PAR", "cannot be read as Parquet"),
        ("o.xlsx", b"PK", "cannot be read as an Excel file"),
        ("o.csv", HEAD.replace("Sales", "Sale").encode() + b"1,a,2017-06-01,1\n", "Did you mean 'Sale'?"),
        ("o.csv.gz", b"no", "cannot be read"),
        ("o.csv", HEAD.replace("Order Date", "Sales").encode() + b"1,a,1,1\n", "has 2 columns 'Sales'"),
    ],
)
def test_a_file_that_is_none_is_said(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        imported(tmp_path, {name: body})


APP = """
country = "US"
rows = "lines"
[columns]
id = "sessionId"
customer_id = "userId"
occurred_at = "ts"
[events.session]
duration_s = {column = "ts", span = true}
[leave_out]
userId = [""]
"""


def test_pages_of_an_app_log_are_sessions(tmp_path: Path) -> None:
    """Epoch milliseconds, empty user ids, a session that goes on after midnight in the next file."""
    pages = [
        ('"26"', 583, 1496311200000), ('"26"', 583, 1496311260500), ('""', 600, 1496311200000),
        ("27.0", 583, 1496311200000),
    ]  # fmt: skip
    lines = [f'{{"userId":{user},"sessionId":{session},"ts":{ts},"page":"x"}}\n' for user, session, ts in pages]
    files = {
        "1.json".replace("json", "jsonl"): "".join(lines),
        "2.jsonl": lines[0].replace("1496311200000", "1496311500000"),
    }
    done = imported(tmp_path, files, APP)
    assert not done.tally.bad and done.tally.left_out == {"userId: empty": 1}
    told = [(row["id"], row["customer_id"], row["duration_s"]) for row in done.events.to_pylist()]
    assert sorted(told) == [("583", "26", 300), ("583", "27", 0)]
