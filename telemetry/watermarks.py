"""How old what is known of each country is, read from the store when somebody asks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from scv.online.rowstore import RowStore
from telemetry.sample import Sample


def watermark_ages(client: Any) -> Iterator[Sample]:
    """The clock of each country less the watermark of its partition that is furthest behind, family by family.

    Three round trips. A country that no partition has heard of is not there.
    """
    store = RowStore(client)
    logs = store.logs()
    parts = [(topic, number) for topic, log in logs.items() for number in range(log.partitions)]
    marks = [position.watermarks for position in store.positions(parts)]
    countries = sorted({country for one in marks for country in one})
    now_us = {country: clock.now_us() for country, clock in store.clocks(countries).items()}
    for topic, log in logs.items():
        of_topic = [one for (name, _), one in zip(parts, marks, strict=True) if name == topic]
        for country in countries:
            now, least = now_us[country], min(one.get(country, -math.inf) for one in of_topic)
            if now is not None:
                yield Sample("cerebro_watermark_age_seconds", (country, log.family), max(now - least, 0.0) / 1e6)
