"""One scenario on one pair of broker and store, from the first event to the verdict."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from scv.settings import Settings
from tests.disks import small_disk
from tests.faults.scenario import Scenario
from tests.faults.stage import stage
from tests.faults.traffic import Traffic
from tests.faults.verdict import Verdict, judge, letters
from tests.streams import shop
from tests.streams.test_bounded_time import wall_country

RATE = 150
"""Events per second, beside everything else that a machine of two cores does here."""
WARM_S = 1.5


@dataclass(frozen=True)
class Outcome:
    """`recovery_s`: from the fault's end until rows and lake hold all that the broker holds, under traffic.

    `mute`: what members said last that ended by themselves without a word on what to do.
    """

    scenario: str
    place: str
    trials: int
    seconds: float
    recovery_s: float
    verdict: Verdict
    ends: int
    mute: list[str]

    @property
    def tried(self) -> bool:
        return self.trials > 0 and self.verdict.compared > 0 and self.verdict.arrivals > 0

    @property
    def ok(self) -> bool:
        verdict = self.verdict
        right = not (verdict.lost or verdict.dup or verdict.wrong or self.mute)
        return right and self.tried and self.recovery_s <= RECOVERY_S


RECOVERY_S = 20.0


def attempt(scenario: Scenario, broker: str, store: str, home: Path, short: bool, seed: int = 1) -> Outcome:
    """Run it. Raises what the stage raises where it does not come back at all."""
    begun = time.monotonic()
    country = wall_country(Settings(home=str(home)), "WC") if scenario.is_live else shop.US
    small = small_disk(home / "lake", scenario.lake_kb) if scenario.lake_kb else nullcontext()
    with small, stage(broker, store, home, scenario.members) as made:
        traffic = Traffic(made.settings, country, seed, RATE, scenario.poison)
        made.held = traffic.held
        traffic.start()
        try:
            time.sleep(WARM_S)
            trials = scenario.disturb(made, scenario.few if short else scenario.trials)
            recovery_s = made.recovered()
        finally:
            traffic.end()
        made.recovered()
        verdict = judge(made.settings, made.store, traffic.acked, country)
        if traffic.poisoned and (kept := letters(made.settings)) < traffic.poisoned:
            verdict.lost += traffic.poisoned - kept
            verdict.said.append(f"{traffic.poisoned} bad records were sent, the dead-letter topics hold {kept}")
        place, seconds = f"{broker} + {store}", time.monotonic() - begun
        return Outcome(scenario.name, place, trials, seconds, recovery_s, verdict, len(made.ends), made.mute())
