"""From readings to what Feast's replies are made of: protobuf values, statuses and instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from feast import FeatureView
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus, GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from scv.features.fetcher import Dtype, Fetcher
from scv.online.reader import Reading

FIELDS: Mapping[Dtype, str] = {"int": "int64_val", "float": "double_val", "str": "string_val"}
"""Where a protobuf value keeps it."""
NULL = Value()
PRESENT, NULL_VALUE = FieldStatus.PRESENT, FieldStatus.NULL_VALUE
NOT_FOUND, TOO_OLD = FieldStatus.NOT_FOUND, FieldStatus.OUTSIDE_MAX_AGE

Customer = tuple[str, str]
"""Country and customer id."""

Found = tuple[datetime | None, dict[str, Value] | None]
"""What Feast wants of a customer and view: the data's instant and the values; None where there are none."""


@dataclass(frozen=True)
class Asked:
    """One view of a call: its fetcher, the features wanted, the customers, which of them each row of the reply is."""

    table: FeatureView
    fetcher: type[Fetcher]
    features: Sequence[str]
    customers: Sequence[Customer]
    rows: Sequence[int] = ()

    def status(self, reading: Reading) -> FieldStatus.ValueType:
        """PRESENT, NOT_FOUND (no row), OUTSIDE_MAX_AGE (complete to longer ago than the ttl) or INVALID (rows that are
        not built: nobody can tell which of them it is).
        """
        if not reading.built:
            return FieldStatus.INVALID
        if not reading.present:
            return NOT_FOUND
        ttl = self.table.ttl
        if ttl and (reading.freshness_s is None or reading.freshness_s > ttl.total_seconds()):
            return TOO_OLD
        return PRESENT

    def found(self, reading: Reading) -> Found:
        """A reading as one view's plain read gives it; its instant is the watermark, up to which it is complete."""
        if self.status(reading) != PRESENT:
            return reading.watermark, None
        return reading.watermark, {name: self.cell(name, reading, PRESENT)[0] for name in self.features}

    def cell(self, name: str, reading: Reading, status: FieldStatus.ValueType) -> tuple[Value, FieldStatus.ValueType]:
        """A feature's value, and what is said of it where that is what the view says."""
        value = reading.values[name] if status == PRESENT else None
        if value is None:
            return NULL, NULL_VALUE if status == PRESENT else status
        return Value(**{self.fields[name]: value}), PRESENT

    @cached_property
    def fields(self) -> dict[str, str]:
        return {feature.name: FIELDS[feature.dtype] for feature in self.fetcher.features}

    def answer(self, response: GetOnlineFeaturesResponse, readings: Sequence[Reading], full_names: bool) -> None:
        """Add this view's part to the reply.

        Feast's own function says PRESENT or NOT_FOUND only; the protocol can also say that a value is null, or
        too old to be given. Those are different answers.
        """
        view = self.table.projection.name_to_use()
        names = [f"{view}__{name}" for name in self.features] if full_names else self.features
        response.metadata.feature_names.val.extend(names)
        statuses = [self.status(reading) for reading in readings]
        stamps = [_stamp(reading.watermark) for reading in readings]
        instants = [stamps[row] for row in self.rows]
        for name in self.features:
            cells = [self.cell(name, *one) for one in zip(readings, statuses, strict=True)]
            vector = response.results.add()
            vector.values.extend([cells[row][0] for row in self.rows])
            vector.statuses.extend([cells[row][1] for row in self.rows])
            vector.event_timestamps.extend(instants)


def _stamp(instant: datetime | None) -> Timestamp:
    stamp = Timestamp()
    if instant is not None:
        stamp.FromDatetime(instant)
    return stamp


def describe(response: GetOnlineFeaturesResponse, asked: Sequence[Asked]) -> None:
    """Say which version of each view answered."""
    told = {one.name for one in response.metadata.feature_view_metadata}
    for one in asked:
        name = one.table.projection.name_alias or one.table.projection.name
        if name not in told:
            response.metadata.feature_view_metadata.add(name=name, version=one.table.current_version_number or 0)
            told.add(name)
