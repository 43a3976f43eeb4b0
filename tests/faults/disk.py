"""A full disk under the lake: who writes it waits, and goes on by itself once there is room."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.disks import fill
from tests.faults.scenario import scenario
from tests.faults.stage import Stage

LAKE_KB = 48_000
TOO_LITTLE_KB = 4_000


@scenario("disk full under the lake", trials=8, few=2, lake_kb=LAKE_KB)
def lake_disk_full(stage: Stage, trials: int) -> int:
    """Down to the last byte, or with less left than a commit may need. Every other time a consumer is killed, too."""
    dice, lake = random.Random(trials), Path(stage.settings.lake_path)
    for number in range(trials):
        filler = fill(lake, dice.choice([0, dice.randrange(TOO_LITTLE_KB)]))
        time.sleep(2)
        if number % 2:
            stage.kill("lake-1")
            time.sleep(1)
        filler.unlink()
        time.sleep(1)
    return trials
