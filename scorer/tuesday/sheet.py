"""The contacts sheet: what customer service opens on Tuesday. Three sheets: Contacts, Read me, Movers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import xlsxwriter

from scorer.tuesday.action import action_of
from scorer.tuesday.manifest import WeekManifest
from scv.events.country import Country
from scv.language import Language, load
from scv.targets import box
from scv.targets.target import get as target_named

COLUMNS = (
    "rank", "customer_id", "phase", "risk_band", "times_average", "probability", "target", "horizon_end",
    "change_since_last_week", "weeks_on_list", "reason_1", "reason_2", "suggested_action", "channels_allowed",
    "cut_off_local", "last_contact", "contacted_at", "channel", "disposition", "offer_code", "list_id", "model",
    "reference", "data_complete_to",
)  # fmt: skip
FOR_PEOPLE = ("contacted_at", "channel", "disposition", "offer_code")
MOVER_COLUMNS = ("customer_id", "phase", "risk_band", "probability", "change_since_last_week", "contact_status")
MOVERS = 25
"""So many who rose most and so many who fell most."""
FORMATS = {"probability": "0.0%", "change_since_last_week": "+0.0%;-0.0%;0.0%", "times_average": "0.0"}
WIDTHS = {"customer_id": 28, "reason_1": 44, "reason_2": 44, "suggested_action": 40, "list_id": 22, "model": 22}

ALWAYS = (*FOR_PEOPLE, "list_id")
"""Columns that are there also where nobody of the country has anything in them: what comes back is read by them."""
PICKED = ("channel", "disposition")
"""Columns whose words are chosen from a list."""
TRANSLATED = ("phase", "risk_band", "target", "contact_status")
"""Columns of closed words: people read them in their language, machines find them in the other files."""


@dataclass(frozen=True)
class SheetWords:
    """What a sheet says about itself; no wall clock anywhere, so that the same week gives the same bytes."""

    manifest: WeekManifest
    country: Country
    trained: datetime
    """What the list's model had seen."""
    ahead: str
    """See `Exported`."""
    ranked: str = ""
    """How the list is ranked, where it is not by risk alone."""


def sheet_of(scores: pa.Table, words: SheetWords) -> bytes:
    """The workbook's bytes. `scores` is the whole table of `contact_list.SCHEMA`; the sheet takes the listed."""
    target = words.manifest.target
    rows = [row for row in scores.to_pylist() if row["target"] == target]
    listed = sorted((row for row in rows if row["rank"] is not None), key=lambda row: int(row["rank"]))
    out = io.BytesIO()
    # Text stays text: no cell of ours is a formula, a link or a number in disguise.
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, {"in_memory": True, **plain})
    book.set_properties({"title": words.manifest.list_id, "created": words.manifest.reference.replace(tzinfo=None)})
    language = load(words.country.language)
    contacts = [_contact(row, words) for row in listed]
    said = {one for one in COLUMNS if not contacts or any(row[one] not in (None, "") for row in contacts)}
    columns = [one for one in COLUMNS if one in said.union(ALWAYS)]
    _pick_lists(_grid(book, language, "Contacts", columns, contacts), columns, language, len(contacts))
    _lines(book, language.sheets["Read me"], read_me(words))
    _grid(book, language, "Movers", MOVER_COLUMNS, movers(rows))
    book.close()
    return out.getvalue()


def _contact(row: Mapping[str, Any], words: SheetWords) -> dict[str, Any]:
    manifest, country = words.manifest, words.country
    closes = cut_off(country, row["reference"], row["delivery_weekday"])
    channels = (row["channels_allowed"] or "").split(", ")
    made: dict[str, Any] = {
        "suggested_action": action_of(row, manifest.target, country),
        "channels_allowed": ", ".join(load(country.language).shown("channel", one) or "" for one in channels),
        "cut_off_local": closes and closes.strftime("%Y-%m-%d %H:%M"),
        "horizon_end": _day(row["horizon_end"], country),
        "last_contact": row["last_contact"] and row["last_contact"].isoformat(),
        "list_id": manifest.list_id,
        "reference": _day(manifest.reference, country),
        "data_complete_to": _minute(manifest.data_complete_to, country),
    }
    return {name: None if name in FOR_PEOPLE else made.get(name, row.get(name)) for name in COLUMNS}


def cut_off(country: Country, at: datetime, weekday: int | None) -> datetime | None:
    """Local midnight until which the customer's open box can be changed; None where no delivery day is known."""
    if weekday is None:
        return None
    return box.cut_off(box.open_at(at, weekday, country), country).astimezone(country.zone)


