"""Figures: what a proof or a bench measured, as rows in a file NAME.json.

A command writes them into HOME/figures, what runs in the checkout (demo, proofs, benches) into `build/figures`: the
table a person sees is drawn from that file, and docs quote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from scv import atomic as whole

FOLDER = Path("build/figures")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured number. `ratio` is ours / peer; `bar` says in words what it must reach; `ok` None: no bar."""

    name: str
    ours: float | int | str | None
    peer: float | int | str | None = None
    ratio: float | None = None
    unit: str = ""
    bar: str = ""
    ok: bool | None = None


def write(name: str, rows: Sequence[Figure], folder: Path = FOLDER) -> Path:
    """Replace the file of that name whole."""
    path = folder / f"{name}.json"
    whole.write(path, msgspec.json.format(msgspec.json.encode(list(rows))))
    return path


def read(name: str, folder: Path = FOLDER) -> list[Figure]:
    """The rows of one file."""
    return msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=list[Figure])


def cells(row: Figure) -> list[str]:
    """A row as text: name, ours, peer, ratio, bar, verdict."""
    verdict = "" if row.ok is None else ("ok" if row.ok else "MISSED")
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}×"
    return [row.name, _number(row.ours, row.unit), _number(row.peer, row.unit), ratio, row.bar, verdict]


def _number(value: float | int | str | None, unit: str) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return f"{text} {unit}".rstrip()
