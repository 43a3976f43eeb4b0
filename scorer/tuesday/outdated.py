"""Published weeks that are older than anybody asks for."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from datetime import timedelta

from scorer.tuesday.claim import claimed
from scorer.tuesday.week import MANIFEST, WITHDRAWN, Folder
from scv.events import calendar
from scv.leftover import Leftover

KEPT_WEEKS = 13
"""The newest ones stay, however old: feedback judges them."""


def named(folder: Folder) -> set[str]:
    """The ids of the models by which any published week was scored. Raises NoWeek where one cannot say."""
    weeks = [folder.week(at) for at in folder.references()]
    return {name for week in weeks if week for name in week.manifest.models.values() if name}


def outdated(folder: Folder, days: int) -> Iterator[Leftover]:
    """The weeks of a country whose reference lies more than so many days before the newest one's; 0 days: none.

    What was taken back goes by the same rule, and what a killed run left of a week.
    """
    published = folder.references()
    if not days or not published:
        return
    before = min(published[-1] - timedelta(days=days), published[-KEPT_WEEKS:][0])
    for path in sorted([*folder.fs.glob(f"{folder.path}/*"), *folder.fs.glob(f"{folder.path}/{WITHDRAWN}/*")]):
        name = path.removeprefix(f"{folder.path}/")
        at = calendar.of_label(name.removeprefix(f"{WITHDRAWN}/").partition(".")[0], folder.country)
        if at is not None and at < before:
            yield _leftover(folder, name)


def _leftover(folder: Folder, name: str) -> Leftover:
    path = f"{folder.path}/{name}"
    sizes = folder.fs.du(path, total=False)
    remove = functools.partial(_remove, folder, name)
    return Leftover("exports", folder.country.code, path, len(sizes), sum(sizes.values()), remove)


def _remove(folder: Folder, name: str) -> bool:
    """The manifest first: without it the week is not there, and the next run takes what a killed one left.

    Raises UserError while another one is published.
    """
    path = f"{folder.path}/{name}"
    with claimed(folder.fs, folder.path, f"tidy {name}"):
        with contextlib.suppress(FileNotFoundError):
            folder.fs.rm_file(f"{path}/{MANIFEST}")
        folder.fs.rm(path, recursive=True)
    return True
