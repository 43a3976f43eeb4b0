"""What the Tuesday commands share: which Tuesday is meant, and where the reports go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scv import atomic as whole
from scv.errors import BadReference
from scv.events import calendar, clock
from scv.events.country import Country
from scv.settings import Settings
from terminal.arguments import now, the_references

if TYPE_CHECKING:
    from scorer.feedback.validation import Feedback

ACTED_ON_DAYS = 28
"""A list of an earlier Tuesday was made to look back: nobody is called by it any more."""


def warn_of_public_draw(settings: Settings, at: datetime | None = None) -> None:
    """Say on stderr where anybody could tell who is held out of a list (of the instant `at`) that is acted on."""
    acted_on = at is None or calendar.to_us(at) > clock.wall_us() - ACTED_ON_DAYS * calendar.DAY_US
    if settings.draw_is_public and acted_on:
        click.echo(
            "Who is held out is drawn with a key that everybody can read in our source. Set CEREBRO_HOLD_OUT_SALT to a "
            "secret, once, before the first list that counts: another one draws others.",
            err=True,
        )


def reference_of(date: str | None, country: Country, settings: Settings, any_day: bool = False) -> datetime:
    """The instant that `-d` names; without it local midnight of the newest Tuesday by the country's clock.

    Raises BadReference for one after the clock, or (unless `any_day`) for one that is no Tuesday's midnight.
    """
    if not date:
        return calendar.last_tuesday(now(country, settings), country.zone)
    (at,) = the_references([date], country, settings)
    tuesday = calendar.last_tuesday(at, country.zone)
    if at != tuesday and not any_day:
        raise BadReference(
            f"{date} is no Tuesday of {country.code}: lists come once a week, and feedback judges Tuesdays only. "
            f"Name {calendar.label(tuesday, country)}, or publish it all the same with --any-day."
        )
    return at


def write_report(settings: Settings, found: Feedback, notes: Sequence[str], out: Path | None = None) -> Path:
    """Write the feedback page in one step; its path. By default HOME/reports/feedback_COUNTRY_LAST.html."""
    from scorer.feedback.page import page

    past = found.judged[0].past
    last = [*past.dates, *past.waiting][-1]  # the newest: what waits is younger than what does not
    path = out or settings.home_path / "reports" / f"feedback_{found.country.code}_{last}.html"
    whole.write(path, page(found, notes).encode())
    return path
