"""How Cerebro stands, on one screen: what runs, how far it is, what was refused, what is made and what is due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from operation.standing import CountryStatus
    from operation.status import SystemStatus

EVERY_S = 2.0
Shown = tuple[tuple[str, ...], list[tuple[object, ...]]]
"""A table: what its columns are called, and its rows."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines; with --watch one line each time.")
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
def command(as_json: bool, watch: bool) -> None:
    """Show processes, lag and freshness, dead letters by reason, lake, champions, Tuesdays, what is due, and the disk.

    What does not run is said; what lies on disk is shown all the same. Exit code 0 means that it was told, not that
    all is well: `cerebro health PART` answers for one part by its exit code.

    \b
    Example:
      cerebro status
      cerebro status --json
    """
    import msgspec

    from operation.status import StatusReader
    from scv import settings

    reader = StatusReader(settings.load())
    while True:
        found = reader.read()
        if as_json:
            body = msgspec.json.encode(found)
            click.echo((body if watch else msgspec.json.format(body, indent=2)).decode())
        else:
            if watch:
                click.clear()
            show(found)
        if not watch:
            return
        time.sleep(EVERY_S)


def show(found: SystemStatus) -> None:
    """Lines about all of it, then a table of each thing of which there is any."""
    from terminal import listing

    click.echo("\n".join(_heading(found)))
    for columns, rows in (*_running(found), *_made(found)):
        if rows:
            click.echo()
            listing.show(columns, rows)


def _heading(found: SystemStatus) -> Iterator[str]:
    yield f"{found.home} at {_said(found.at)}"
    if not found.runs:
        yield "Nothing runs; `cerebro up` starts it."
    yield f"store {found.store}: {found.unknown.get('store', 'answers').removeprefix('the store ')}"
    yield f"broker {found.broker}: {found.unknown.get('broker', 'answers').removeprefix('the broker: ')}"
    for name, count in found.behind.items():
        yield f"{name}: {count:,} offsets behind the log"
    if found.counts:
        counted = {name.replace("_", " "): f"{count:,}" for name, count in found.counts.items()}
        yield "since the online consumers' start: " + ", ".join(f"{name} {count}" for name, count in counted.items())
    yield from (f"not known: {what}: {why}" for what, why in found.unknown.items() if what not in ("store", "broker"))
    folders = ", ".join(f"{name} {_size(held)}" for name, held in found.disk.folders.items())
    yield f"disk: {folders or 'nothing'}; {_size(found.disk.free)} free"


def _running(found: SystemStatus) -> Iterator[Shown]:
    beats = [beat for group in found.members.values() for beat in group]
    ends = {one.member: f"{one.at_end} of {one.partitions}" if one.partitions else "-" for one in beats}
    behind = {one.member: "-" if one.behind is None else f"{one.behind:,}" for one in beats}
    yield (
        ("process", "member", "since", "behind", "at end", "ails"),
        [(one.group, one.member, _said(one.started_at), behind[one.member], ends[one.member], one.ails or "-")
         for one in beats],
    )  # fmt: skip
    yield (
        ("dead letters", "reason", "waiting", "sent again", "oldest"),
        [(one.family, one.reason, f"{one.waiting:,}", f"{one.sent:,}", _said(one.oldest)) for one in found.refused],
    )


def _made(found: SystemStatus) -> Iterator[Shown]:
    known = found.countries
    yield (
        ("country", "clock", "rows complete to", "lake complete to", "built", "last Tuesday"),
        [(one.code, _clock(one), _said(one.rows_to), _said(one.lake_to), _built(one), one.last_week or "-")
         for one in known],
    )  # fmt: skip
    yield (
        ("country", "champion", "of", "may answer"),
        [(country.code, one.id or one.target, _age(country, one.frozen_at), one.why_not or "yes")
         for country in known for one in country.champions],
    )  # fmt: skip
    yield (
        ("country", "due since", "command"),
        [(country.code, slot.date, slot.line + (" (at work)" if country.at_work else ""))
         for country in known for slot in country.due],
    )  # fmt: skip
    yield (
        ("lake", "version", "files", "size"),
        [(one.family, one.version, f"{one.files:,}", _size(one.bytes)) for one in found.lake],
    )


def _clock(country: CountryStatus) -> str:
    return f"{_said(country.now)} ({country.clock or 'by the lake'})"


def _built(country: CountryStatus) -> str:
    built = f"{country.fetchers - len(country.unbuilt)} of {country.fetchers}" if country.fetchers else "not known"
    return built + "".join(f"; {name}: {why}" for name, why in country.unbuilt.items())


def _age(country: CountryStatus, at: datetime | None) -> str:
    return "-" if at is None else f"{_said(at)} ({(country.now - at).days} days)"


def _said(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"


def _size(count: int) -> str:
    """
    >>> _size(999), _size(2_345_678)
    ('999 B', '2.3 MB')
    """
    size, unit = float(count), 0
    while size >= 1000 and unit < 4:
        size, unit = size / 1000, unit + 1
    return f"{count} B" if not unit else f"{size:.1f} {('', 'k', 'M', 'G', 'T')[unit]}B"
