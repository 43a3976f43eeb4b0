"""Doing what is due, one process a slot: whatever becomes of one, the next is tried, and it is due until it is done.

One turn at a time in a country. The lock is the kernel's: it ends with whoever holds it, however that ends; a slot's
process holds it too, so that nobody begins beside one whose starter was killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from operation import attempts, due
from operation.due import Due
from scv import atomic, machine
from scv.errors import CerebroError
from scv.events import calendar
from scv.events import country as countries
from scv.events.country import Country
from scv.model import champion
from scv.settings import PREFIX, Settings
from scv.talk import say as talk

CLI = Path(__file__).parents[1] / "cli.py"
Start = Callable[[Settings, Due, int], int]
"""Does a slot, in a process that keeps this file (of the lock) open; its exit code."""


def start(settings: Settings, slot: Due, lock: int) -> int:
    """Run the command of a slot from any folder: what it prints is printed."""
    command, home = [sys.executable, str(CLI), *slot.words], {PREFIX + "HOME": str(settings.home_path)}
    return subprocess.run(
        command, env=os.environ | home, pass_fds=[lock], stdin=subprocess.DEVNULL, check=False
    ).returncode


async def beside(say: Callable[[str], None] = talk) -> None:
    """Run what is due in a process of its own, which outlives ours and writes where we write; never raises."""
    try:
        child = await asyncio.create_subprocess_exec(sys.executable, str(CLI), "due", "--run", stdin=subprocess.DEVNULL)
        code = await child.wait()
    except OSError as error:
        say(f"What is due cannot be started: {machine.translate(error)} It is tried again.")
        return
    if code:  # it has said what failed, unless it was killed
        say(f"`cerebro due --run` ended with {code}. It is tried again; `cerebro due` shows what is due.")


def run(settings: Settings, codes: Sequence[str], start: Start = start, say: Callable[[str], None] = talk) -> int:
    """Do what is due in these countries, oldest first; how many slots or countries failed.

    A country in which another process is at work is left alone, and so is a training that rests (`attempts`).
    """
    slots, unknown = due.everywhere(settings, codes)
    for code, why in unknown.items():
        say(f"{code}: what is due cannot be told: {why}")
    left, failed = set[str](), len(unknown)
    for slot in slots:
        if slot.country in left:
            continue
        with alone(settings, slot.country) as lock:
            if lock is None:
                say(f"{slot.country}: another process is at work on what is due there; it is left alone.")
                left.add(slot.country)
            elif rests := attempts.resting(settings, slot):
                until = f"{rests.rests_until:%Y-%m-%d %H:%M} UTC"
                say(f"{slot.line} failed {rests.times} times and rests until {until}; typed, it runs at once.")
            elif why := _why_not_done(settings, slot, lock, start, say):
                failed += 1
                say(f"Failed: {slot.line} {why}. It stays due.")
    return failed


def _why_not_done(settings: Settings, slot: Due, lock: int, start: Start, say: Callable[[str], None]) -> str:
    """Do a slot, unless somebody did it before we held the lock; why that failed, "" where it did not."""
    try:
        country = countries.load(slot.country, settings.countries_path)
        now = due.of_country(settings, country)
    except CerebroError as error:
        return f"was not begun: {error}"
    fresh = next((one for one in now if one.same(slot)), None)
    if fresh is None:
        return ""
    if any(atomic.busy(champion.folder(settings, fresh.country, name)) for name in fresh.targets):
        say(f"{fresh.country}: another process is training there; it is left alone.")
        return ""
    say(f"Due: {fresh.line}")
    code = start(settings, fresh, lock)
    attempts.note(settings, fresh, failed=bool(code))
    if code:
        return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
    untrained = next((one for one in now if one.work == "train" and one.at <= slot.at), None)
    if slot.work == "week" and untrained:
        say(f"{slot.country} {slot.date}: no new champion since Monday; {_standing(settings, country, untrained)}.")
    return ""


def _standing(settings: Settings, country: Country, slot: Due) -> str:
    """Which champions answer instead of those that were to be trained."""
    frozen = {name: due.frozen(settings, country, name) for name in slot.targets}
    old = [f"{name} of {calendar.label(at, country)}" for name, at in frozen.items() if at]
    return f"old ones answered: {', '.join(old)}" if old else "none answered"


@contextmanager
def alone(settings: Settings, country: str) -> Iterator[int | None]:
    """Inside, no other turn is at work in the country: the lock's open file. None where one is."""
    path = _lock(settings, country)
    with machine.at(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield lock if _taken(lock) else None
    finally:
        os.close(lock)


def at_work(settings: Settings, country: str) -> bool:
    """Is a turn at work in a country now?"""
    return atomic.busy(_lock(settings, country))


def _lock(settings: Settings, country: str) -> Path:
    return settings.home_path / "due" / f"{country}.lock"


def _taken(lock: int) -> bool:
    """Take a lock; False where another process has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