def movers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Who rose most, then who fell most, since last week."""
    moved = [row for row in rows if row["change_since_last_week"] is not None]
    moved.sort(key=lambda row: (-row["change_since_last_week"], row["customer_id"]))
    rose = [row for row in moved if row["change_since_last_week"] > 0][:MOVERS]
    fell = [row for row in reversed(moved) if row["change_since_last_week"] < 0][:MOVERS]
    return [{name: row[name] for name in MOVER_COLUMNS} for row in [*rose, *fell]]


def read_me(words: SheetWords) -> list[str]:
    """What a reader must know before calling anybody."""
    manifest, country = words.manifest, words.country
    target = target_named(manifest.target)
    counts, weeks = manifest.counts, (manifest.reference - words.trained).days // 7
    old = f" ({weeks} week{'s' if weeks > 1 else ''} before)" if weeks > 0 else ""
    lines = [
        f"{manifest.list_id}: {country.name}, as of local midnight starting {_day(manifest.reference, country)}.",
        f"The probability is that of {target.sentence(country)}. It is an estimate for groups, not a fact about one.",
        f"Data complete to: {_minute(manifest.data_complete_to, country) or 'not known'}.",
        f"Model {manifest.models[manifest.target]}, trained on what was known at {_day(words.trained, country)}{old}.",
        *([f"Beware: {words.ahead}."] if words.ahead else []),
        *([words.ranked] if words.ranked else []),
        f"{counts.get('listed', 0)} contacts (capacity {country.capacity}), {counts.get('held_out', 0)} held out, "
        f"{counts.get('suppressed', 0)} not to be contacted, {counts.get('customers', 0)} customers in all.",
        "Held out: drawn by lot and not contacted on our own initiative, to measure the effect of contact.",
        "An inbound call from anybody is served as always. Never tell a customer a probability or a prediction.",
        "risk_band: low, usual, raised or high within the country and the customer's phase.",
        "times_average: the probability over the usual rate of that phase.",
        "change_since_last_week: percentage points since the file of a week before; empty for who was not in it.",
        "weeks_on_list: Tuesdays in a row on the list.",
        "customer_id is text. The CSV loses leading zeros where a spreadsheet, or pandas without "
        "dtype={'customer_id': str}, opens it, and has an apostrophe before what could be a formula; this sheet "
        "and the Parquet file hold every id as it is.",
        load(country.language).read_me["fill_in"].format(**load(country.language).columns),
    ]
    if target.basis == "derived":
        lines.insert(2, f"Derived from silence: a {target.name} is no recorded event, and nobody cancelled anything.")
    if country.consent == "not recorded":
        lines.append("Consent is not recorded in this country's data: check it before contacting anybody.")
    return [*lines, f"Source: {country.provenance}."] if country.provenance else lines


def _grid(book: Any, language: Language, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Any:
    """A sheet that prints one page wide, its header on every page."""
    page = book.add_worksheet(language.sheets[name])
    bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@"})
    formats = {column: book.add_format({"num_format": FORMATS[column]}) for column in columns if column in FORMATS}
    for j, column in enumerate(columns):
        page.write_string(0, j, language.columns[column], bold)
        page.set_column(j, j, WIDTHS.get(column, max(10, len(column) + 2)), formats.get(column, text))
    for i, row in enumerate(rows, 1):
        for j, column in enumerate(columns):
            value = language.shown(column, row[column]) if column in TRANSLATED else row[column]
            if isinstance(value, int | float):
                page.write_number(i, j, value, formats.get(column))
            elif value is not None:
                page.write_string(i, j, str(value), text)
    page.freeze_panes(1, 2 if "customer_id" in columns[:2] else 0)
    page.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    return page


def _pick_lists(page: Any, columns: Sequence[str], language: Language, rows: int) -> None:
    for name in PICKED:
        choice = {"validate": "list", "source": list(language.words[name].values()), "error_type": "stop"}
        page.data_validation(1, columns.index(name), max(rows, 1), columns.index(name), choice)


def _lines(book: Any, name: str, lines: Sequence[str]) -> None:
    page = book.add_worksheet(name)
    page.set_column(0, 0, 120, book.add_format({"text_wrap": True}))
    for i, line in enumerate(lines):
        page.write_string(i, 0, line)


def _day(instant: datetime | None, country: Country) -> str:
    return "" if instant is None else instant.astimezone(country.zone).date().isoformat()


def _minute(instant: datetime | None, country: Country) -> str:
    return "" if instant is None else instant.astimezone(country.zone).strftime("%Y-%m-%d %H:%M")
