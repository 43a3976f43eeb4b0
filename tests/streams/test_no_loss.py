"""Kill -9 of each consumer at named points with lag, and the whole log sent twice: nothing is lost or counted twice."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from scv.settings import Settings
from tests.streams import shop

EVENTS = 2_000
ONCE = [("online.written", "lake.before-commit")]
EVERY = [
    ("online.decoded", "lake.dead-lettered"),
    ("online.advanced", "lake.committed"),
    ("online.half-written:2", "lake.before-commit"),
    ("online.written", "lake.before-commit"),
]


def killed(settings: Settings, points: tuple[str, str], more: Callable[[], None]) -> list[dict[str, Any]]:
    """Run both consumers until their fault points; what each had in hand.

    `more` sends again: one that took all there was in one batch does not come to a point's second time by itself.
    """
    running = [shop.process(settings, "consume", point.partition(".")[0], fault=point) for point in points]
    found = []
    for one in running:
        for _ in range(6):
            with contextlib.suppress(subprocess.TimeoutExpired):
                _, said = one.communicate(timeout=10)
                break
            more()
        else:
            _, said = one.communicate(timeout=30)
        assert one.returncode == -signal.SIGKILL, said
        found.append(shop.last_json(said))
    return found


def finished(settings: Settings) -> list[dict[str, Any]]:
    running = [shop.process(settings, "consume", kind, "--until-idle") for kind in ("online", "lake")]
    found = []
    for one in running:
        printed, said = one.communicate(timeout=60)
        assert one.returncode == 0, said
        found.append(shop.last_json(printed))
    return found


@pytest.mark.parametrize(
    "rounds", [ONCE, pytest.param(EVERY * 3, marks=[pytest.mark.slow, pytest.mark.timeout(600)])], ids=["once", "all"]
)
def test_a_kill_with_lag_and_a_log_sent_twice_change_nothing(
    live: Settings, client: Any, rounds: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A little more of the log before each round, so that every life begins with lag and some bad records."""
    events = shop.log(77, EVENTS, customers=600)
    in_hand, again = 0, list[int]()

    def more() -> None:
        again.append(shop.send(live, events[:20], None))

    for n, points in enumerate(rounds):
        shop.send(live, events[n * len(events) // len(rounds) : (n + 1) * len(events) // len(rounds)], None)
        shop.garbage(live, b'{"kind": "placed", ')
        for fault, point in zip(killed(live, points, more), points, strict=True):
            assert point.startswith(fault["fault"]) and fault["in_hand"] > 0
            in_hand += fault["in_hand"]
    shop.send(live, events)
    online, _ = finished(live)
    assert online["re_read"] > 0 < online["fenced"] and online["repeated"] > 0
    total, places = shop.lake_count(live)
    assert total == places == 2 * len(events) + sum(again)
    compared = shop.compare(live, client)
    with capsys.disabled():
        print(
            f"\n{2 * len(rounds)} kills: {in_hand} records in hand and read again, {online['re_read']} of the last "
            f"life's in the rows already, {online['fenced']} updates of rows fenced; {sum(compared.values())} values "
            f"equal the batch view of {total} arrivals."
        )


def test_sigterm_ends_a_consumer_with_its_counters(live: Settings, client: Any) -> None:
    sent = shop.send(live, shop.log(5, 100))
    running = {kind: shop.process(live, "consume", kind) for kind in ("online", "lake")}
    shop.settle(live, client)
    for one in running.values():
        one.send_signal(signal.SIGTERM)
    for one in running.values():
        printed, said = one.communicate(timeout=20)
        assert one.returncode == 0, said
        assert shop.last_json(printed)["delivered"] == sent
