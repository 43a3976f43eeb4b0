"""Feast's online store over our rows: reads them aged to the country's clock, and never writes one.

Rows are written by `streams` and by rebuilds (Rule R). A read of any number of views is one round trip.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from feast import Entity, FeatureView, RepoConfig, utils
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel

from feature_repo import home
from feature_repo.values import Asked, Customer, Found, describe
from feature_repo.views import JOIN_KEYS, empty_snapshots
from scv.errors import StaleBundle, StoreUnusable, UserError
from scv.events import country, customer_id
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.online.reader import Reader, View
from scv.settings import Settings
from store.client import client, reachable


class RowOnlineStoreConfig(FeastConfigBaseModel):
    """`online_store` in feature_store.yaml. Without settings they are those of the process."""

    type: Literal["feature_repo.online.RowOnlineStore"] = "feature_repo.online.RowOnlineStore"
    settings: Settings | None = None


class RowOnlineStore(OnlineStore):
    """The plug-in. One connection and one reader per Feast store, opened by the first read."""

    def __init__(self) -> None:
        self._open: tuple[Settings, Reader] | None = None
        self._country = functools.cache(country.load)

    # -- reading -------------------------------------------------------------------------------------------
    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Found]:
        """Per customer the watermark and the values at the country's clock; None where there are none.

        Raises UserError for other join keys than country and customer_id.
        """
        chosen = _fetcher(table)
        names = requested_features or [feature.name for feature in chosen.features]
        customers = [_customer(dict(zip(key.join_keys, key.entity_values, strict=True))) for key in entity_keys]
        views = self._read(config, customers, [chosen])
        asked = Asked(table, chosen, names, customers)
        return [asked.found(views[customer].fetchers[chosen.name]) for customer in customers]

    # The hook that Feast's own Redis store overrides: all views of a call at once.
    def _read_features_per_fv(  # noqa: PLR0913 - Feast's signature
        self,
        config: RepoConfig,
        grouped_refs: list[tuple[FeatureView, list[str]]],
        join_key_values: dict[str, list[Value]],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: GetOnlineFeaturesResponse,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        asked = _asked(grouped_refs, join_key_values, entity_name_to_join_key_map)
        customers = list(dict.fromkeys(customer for one in asked for customer in one.customers))
        views = self._read(config, customers, list(dict.fromkeys(one.fetcher for one in asked)))
        for one in asked:
            readings = [views[customer].fetchers[one.fetcher.name] for customer in one.customers]
            one.answer(online_features_response, readings, full_feature_names)
        if include_feature_view_version_metadata:
            describe(online_features_response, asked)

    def _read(
        self, config: RepoConfig, customers: Sequence[Customer], fetchers: Sequence[type[Fetcher]]
    ) -> dict[Customer, View]:
        settings, reader = self._opened(config)
        by_country: dict[str, list[str]] = {}
        for code, customer in customers:
            by_country.setdefault(code, []).append(customer)
        views: dict[Customer, View] = {}
        with reachable(settings):
            for code, ids in by_country.items():
                found = reader.read(self._country(code, settings.countries_path), ids, fetchers)
                _refuse_unbuilt(code, found)
                views |= {(code, view.customer_id): view for view in found}
        return views

    def _opened(self, config: RepoConfig) -> tuple[Settings, Reader]:
        if self._open is None:
            settings = config.online_store.settings or home.settings()
            self._open = settings, Reader(client(settings, reads_only=True))
        return self._open

    # -- writing -------------------------------------------------------------------------------------------
    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Refused: a value pushed from outside would not be the fold of the log."""
        raise UserError(
            f"{table.name} is folded from events: nobody writes its values. Send the events to its topic; to fold "
            f"the lake again run `feast materialize START END -v {table.name}` or `cerebro rebuild`."
        )

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Called by apply. Rows are no business of it; every view gets a table to join with, if only an empty one."""
        empty_snapshots(config.online_store.settings or home.settings())

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Refused: rows, positions and clocks belong to the streams."""
        raise UserError(
            "`feast teardown` would drop rows that the streams are writing. To fold them again run `cerebro rebuild`; "
            "to forget one customer send an `erased` event; to drop everything stop the services, delete CEREBRO_HOME."
        )


def _refuse_unbuilt(code: str, views: Sequence[View]) -> None:
    """Raise StoreUnusable where no row of what was asked is built: empty values would say that nobody has any."""
    readings = [reading for view in views for reading in view.fetchers.values()]
    if readings and not any(reading.built for reading in readings):
        names = ", ".join(views[0].fetchers)
        raise StoreUnusable(f"No rows of {names} are built for {code}. Run `cerebro rebuild`, or `feast materialize`.")


def _asked(
    grouped_refs: Sequence[tuple[FeatureView, list[str]]],
    join_key_values: dict[str, list[Value]],
    entity_name_to_join_key_map: dict[str, str],
) -> list[Asked]:
    """Who is asked for in each view; views that name their keys alike (all, usually) share the work."""
    known: dict[frozenset[tuple[str, str]], tuple[Sequence[Customer], Sequence[int]]] = {}
    asked = []
    for table, features in grouped_refs:
        naming = frozenset((table.projection.join_key_map or {}).items())
        if naming not in known:
            for name in JOIN_KEYS:
                _refuse_bad(name, join_key_values.get(dict(naming).get(name, name), ()))
            keys, places, _ = utils._get_unique_entities(table, join_key_values, entity_name_to_join_key_map)
            row_at = {place: row for row, some in enumerate(places) for place in some}
            known[naming] = [_customer(one) for one in keys], [row_at[place] for place in sorted(row_at)]
        asked.append(Asked(table, _fetcher(table), features, *known[naming]))
    return asked


def _refuse_bad(name: str, values: Sequence[Value]) -> None:
    """Raise UserError for the first row whose country is missing, or whose customer id can be none: nobody has it."""
    for row, value in enumerate(values, 1):
        text = value.string_val
        if value.WhichOneof("val") in (None, "null_val"):
            raise UserError(f"Row {row} has no {name}. Leave out the rows without one.")
        if name == "customer_id" and (why := customer_id.why_not(text)):
            raise UserError(f"Row {row}: {text!r} is no customer id: {why}.")


def _customer(keys: Mapping[str, Value]) -> Customer:
    """Feast answers a missing join key with nulls, as if the customer were new; we do not."""
    if set(keys) != set(JOIN_KEYS):
        raise UserError(f"A customer is found by country and customer_id; got {', '.join(sorted(keys)) or 'no key'}.")
    code, customer = (keys[name].string_val for name in JOIN_KEYS)
    if not code or not customer:
        raise UserError(f"country and customer_id must be text and not empty; got {code!r} and {customer!r}.")
    return code, customer


def _fetcher(table: FeatureView) -> type[Fetcher]:
    """The fetcher of a view. Raises StaleBundle where the registry describes another definition of it."""
    chosen = fetcher.get(table.name)
    here, there = layout_of(chosen).fingerprint, table.tags.get("fingerprint")
    if here != there:
        raise StaleBundle(
            f"The registry describes {table.name} as {there}, this process computes {here}. Run `feast apply`."
        )
    return chosen
