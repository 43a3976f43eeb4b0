"""A returned sheet once more, with what became of each row: for whoever filled it in."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import xlsxwriter

from scv import atomic
from streams.tables.contact_sheet import ContactSheet

RESULT = "What became of it"
FINE = "#e2f0d9"
REFUSED = "#f8d7da"


def write(sheet: ContactSheet, became: Mapping[int, str], fine: frozenset[str], path: Path) -> None:
    """Write the copy as .xlsx; `fine` are the results that need nothing of anybody. Raises NoRoom and BadPlace."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page, bold = book.add_worksheet("Contacts"), book.add_format({"bold": True, "bottom": 1})
    text = {True: book.add_format({"bg_color": FINE}), False: book.add_format({"bg_color": REFUSED})}
    for j, name in enumerate([RESULT, *sheet.header]):
        page.write_string(0, j, name, bold)
    for i, (row, cells) in enumerate(zip(sheet.rows, sheet.cells, strict=True), 1):
        said = became.get(row.number, "")
        page.write_string(i, 0, said, text[said in fine])
        for j, cell in enumerate(cells, 1):
            if cell is not None:
                page.write_string(i, j, str(cell))
    page.set_column(0, 0, 48)
    page.freeze_panes(1, 1)
    book.close()
    atomic.write(path, out.getvalue())
