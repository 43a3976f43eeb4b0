"""What is measured, and which alerts go with it: the list in `metrics.toml`, typed."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

LIST = Path(__file__).with_name("metrics.toml")
Process = Literal["online", "lake", "scorer", "reactor", "console"]
PROCESSES: tuple[Process, ...] = get_args(Process)
"""Who tells metrics; the order is that of their ports."""


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"lasts": "for"}):
    """What somebody is told when `expr` has held for as long as `lasts`, and what mends it.

    `fires` are series (promtool's notation, a value a minute) that after an hour have raised it with these `labels`,
    `quiet` ones that have not.
    """

    name: str
    severity: Literal["page", "ticket"]
    expr: str
    lasts: str
    says: str
    mend: str
    labels: dict[str, str]
    fires: dict[str, str]
    quiet: dict[str, str]


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric as `metrics.toml` declares it; `of`: the processes that tell it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    help: str
    of: tuple[Process, ...]
    alert: tuple[AlertRule, ...] = ()


class _Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file; its own alerts are about what Prometheus tells of a process itself."""

    metric: tuple[Metric, ...]
    alert: tuple[AlertRule, ...]


@functools.cache
def _declared() -> _Declared:
    return msgspec.convert(tomllib.loads(LIST.read_text(encoding="utf-8")), _Declared)


def listed() -> Mapping[str, Metric]:
    """Every metric by name, in the order of the list."""
    return {metric.name: metric for metric in _declared().metric}


def alerts() -> Sequence[AlertRule]:
    """Every alert, in the order of the list."""
    return [*_declared().alert, *(one for metric in _declared().metric for one in metric.alert)]
