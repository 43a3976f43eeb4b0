"""What the Tuesday commands share: which Tuesday is meant, and where the reports go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scorer.feedback.validation import Feedback
    from scv.events.country import Country
    from scv.settings import Settings


def reference_of(date: str | None, country: Country, settings: Settings) -> datetime:
    """The instant that `-d` names; without it local midnight of the newest Tuesday by the country's clock.

    Raises BadReference for one after the clock.
    """
    from scv.events import calendar
    from terminal.arguments import now, the_references

    if date:
        return the_references([date], country, settings)[0]
    return calendar.last_tuesday(now(country, settings), country.zone)


def references_of(dates: Sequence[str], country: Country, settings: Settings) -> list[datetime]:
    """The instants that `-d` names; without any, those of every published week. Raises UserError if there is none."""
    from scorer.tuesday.week import Folder
    from scv.errors import UserError
    from terminal.arguments import the_references

    if dates:
        return the_references(dates, country, settings)
    folder = Folder(settings.exports_url, country)
    published = folder.references()
    if not published:
        raise UserError(
            f"No week of {country.code} is published in {folder.path}. Run `cerebro export {country.code}`."
        )
    return published


def write_report(settings: Settings, found: Feedback, notes: Sequence[str], out: Path | None = None) -> Path:
    """Write the feedback page in one step; its path. By default HOME/reports/feedback_COUNTRY_LAST.html."""
    from scorer.feedback.page import page
    from scv import atomic as whole

    past = found.judged[0].past
    last = [*past.dates, *past.waiting][-1]  # the newest: what waits is younger than what does not
    path = out or settings.home_path / "reports" / f"feedback_{found.country.code}_{last}.html"
    whole.write(path, page(found, notes).encode())
    return path
