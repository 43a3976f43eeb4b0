"""A contacts sheet that comes back: its rows by the names of their columns, whatever people did to the file.

Excel, LibreOffice and Google Sheets save it as .xlsx or as CSV in their own dress; columns may be moved or hidden,
sheets added or taken away, the file renamed. Headers are found in every language that we write.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scv import language
from scv.errors import UserError
from streams.tables.cells import BadCell
from streams.tables.files import TableFile, lines
from streams.tables.mapping import Map

FOR_PEOPLE = ("contacted_at", "channel", "disposition", "offer_code")
NEEDED = ("customer_id", "list_id", "contacted_at", "channel", "disposition")
LOOKED_AT = 20
"""Rows among which the header is looked for: people write titles above it."""
LOCKED = b"\xd0\xcf\x11\xe0"
"""How an Excel file begins that has a password, or is from before 2007."""
TEXT = (".csv", ".tsv", ".txt")
Numbered = Sequence[tuple[int, Sequence[Any]]]
"""Rows of a sheet with their numbers."""


class SheetRow(NamedTuple):
    """A row by its number in the file (its header is 1 where nothing stands above): name of a column → cell."""

    number: int
    cells: Mapping[str, Any] | BadCell


class ContactSheet(NamedTuple):
    """`rows` below the header; `header` and `cells` as they stand, for a copy that says what became of them."""

    header: Sequence[str]
    rows: Sequence[SheetRow]
    cells: Sequence[Sequence[Any]]


def read(path: Path) -> ContactSheet:
    """Raises UserError for what is no contacts sheet."""
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    ending = path.suffix.lower()
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty.")
    if ending in (".xlsm", ".xltm", ".xlsb"):
        raise UserError(f"{path} may hold macros, which nobody runs here. Save it as .xlsx or as CSV.")
    if ending == ".xlsx":
        return _found(path, _sheets(path))
    if ending in TEXT:
        return _found(path, [_text(path)])
    raise UserError(f"{path} is no sheet that is read: save it as .xlsx or as CSV.")


def _found(path: Path, sheets: Sequence[Numbered]) -> ContactSheet:
    """The first sheet with a header of ours."""
    missing: list[str] = []
    for rows in sheets:
        for place, (_, header) in enumerate(rows[:LOOKED_AT]):
            names = [language.column_of(str(cell)) if _stands(cell) else None for cell in header]
            if "customer_id" not in names and "list_id" not in names:
                continue
            missing = [name for name in NEEDED if name not in names]
            if not missing:
                _refuse_twice(path, names)
                below = [(number, row) for number, row in rows[place + 1 :] if any(map(_stands, row))]
                named = [SheetRow(number, _named(names, row)) for number, row in below]
                return ContactSheet(
                    ["" if cell is None else str(cell) for cell in header], named, [row for _, row in below]
                )
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(map(_header, missing))}. Bring them back.")
    known = f"{_header('customer_id')} and {_header('list_id')}"
    raise UserError(f"{path} is no contacts sheet: no row has the headers {known}.")


def _refuse_twice(path: Path, names: Sequence[str | None]) -> None:
    for name in (*NEEDED, "offer_code"):
        if names.count(name) > 1:
            raise UserError(f"{path} has more than one column {_header(name)}. Remove one of them.")


def _header(name: str) -> str:
    return repr(language.load(language.DEFAULT).columns[name])


def _stands(cell: Any) -> bool:
    return cell is not None and str(cell).strip() != ""


def _named(names: Sequence[str | None], row: Sequence[Any]) -> Mapping[str, Any] | BadCell:
    if any(map(_stands, row[len(names) :])):
        return BadCell("more cells than columns", row[-1])
    cells = {name: cell for name, cell in zip(names, row, strict=False) if name is not None}
    formula = next((name for name in (*NEEDED, "offer_code") if isinstance(cells.get(name), Formula)), None)
    if formula is not None:
        return BadCell("a formula stands where a value is read: paste its value", cells[formula])
    return cells


class Formula(str):
    """The text of a formula: what it comes to is not in the file for sure."""


def _sheets(path: Path) -> list[Numbered]:
    """Every sheet of a workbook, with the numbers of its rows."""
    import openpyxl

    with path.open("rb") as stream:
        if stream.read(4) == LOCKED:
            raise UserError(f"{path} has a password, or is of an old kind. Save it without one, as .xlsx.")
    try:
        book = openpyxl.load_workbook(path, read_only=True)
        try:
            return [
                [(number, [_value(cell) for cell in row]) for number, row in enumerate(page.iter_rows(), 1)]
                for page in book.worksheets
            ]
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as an Excel file: {error}") from error


def _value(cell: Any) -> Any:
    return Formula(cell.value) if cell.data_type == "f" and cell.value is not None else cell.value


def _text(path: Path) -> Numbered:
    """A CSV as rows of cells, the header among them; whoever writes a formula into one has it computed before."""
    return list(enumerate(lines(TableFile(path, Map())), 1))
