"""The list of metrics keeps the field's rules, and no label has room for a customer."""

from __future__ import annotations

import re

import pytest

from telemetry import metric
from telemetry.metric import Metric

LABELS = {"consumer", "outcome", "reason", "topic", "country", "family", "target", "status", "source"}
"""What a metric may be told apart by: each has few values, and none of them is anybody's."""

each = pytest.mark.parametrize("declared", metric.listed().values(), ids=metric.listed())


@each
def test_a_metric_is_named_as_prometheus_wants(declared: Metric) -> None:
    assert re.fullmatch(r"cerebro_[a-z_]+", declared.name)
    assert declared.name.endswith("_total") is (declared.kind == "counter")
    units = {"seconds", "bytes", "records"}
    if declared.unit in units and declared.kind != "counter":
        assert declared.name.endswith(declared.unit)


@each
def test_a_label_is_one_of_the_few(declared: Metric) -> None:
    assert set(declared.labels) <= LABELS


@each
def test_a_metric_says_what_it_is_and_whose(declared: Metric) -> None:
    assert declared.of and declared.help.endswith(".") and len(declared.help.split()) >= 4
