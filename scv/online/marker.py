"""Markers: of what the rows of a country's fetchers are whole, and why they are not.

A country's markers are one hash, fetcher → stamp. So what an older definition left behind is never taken for today's,
and whoever keeps rows sees what others keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from scv import stamp
from scv.events.country import Country
from scv.features.layout import Layout
from scv.online.facts import Log, Marks
from scv.online.rowstore import RowStore
from scv.stamp import Stamp


def of_rows(country: Country, layout: Layout, log: Log, generation: int) -> Stamp:
    """What a fetcher's rows of a country are of, once they are whole."""
    definitions = {layout.fetcher: layout.fingerprint}
    return stamp.of(country, stamp.ROWS, definitions=definitions, log=_place(log, generation))


def encode(made: Stamp) -> bytes:
    return msgspec.json.encode(made)


def why_not(mark: bytes | None, wanted: Stamp) -> str:
    """Why rows with this marker (None: no marker) are not whole rows of what is wanted; "" where they are."""
    if mark is None:
        return "it was never built"
    made = _read(mark)
    return "its marker has another form" if made is None else made.why_not(wanted)


def unbuilt(marks: Marks, country: Country, layouts: Sequence[Layout]) -> list[str]:
    """Why each fetcher's rows of a country are not whole, as the store stands; "" where they are."""
    logs = {log.family: log for log in marks.logs.values()}
    return [
        why_not(marks.of.get(layout.fetcher), of_rows(country, layout, logs[layout.family], marks.generation))
        if layout.family in logs
        else f"{layout.family} has no log"
        for layout in layouts
    ]


def folded_otherwise(store: RowStore, country: Country) -> str:
    """Why rows of this generation are folded by other settings of their country than these; "" where they are not.

    Their fences cannot tell them apart: such rows are to be built in another generation. Whoever asks first decides.
    """
    wanted = stamp.of(country, stamp.ROWS)
    why = why_not(store.folded_by(country.code, encode(wanted)), wanted)
    return f"of {country.code} {why}" if why else ""


def kept_otherwise(marks: Marks, country: Country, family: str, layouts: Sequence[Layout]) -> str:
    """Why whoever keeps these fetchers' rows (all of a family) would miss some that count as whole; "" if none.

    It would move the restart point past events that those rows never took.
    """
    log = next(log for log in marks.logs.values() if log.family == family)
    mine = {layout.fetcher: of_rows(country, layout, log, marks.generation) for layout in layouts}
    for name, mark in sorted(marks.of.items()):
        made = _read(mark)
        if made is not None and made.log == _place(log, marks.generation):
            why = made.why_not(mine[name]) if name in mine else "there is no such fetcher here"
            if why:
                return f"{name} of {country.code}: {why}"
    if lost := sorted(marks.scattered & mine.keys()):
        return f"{lost[0]} of {country.code}: not all nodes of the store hold it; `cerebro rebuild` makes it whole"
    return ""


def _place(log: Log, generation: int) -> Mapping[str, str]:
    return {"topic id": log.topic_id, "epoch": f"{log.epoch}", "generation": f"{generation}"}


def _read(mark: bytes) -> Stamp | None:
    try:
        return msgspec.json.decode(mark, type=Stamp)
    except msgspec.MsgspecError:
        return None
