"""Readings as Prometheus takes them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from telemetry import metric
from telemetry.sample import BOUNDS_S, Distribution, Sample, Source

UNREADABLE = "cerebro_unreadable_sources_total"
_BOUNDS = [*map(str, BOUNDS_S), "+Inf"]


class Exposition(Collector):
    """Asks every source at a scrape, one scrape at a time. One that raises leaves its samples out, and is counted.

    `sources`: by the name that it is counted under.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._unreadable = Counter[str]()
        self._lock = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            samples = self._samples()
        by_metric: dict[str, list[Sample]] = {}
        for sample in samples:
            by_metric.setdefault(sample.metric, []).append(sample)
        for name, declared in metric.listed().items():
            if name in by_metric:
                yield _family(declared, by_metric.pop(name))
        if by_metric:
            raise KeyError(f"{', '.join(sorted(by_metric))}: declare it in telemetry/metrics.toml")

    def _samples(self) -> list[Sample]:
        samples = [sample for name, source in self._sources.items() for sample in self._ask(name, source)]
        return samples + [Sample(UNREADABLE, (name,), self._unreadable[name]) for name in self._sources]

    def _ask(self, name: str, source: Source) -> list[Sample]:
        try:
            return list(source())
        except Exception:  # a page with a hole says more than none; the counter says where the hole is
            self._unreadable[name] += 1
            return []


def _family(declared: metric.Metric, samples: Iterable[Sample]) -> Metric:
    about = (declared.name, declared.help)
    if declared.kind == "histogram":
        histogram = HistogramMetricFamily(*about, labels=declared.labels)
        for _, labels, value in samples:
            assert isinstance(value, Distribution)
            histogram.add_metric(labels, list(zip(_BOUNDS, value.cumulative, strict=True)), value.total_s)
        return histogram
    family = (CounterMetricFamily if declared.kind == "counter" else GaugeMetricFamily)(*about, labels=declared.labels)
    for _, labels, value in samples:
        assert isinstance(value, float | int) and len(labels) == len(declared.labels), declared.name
        family.add_metric(labels, value)
    return family
