"""The same command twice at once, each of the two killed in the middle; and the same commands on a disk that is full.

`fetch`, `train` and `week` on a lake on disk: see `House` for what is asked of them.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.disks import fill, small_disk
from tests.faults.house import COMMANDS, Disturbed, House
from tests.faults.trial import Outcome

WAIT = re.compile(r"(?m)^Error: Another .*[Ww]ait for it.*\.$")
"""What the second of two may end with."""
DISK_KB = 24_000
FULL = re.compile(r"/[\w./-]+: (no room is left on its disk|its disk has [\d,]+ bytes left).*[Mm]ake room")
"""What is said on a full disk: the path and the next step."""


@dataclass(frozen=True)
class Rivalry:
    """`trials` in a whole run, `few` in a short one."""

    name: str
    disturb: Callable[[Path, int], Disturbed]
    trials: int
    few: int


def attempt(rivalry: Rivalry, home: Path, short: bool) -> Outcome:
    """Run it."""
    begun = time.monotonic()
    made = rivalry.disturb(home, rivalry.few if short else rivalry.trials)
    seconds = time.monotonic() - begun
    return Outcome(rivalry.name, "disk", made.trials, seconds, made.recovery_s, made.verdict, 0, made.mute)


def _killed(name: str, folder: Path, trials: int) -> Disturbed:
    """Two at once, again and again, until so many were killed: of each pair both or one, at an instant of their life
    or before one of their writes. Of the first pair nobody.
    """
    house = House(folder, ("train", "week") if name == "week" else (name,))
    disturbed, dice, pairs = Disturbed(), random.Random(trials), 0
    while disturbed.trials < trials:
        _pair(house, name, (0, 2, 1, 2)[pairs % 4] if pairs else 0, dice, disturbed)
        pairs += 1
        assert pairs < 3 * trials, "hardly a kill hits"
    return disturbed


def _pair(house: House, name: str, doomed: int, dice: random.Random, disturbed: Disturbed) -> None:
    words, calm = COMMANDS[name], house.calm[name]
    house.empty(name)
    by_write = [number < doomed and dice.random() < 0.5 for number in range(2)]
    both = [house.start(words, dice.randint(1, calm.writes) if dies else 0) for dies in by_write]
    ages = [(dice.uniform(0, calm.seconds), both[number]) for number in range(doomed) if not by_write[number]]
    for age_s, player in sorted(ages, key=lambda pair: pair[0]):
        player.kill_at(age_s)
    for played in [player.end() for player in both]:
        disturbed.trials += played.killed
        if played.code and not played.killed and not WAIT.search(played.said):
            disturbed.verdict.differ(f"one of two `cerebro {words}` ended with {played.code}: {played.said[-300:]}")
    house.halves(name, disturbed)
    house.again(name, disturbed)


def full(folder: Path, trials: int) -> Disturbed:
    """Each command with less room than it needs, down to none; then room is made."""
    folder.mkdir(exist_ok=True)
    disturbed, dice = Disturbed(), random.Random(trials)
    (folder / "house").mkdir()
    with small_disk(folder / "house" / "home", DISK_KB) as disk:
        house = House(folder / "house")
        for number in range(3 * trials):
            name = tuple(COMMANDS)[number % len(COMMANDS)]
            house.empty(name)
            needs_kb = sum(map(len, house.wanted[name].values())) // 1024
            filler = fill(disk, dice.randint(0, needs_kb // 2))
            played = house.start(COMMANDS[name]).end()
            disturbed.trials += played.code != 0
            if played.code and not FULL.search(played.said):
                disturbed.mute.append(f"{name}: {played.said}")
            house.halves(name, disturbed)
            filler.unlink()
            house.again(name, disturbed)
            if disturbed.trials >= trials:
                break
    return disturbed


RIVALRIES = {
    one.name: one
    for one in (
        Rivalry("two fetches at once, killed", lambda folder, trials: _killed("fetch", folder, trials), 28, 2),
        Rivalry("two trainings at once, killed", lambda folder, trials: _killed("train", folder, trials), 10, 2),
        Rivalry("two weeks at once, killed", lambda folder, trials: _killed("week", folder, trials), 18, 2),
        Rivalry("disk full under fetch, train and week", full, 8, 2),
    )
}
