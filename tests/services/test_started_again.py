"""What does not come up is started once more, and a consumer that ends by itself is started again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from local import services
from local.services import workers
from local.services.process import Child
from local.services.workers import LONG_S, Consumer
from scv.errors import Unreachable


class Part:
    """A broker or store; the first of them does not come up."""

    def __init__(self, number: int) -> None:
        self.number, self.stopped = number, False

    def start(self) -> None:
        if self.number == 0:
            raise Unreachable("It did not answer within 20 s. Last lines of x.log:\n  (empty)")

    def stop(self) -> None:
        self.stopped = True


def test_a_part_that_does_not_come_up_is_made_once_more(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(Part(len(made)))
        return made[-1]

    assert services._started(make) is made[1] and [one.stopped for one in made] == [True, False]
    said = capsys.readouterr().err
    assert "did not answer within 20 s" in said and "started once more" in said and "(empty)" not in said
    with pytest.raises(Unreachable):
        services._started(lambda: Part(0))  # type: ignore[type-var]


def test_an_interrupted_start_is_not_repeated() -> None:
    part: Any = Part(1)

    def interrupted() -> None:
        raise KeyboardInterrupt

    part.start = interrupted
    with pytest.raises(KeyboardInterrupt):
        services._started(lambda: part)
    assert part.stopped


def test_a_consumer_that_ends_by_itself_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: now[0])
    started: list[str] = []
    monkeypatch.setattr(Child, "start", lambda self: started.append(self.name))
    consumer = Consumer("online", [sys.executable], tmp_path / "online.log")
    consumer.start()
    with pytest.raises(Unreachable, match="online ended by itself"):
        consumer.check()  # at once: another start mends nothing
    now[0] += LONG_S
    consumer.check()
    assert started == ["online", "online"] and "started again" in capsys.readouterr().err
    with pytest.raises(Unreachable):
        consumer.check()
