"""Kill -9 of each consumer at named points with lag, and the whole log sent twice: nothing is lost or counted twice."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from scv.fetcher import collect
from scv.settings import Settings
from streams.faultpoint import POINTS
from tests.streams import shop

pytestmark = pytest.mark.timeout(120)
EVENTS = 3_000


def killed(settings: Settings, kind: str, fault: str) -> dict[str, Any]:
    """Run a consumer until its fault point; what it had in hand."""
    running = shop.process(settings, "consume", kind, fault=fault)
    _, said = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL, said
    return shop.last_json(said)


def finished(settings: Settings, kind: str) -> dict[str, Any]:
    running = shop.process(settings, "consume", kind, "--until-idle")
    printed, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    return shop.last_json(printed)


def test_a_kill_at_any_point_and_a_log_sent_twice_change_nothing(
    live: Settings, client: Any, request: pytest.FixtureRequest
) -> None:
    """Each point in turn, a little more of the log each time, so that every life begins with lag."""
    events = shop.log(77, EVENTS, customers=700)
    re_read = 0
    slices = [events[i :: len(POINTS)] for i in range(len(POINTS))]
    bad = b'{"kind": "placed", '
    for point, some in zip(POINTS, slices, strict=True):
        shop.send(live, some, None)
        shop.garbage(live, bad)
        fault = killed(live, point.partition(".")[0], f"{point}:2" if point == "online.half-written" else point)
        assert fault["fault"] == point and fault["in_hand"] > 0
        re_read += fault["in_hand"]
    shop.send(live, events)
    online, lake = finished(live, "online"), finished(live, "lake")
    assert online["re_read"] > 0 < online["fenced"]
    assert online["duplicate"] > 0
    total, places = shop.lake_count(live)
    assert total == places == 2 * len(events)
    compared = shop.compare(live, client)
    assert lake["dead"]["not JSON"] > 0
    with request.getfixturevalue("capsys").disabled():
        print(
            f"\n{len(POINTS)} kills: {re_read} records in hand and read again, {online['re_read']} of them found in "
            f"rows, {online['fenced']} row updates fenced; {sum(compared.values())} values of {len(compared)} "
            f"fetchers equal the batch, {len(collect()) - sum(map(bool, compared.values()))} fetchers without any."
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
