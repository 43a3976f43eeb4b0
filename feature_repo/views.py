"""What Feast knows of us: two entities, one view per fetcher, one service. All derived from the fetchers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.data_format import ParquetFormat
from feast.types import FeastType, Float64, Int64, String

from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch, snapshot
from scv.settings import Settings

TYPES: Mapping[str, FeastType] = {"int": Int64, "float": Float64, "str": String}
TTL = timedelta(days=8)
"""Offline: the age of a snapshot. Online: the age of the watermark."""

SERVICE = "scv"
ABOUT = (
    "The single customer view: every feature. Ask with full_feature_names=True: fetchers share short names, and Feast "
    "refuses those with FeatureNameCollisionError. docs/feast.md shows it."
)
JOIN_KEYS = ("country", "customer_id")


class SnapshotSource(FileSource):
    """The snapshot files of one fetcher."""

    def validate(self, config: RepoConfig) -> None:
        """Feast looks for a file of the pattern's own name and warns; apply makes sure that the pattern has one."""


def entities() -> tuple[Entity, Entity]:
    """Country and customer; together they are one customer."""
    return (
        Entity(
            name="country",
            join_keys=["country"],
            value_type=ValueType.STRING,
            description="Two letters; a customer id means nothing without it.",
        ),
        Entity(
            name="customer",
            join_keys=["customer_id"],
            value_type=ValueType.STRING,
            description="A customer of one country.",
        ),
    )


def view(chosen: type[Fetcher], settings: Settings, keys: Iterable[Entity]) -> FeatureView:
    """The view of one fetcher: exactly its features, over its snapshots."""
    features = [
        Field(
            name=feature.name,
            dtype=TYPES[feature.dtype],
            description=feature.fold.doc,
            tags={"fingerprint": feature.fingerprint, "unit": feature.fold.unit},
        )
        for feature in chosen.features
    ]
    source = SnapshotSource(
        name=f"{chosen.name}_snapshots",
        path=str(settings.snapshots_path / chosen.name / "*" / "*.parquet"),
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
    )
    return FeatureView(
        name=chosen.name,
        entities=list(keys),
        schema=[*(Field(name=key, dtype=String) for key in JOIN_KEYS), *features],
        source=source,
        ttl=TTL,
        description=chosen.doc,
        tags={"fingerprint": chosen.fingerprint(), "doc": chosen.doc, "family": chosen.family},
    )


def catalogue(settings: Settings) -> dict[str, Entity | FeatureView | FeatureService]:
    """Every object to apply, by the name of its module attribute in definitions.py."""
    keys = entities()
    views = {one.name: view(one, settings, keys) for one in fetcher.collect().values()}
    service = FeatureService(name=SERVICE, features=list(views.values()), description=ABOUT)
    return {
        "country": keys[0],
        "customer": keys[1],
        **{f"{name}_view": one for name, one in views.items()},
        SERVICE: service,
    }


def empty_snapshots(settings: Settings) -> None:
    """A table without rows for every fetcher, so that joins work before the first fetch."""
    for chosen in fetcher.collect().values():
        path = settings.snapshots_path / chosen.name / "_" / "empty.parquet"  # beside countries, and no country's name
        wanted = batch.schema(layout_of(chosen))
        if not path.exists() or not snapshot.read_file(path).schema.equals(wanted):
            snapshot.write(wanted.empty_table(), path)
