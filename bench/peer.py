"""The peers as their users have them: Feast's own Redis store, its default (dask) store, a view to push to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, PushSource, RepoConfig
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Int64, String

from feature_repo.values import FIELDS, NULL
from feature_repo.views import JOIN_KEYS, SERVICE, SnapshotSource, catalogue, entities
from scv.features import fetcher
from scv.online.reader import View
from scv.settings import Settings

PUSHED = ("orders", "spend_cents", "discount_cents", "items")
PUSH_SOURCE = "orders_push"


def with_redis(settings: Settings, folder: Path, address: str) -> FeatureStore:
    """Feast with its own Redis store and the views that we have."""
    return _opened(folder, {"type": "redis", "connection_string": address}, catalogue(settings).values())


def opened(folder: Path, address: str) -> FeatureStore:
    """That store once more, from another process, as `with_redis` left it."""
    return _opened(folder, {"type": "redis", "connection_string": address}, ())


def with_dask(settings: Settings, folder: Path) -> FeatureStore:
    """Feast with its default offline store over the snapshots that we have."""
    return _opened(folder, {"type": "sqlite", "path": str(folder / "online.db")}, catalogue(settings).values())


def to_push(folder: Path, address: str) -> FeatureStore:
    """Feast with its own Redis store and one view of PUSHED that is pushed to."""
    keys = entities()
    source = PushSource(
        name=PUSH_SOURCE,
        batch_source=SnapshotSource(path=str(folder / "none.parquet"), timestamp_field="event_timestamp"),
    )
    view = FeatureView(
        name="pushed",
        entities=list(keys),
        schema=[
            *(Field(name=key, dtype=String) for key in JOIN_KEYS),
            *(Field(name=one, dtype=Int64) for one in PUSHED),
        ],
        source=source,
        ttl=timedelta(0),
    )
    return _opened(folder, {"type": "redis", "connection_string": address}, [*keys, view])


def _opened(
    folder: Path, online: dict[str, Any], objects: Collection[Entity | FeatureView | FeatureService]
) -> FeatureStore:
    folder.mkdir(parents=True, exist_ok=True)
    config = RepoConfig(
        project="peer",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store=online,
        offline_store={"type": "dask"},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    if objects:
        store.apply(list(objects))
    return store


def write(store: FeatureStore, views: Sequence[View]) -> None:
    """The same values of the same customers, through Feast's own `online_write_batch`.

    Dated now: a view's ttl counts from there.
    """
    now = datetime.now(UTC)
    texts = ((Value(string_val=text) for text in (view.country, view.customer_id)) for view in views)
    keys = [EntityKey(join_keys=list(JOIN_KEYS), entity_values=values) for values in texts]
    for name, chosen in fetcher.collect().items():
        kinds = {feature.name: FIELDS[feature.dtype] for feature in chosen.features}
        data = []
        for key, view in zip(keys, views, strict=True):
            found = view.fetchers[name].values
            values = {one: NULL if found[one] is None else Value(**{kind: found[one]}) for one, kind in kinds.items()}
            data.append((key, values, now, None))
        store._get_provider().online_write_batch(store.config, store.get_feature_view(name), data, None)


def reading(store: FeatureStore, country: str) -> Callable[[Sequence[str]], dict[str, list[Any]]]:
    """Reads every feature of some customers, as Feast is fastest at it.

    The service is looked up once: Feast keeps what it made of it for as long as it is the same object, and a call is
    20 times slower otherwise.
    """
    service = store.get_feature_service(SERVICE)

    def read(customer_ids: Sequence[str]) -> dict[str, list[Any]]:
        rows = [{"country": country, "customer_id": one} for one in customer_ids]
        found: dict[str, list[Any]] = store.get_online_features(service, rows, full_feature_names=True).to_dict()
        return found

    return read
