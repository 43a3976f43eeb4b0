"""What a Tuesday needs before anything else: a log that is complete to the reference."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime

from scv.events.country import Country
from scv.offline.lake import Lake, whole_to
from scv.settings import Settings
from store.client import UNWELL, client
from store.flush import request_flush

LOOK_S = 1.0


def complete_to(settings: Settings, country: Country) -> datetime | None:
    """The instant up to which the lake holds every family of a country; None: unknown."""
    lake = Lake(settings.lake_path)
    return whole_to(lake.complete_to(country.code, lake.version()))


def wait(
    settings: Settings, country: Country, at: datetime, wait_s: float, waiting: Callable[[datetime | None], None]
) -> bool:
    """Is the lake complete to `at` in every family? Looks until it is, or for so many seconds, and asks for it.

    `waiting` is told once, where it is complete to instead.
    """
    deadline, told = time.monotonic() + wait_s, False
    while (complete := complete_to(settings, country)) is None or complete < at:
        if not told and wait_s > 0:
            waiting(complete)
            told = True
        with contextlib.suppress(*UNWELL), client(settings) as asking:
            request_flush(asking)
        if time.monotonic() >= deadline:
            return False
        time.sleep(min(LOOK_S, max(0.0, deadline - time.monotonic())))
    return True
