"""What the console shows of other rooms and does in them, joined: nothing is opened before it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from console.rooms import Rooms
from console.status import RecentStatus
from operation import returned_sheet
from operation.letter_box import LetterBox
from operation.status import StatusReader
from pages.page import Block, Text
from pages.page import page as whole
from scorer import champions
from scorer.feedback import page
from scorer.feedback.validation import feedback
from scorer.portrait import portrait
from scorer.served.shadow import beside
from scorer.tuesday.board import Board
from scv.events.country import Country
from scv.model import champion
from scv.offline.lake import Lake
from scv.settings import Settings
from store.client import connect
from streams.door import Door
from streams.recent_alerts import RecentAlerts

BRIEF_S = 2
"""How long whoever looks at a page waits for a store that is not there."""


def rooms(settings: Settings) -> Rooms:
    """The rooms of a home."""
    brief = msgspec.structs.replace(settings, wait_s=min(settings.wait_s, BRIEF_S))
    board = Board(settings, lambda: connect(brief, say=lambda _: None))
    judge = _Judge(settings, board)
    return Rooms(
        status=RecentStatus(StatusReader(settings).read),
        door=Door(settings),
        board=board,
        letters=LetterBox(settings),
        worth=judge.blocks,
        report=judge.document,
        sheet=_Sheets(brief),
        shadows=_Shadows(settings),
        portrait=portrait,
        alerts=RecentAlerts(settings).read,
    )


class _Judge:
    """The feedback of a country as blocks of a page, computed once for a state of its lake and weeks."""

    def __init__(self, settings: Settings, board: Board) -> None:
        self._settings, self._board, self._lock = settings, board, threading.Lock()
        self._judged: dict[str, tuple[object, Sequence[Block]]] = {}

    def blocks(self, country: Country) -> Sequence[Block]:
        """How right past lists were; one sentence where none was published. Raises CerebroError."""
        with self._lock:
            weeks = [(one["date"], one.get("list_id")) for one in self._board.weeks(country)]
            state = country, weeks, dict(Lake(self._settings.lake_path).version().families)
            known = self._judged.get(country.code)
            if known is None or known[0] != state:
                known = self._judged[country.code] = state, _told(self._settings, country)
            return known[1]

    def document(self, country: Country) -> str:
        """The same with its pictures, as a document that loads nothing."""
        return whole(page.title(country), self.blocks(country))


def _told(settings: Settings, country: Country) -> Sequence[Block]:
    found = feedback(settings, country)
    if found.judged[0].past.dates or found.judged[0].past.waiting:
        return page.blocks(found, found.left_out)
    why = " ".join(found.left_out) or f"No Tuesday of {country.code} is published yet: `cerebro week` does."
    return [Text(why, "first")]


class _Sheets:
    """Takes sheets that came back, one after the other: the same row twice at a time would be sent twice."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()

    def __call__(self, path: Path, name: str, dry_run: bool) -> dict[str, Any]:
        """What became of each row. Raises UserError for what is no sheet, Unreachable without a store or a broker."""
        sheet = returned_sheet.read(path, name)
        with self._lock:
            done = returned_sheet.judged(sheet, name, self._settings)
            if not dry_run:
                returned_sheet.send(self._settings, done.outcomes)
        bad = done.tally.bad
        refused = [{"row": row, "why": said} for row, said in sorted(done.became.items()) if said in bad]
        return {
            "file": name,
            "rows": done.tally.rows,
            "taken": len(done.outcomes),
            "became": dict(done.counts),
            "refused": refused,
            "sent": not dry_run,
        }


class _Shadows:
    """How a shadow compares with its champion."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, country: Country, target: str) -> dict[str, Any] | None:
        """None where there is no shadow, or nobody was asked about yet whose answer is kept. Raises CerebroError."""
        names = champion.POINTER, champion.SHADOW
        sides = [champions.load(self._settings, country, target, name) for name in names]
        if sides[0] is None or sides[1] is None:
            return None
        found = beside(self._settings, country.code, sides[0], sides[1])
        return None if found is None else msgspec.to_builtins(found)
