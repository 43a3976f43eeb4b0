"""The page of metrics: served where it was asked for, and never a reason for a process to fail."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from local.services.process import free_port
from local.services.workers import metrics_address
from scv.errors import BadSetting
from scv.settings import Settings
from telemetry import metric
from telemetry.endpoint import address_of, exposed
from telemetry.exposition import Exposition
from telemetry.sample import BOUNDS_S, Durations, Sample
from tests.scrape import page, samples


def at(port: int) -> Settings:
    return Settings(metrics=f"127.0.0.1:{port}")


def commits() -> Iterator[Sample]:
    yield Sample("cerebro_lake_commits_total", (), 7)


def broken() -> Iterator[Sample]:
    yield Sample("cerebro_lake_commits_total", (), 8)
    raise OSError("of customer-4711")


def test_a_process_tells_what_its_sources_read_and_what_it_uses() -> None:
    with exposed(at(free_port()), "online", {"lake": commits}) as address:
        assert address is not None
        text = page(address)
    assert samples(text)["cerebro_lake_commits_total",] == 7
    assert "process_resident_memory_bytes" in text and "# HELP cerebro_lake_commits_total" in text
    with pytest.raises(OSError):
        page(address)


def test_a_source_that_fails_leaves_a_hole_and_is_counted() -> None:
    with exposed(at(free_port()), "online", {"good": commits, "bad": broken}) as address:
        assert address is not None
        read = samples(page(address))
        assert read["cerebro_lake_commits_total",] == 7
        assert read["cerebro_unreadable_sources_total", "bad"] == 1
        text = page(address)
    assert samples(text)["cerebro_unreadable_sources_total", "bad"] == 2
    assert samples(text)["cerebro_unreadable_sources_total", "good"] == 0
    assert "4711" not in text


def test_a_port_that_is_taken_is_said_and_the_process_goes_on() -> None:
    said: list[str] = []
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        with exposed(at(stranger.getsockname()[1]), "online", {}, said.append) as address:
            assert address is None
    assert len(said) == 1 and "CEREBRO_METRICS" in said[0] and "in use" in said[0]


@pytest.mark.parametrize("off", ["0", "127.0.0.1:0"])
def test_port_0_is_no_page(off: str) -> None:
    with exposed(Settings(metrics=off), "online", {}) as address:
        assert address is None


@pytest.mark.parametrize("wrong", ["", "here", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65533", "9464x"])
def test_what_is_no_address_is_the_callers_mistake(wrong: str) -> None:
    with pytest.raises(BadSetting, match="CEREBRO_METRICS"):
        address_of(Settings(metrics=wrong), "online")


def test_every_process_has_a_port_of_its_own() -> None:
    ports = [address_of(Settings(), process) for process in metric.PROCESSES]
    assert ports == [("127.0.0.1", 9464 + number) for number in range(len(metric.PROCESSES))]


def test_several_homes_find_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cerebro up --all` says in services.env which; what the environment says it takes."""
    monkeypatch.setenv("CEREBRO_METRICS", "10.0.0.1:7000")
    assert metrics_address() == "10.0.0.1:7000"
    monkeypatch.delenv("CEREBRO_METRICS")
    first = metrics_address()
    with exposed(Settings(metrics=first), "lake", {}) as address:
        assert address is not None
        assert metrics_address() not in ("127.0.0.1:0", first)


def test_a_reading_that_nobody_declared_is_a_bug() -> None:
    with pytest.raises(KeyError, match=r"cerebro_stray.*metrics\.toml"):
        list(Exposition({"stray": lambda: [Sample("cerebro_stray", (), 1)]}).collect())


def test_durations_fall_into_buckets() -> None:
    durations = Durations()
    for seconds in (0.0, BOUNDS_S[0], 0.3, 1e6):
        durations.observe(seconds)
    found = durations.distribution()
    assert len(found.cumulative) == len(BOUNDS_S) + 1
    assert (found.cumulative[0], found.cumulative[-2], found.cumulative[-1]) == (2, 3, 4)
    assert found.total_s == pytest.approx(1e6 + 0.3 + BOUNDS_S[0])
