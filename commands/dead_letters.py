"""List the records that were refused, show them, send them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import click

from scv import settings as known
from scv.events import event, instant
from scv.events.arrival import Reason
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from terminal import listing
from terminal.bar import Bar

if TYPE_CHECKING:
    from streams.dead_letters import Choice, DeadLetters, Letter, Pile

WORDS = 60
"""So much of the last message stands in the list."""


class Instant(click.ParamType):
    """A day (its midnight in UTC) or an instant with its offset."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """As click."""
        if isinstance(value, datetime):
            return value
        try:
            return instant.parse(f"{value}T00:00:00Z" if len(value) == len("2017-09-05") else value)
        except ValueError:
            self.fail(f"{value!r} is no day (2017-09-05) and no instant (2017-09-05T10:00:00+02:00).", param, ctx)


def chosen(work: Callable[..., int]) -> Callable[..., int]:
    """The options that choose letters."""
    kept = "Only letters kept {} then: 2017-09-05 (midnight in UTC) or 2017-09-05T10:00:00+02:00."
    reasons, families = click.Choice(get_args(Reason)), click.Choice(list(event.FAMILIES))
    work = click.option("--until", type=Instant(), help=kept.format("before"))(work)
    work = click.option("--since", type=Instant(), help=kept.format("since"))(work)
    work = click.option("--reason", "reasons", multiple=True, type=reasons, help="Only of these reasons.")(work)
    work = click.option("--family", "families", multiple=True, type=families, help="Only of these families.")(work)
    return work


@click.group()
def command() -> None:
    """Look at what consumers refused and kept, the dead letters, and send them again.

    They are kept for CEREBRO_DEAD_LETTER_DAYS.

    \b
    Example:
      cerebro dead-letters list
      cerebro dead-letters show --reason "wrong type" --limit 3
      cerebro dead-letters send --reason "wrong partition"
    """


@command.command("list")
@chosen
@click.option("--json", "as_json", is_flag=True, help="As JSON; ages in seconds.")
def tell(as_json: bool, **filters: Any) -> int:
    """Count dead letters by family and reason: those that wait, the oldest and the newest, and those sent again.

    \b
    Example:
      cerebro dead-letters list
      cerebro dead-letters list --family orders --since 2017-09-05 --json
    """
    choice, letters = _read(filters)
    now, piles = from_us(wall_us()), letters.piles(choice)
    if as_json:
        click.echo(json.dumps([_fields(one, now) for one in piles]))
        return 0
    if piles:
        columns = ("family", "reason", "waiting", "sent again", "oldest", "newest", "the last one")
        listing.show(columns, [_cells(one, now) for one in piles])
    waiting = sum(one.waiting for one in piles)
    click.echo(f"{waiting:,} dead letters wait." if waiting else "No dead letter waits.", err=True)
    return 0


@command.command()
@chosen
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 1000), help="So many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def show(limit: int, as_json: bool, **filters: Any) -> int:
    """Show the newest dead letters that wait, with all that they hold. Customers stand in them.

    Bytes that are no text are shown in base64. Where each lay before it was refused: topic/partition@offset.

    \b
    Example:
      cerebro dead-letters show
      cerebro dead-letters show --reason "not JSON" --limit 1 --json
    """
    from operation.letter_box import whole

    choice, letters = _read(filters)
    found = sorted(letters.letters(letters.waiting(choice, newest=limit)), key=lambda one: (one.at, one.part))
    for one in found:
        click.echo(json.dumps(whole(one)) if as_json else _block(one))
    if not found:
        click.echo("No dead letter waits.", err=True)
    return 0


@command.command()
@chosen
@click.option("--anyway", is_flag=True, help="Also those that would be refused again.")
def send(anyway: bool, **filters: Any) -> int:
    """Send dead letters again that would be taken now: their own bytes, under the key that their body says.

    So a wrong partition, a missing key and another customer's are mended by it. For what else was wrong, mend that
    first (write the country's file, say). What was sent waits no more; sent twice it counts once. What is refused again
    is a new letter, which says so. Exit 1 where some of the chosen stay.

    \b
    Example:
      cerebro dead-letters send --reason "wrong partition"
      cerebro dead-letters send --reason "unknown country" --since 2017-09-05
    """
    from scv.events import country
    from streams.resend import resend

    choice, letters = _read(filters)
    settings, picked = known.load(), letters.waiting(choice)
    if not picked:
        click.echo("No dead letter waits.", err=True)
        return 0
    with Bar("sending again") as bar:
        done = resend(settings, letters, picked, country.known(settings.countries_path), anyway, bar.at)
    reasons = sorted({*done.sent, *done.left})
    rows = [(one, f"{done.sent[one]:,}", f"{done.left[one]:,}", _cut(done.why.get(one, ""))) for one in reasons]
    listing.show(("reason", "sent again", "left", "why"), rows)
    if left := done.left.total():
        click.echo(f"{left:,} are left: they would be refused again. To send them all the same: --anyway.", err=True)
    return int(bool(left))


def _read(filters: dict[str, Any]) -> tuple[Choice, DeadLetters]:
    from streams.dead_letters import Choice, DeadLetters

    letters = DeadLetters(known.load())
    with Bar("reading dead letters") as bar:
        letters.read_on(bar.at)
    return Choice(**filters), letters


def _fields(one: Pile, now: datetime) -> dict[str, Any]:
    ages = {name: at and round((now - at).total_seconds(), 3) for name, at in _ends(one)}
    instants = {name: at and at.isoformat() for name, at in _ends(one)}
    return one._asdict() | instants | {f"{name}_age_s": age for name, age in ages.items()}


def _cells(one: Pile, now: datetime) -> tuple[str, ...]:
    ages = ["" if at is None else _age((now - at).total_seconds()) for _, at in _ends(one)]
    return one.family, one.reason, f"{one.waiting:,}", f"{one.sent:,}", *ages, _cut(one.words)


def _cut(words: str) -> str:
    return words if len(words) <= WORDS else words[: WORDS - 1] + "…"


def _ends(one: Pile) -> tuple[tuple[str, datetime | None], ...]:
    return ("oldest", one.oldest), ("newest", one.newest)


def _age(seconds: float) -> str:
    """
    >>> _age(7), _age(400), _age(90_000)
    ('7 s ago', '6 min ago', '25 h ago')
    """
    for size, unit in ((2 * 86_400, "d"), (2 * 3600, "h"), (2 * 60, "min")):
        if seconds >= size:
            return f"{seconds // (size / 2):.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def _block(one: Letter) -> str:
    from operation.letter_box import spelt

    origin, part = one.origin, one.part
    lines = [
        f"{one.reason}: {one.message}",
        f"  kept    {one.at.astimezone(UTC).isoformat()} in {part.topic}/{part.partition}@{one.offset}",
        f"  from    {origin.topic}/{origin.partition}@{origin.offset}"
        + (f", sent again from {one.before}" if one.before else ""),
    ]
    lines += [f"  header  {name}: {spelt(value)[0]}" for name, value in one.headers]
    for name, value in (("key", one.key), ("value", one.value)):
        text, encoding = spelt(value)
        shown = "none" if text is None else text.translate(_LINES)
        lines.append(f"  {name:<7} {shown}" + (f" ({encoding})" if encoding else ""))
    return "\n".join(lines)


_LINES = {number: f"\\x{number:02x}" for number in (*range(32), 127, *range(0x80, 0xA0))}
"""Nothing that a sender wrote moves the cursor of a terminal."""
