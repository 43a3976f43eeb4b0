"""A page of metrics, scraped as Prometheus does and read by the client library's own parser."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from telemetry import metric


def page(address: str) -> str:
    """The text that a process serves."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/metrics") as reply:
        return str(reply.read().decode())


def samples(text: str) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of the list …) → value, of our metrics alone."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            declared = next((one for one in metric.listed().values() if sample.name.startswith(one.name)), None)
            if declared is not None:
                assert set(sample.labels) - {"le"} == set(declared.labels), sample
                found[sample.name, *(sample.labels[label] for label in declared.labels)] = sample.value
    return found
