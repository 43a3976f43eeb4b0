"""What the consumers tell an operator: the same as they count, while they run, and of no customer."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from local.services.process import free_port
from scv.events import event
from scv.settings import Settings
from store.client import client as connected
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.samples import DeadLetterSamples
from telemetry.disk import disk
from telemetry.endpoint import exposed
from telemetry.watermarks import watermark_ages
from tests.scrape import page, samples
from tests.streams import shop

CANARY = "canary-4711@example.org"


def test_running_consumers_tell_what_they_counted_and_of_nobody(live: Settings, client: Any) -> None:
    bought = next(one for one in shop.log(5, 200) if isinstance(one, event.Placed))
    sent = shop.send(live, [*shop.log(4, 300), replace(bought, id=CANARY, customer_id=CANARY)])
    shop.garbage(live, f'{{"id": "{CANARY}"'.encode())
    settings = replace(live, metrics=f"127.0.0.1:{free_port()}")
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running, connected(live) as store:
        shop.settle(live, client)
        online, lake = running.consumers
        sources = {"online": online.samples, "lake": lake.samples, "watermarks": lambda: watermark_ages(store)}
        sources |= {"disk": lambda: disk(live), "dead-letters": DeadLetterSamples(live).samples}
        with exposed(settings, "online", sources) as address:
            assert address is not None
            text = page(address)
    read = samples(text)
    records = "cerebro_records_total"
    assert read[records, "lake", "kept", ""] == sent
    assert sum(read[records, "online", one, ""] for one in ("admitted", "repeated", "changed", "too_late")) == sent
    assert [read[records, consumer, "dead", "not JSON"] for consumer in ("online", "lake")] == [1, 1]
    assert read["cerebro_rows_total", "online", "written"] == online.counters.rows > 0
    assert read["cerebro_batch_seconds_count", "online"] == online.counters.batches > 0
    assert read["cerebro_lake_commits_total",] == lake.counters.commits > 0
    assert read["cerebro_store_round_trips_total",] > 0
    assert read["cerebro_dead_letters", "orders", "not JSON"] == 1
    assert 0 <= read["cerebro_dead_letters_age_seconds", "orders", "not JSON"] < 600
    assert read["cerebro_lake_files", "orders"] > 0 and read["cerebro_lake_bytes", "orders"] > 1_000
    assert 0 < read["cerebro_disk_free_bytes",] < read["cerebro_disk_size_bytes",]
    lags = [value for (name, *_), value in read.items() if name == "cerebro_lag_records"]
    assert len(lags) == 2 * len(event.FAMILIES) and set(lags) == {0}
    ages = {name[1:]: value for name, value in read.items() if name[0] == "cerebro_watermark_age_seconds"}
    assert ages == {("US", family): 0 for family in event.FAMILIES}
    assert {value for name, value in read.items() if name[0] == "cerebro_unreadable_sources_total"} == {0}
    assert "canary" not in text and "example.org" not in text


def test_in_json_a_consumer_says_one_object_a_line_and_of_nobody(live: Settings, client: Any) -> None:
    """As a command; half of what it reads is refused, which it says."""
    shop.send(live, shop.log(6, 12))
    for number in range(12):
        shop.garbage(live, f'{{"id": "{CANARY}-{number}"'.encode())
    running = shop.process(live, "consume", "lake", "--until-idle", "--log-format", "json")
    counted, said = running.communicate(timeout=90)
    assert running.returncode == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert any("not JSON" in line["message"] for line in lines)
    assert {line["process"] for line in lines} == {"lake"} and all(line["time"] and line["level"] for line in lines)
    assert "canary" not in said and "canary" not in counted
