"""Feast's offline store over our snapshots: values KNOWN_THEN at snapshot references, and no others.

Between two references stock Feast would answer with the values of the last one, as they were then: counts that never
fall, days since that never rise. That is refused, with the command that takes the missing snapshot.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any, Literal

import pandas as pd
from feast import FeatureView, OnDemandFeatureView, RepoConfig
from feast.infra.offline_stores import offline_utils
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig, _write_data_source
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry

from feature_repo import home
from feature_repo.lookup import Lookup, LookupJob, look_up
from feature_repo.views import JOIN_KEYS
from scv.errors import UserError
from scv.events import calendar, country, customer_id
from scv.offline.snapshot import Snapshots
from scv.settings import Settings

EXACT = timedelta(microseconds=1)
"""How old a row may be at its instant: it is of that reference, or it is not there (a customer who was erased)."""


class SnapshotOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """`offline_store` in feature_store.yaml. Without settings they are those of the process."""

    type: Literal["feature_repo.offline.SnapshotOfflineStore"] = "feature_repo.offline.SnapshotOfflineStore"
    settings: Settings | None = None


class SnapshotOfflineStore(DuckDBOfflineStore):
    """The plug-in: Feast's own DuckDB store, asked only what snapshots can answer."""

    supports_filter_by_created_timestamp = False

    @staticmethod
    def get_historical_features(  # noqa: PLR0913 - Feast's signature
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        **others: Any,
    ) -> RetrievalJob:
        """The values of each row's reference. Raises UserError for an instant without a snapshot that may be used,
        for one without a time zone, for keys that are no text, and for anything but a data frame.
        """
        if not isinstance(entity_df, pd.DataFrame):
            raise UserError("Give entity_df as a pandas data frame of country, customer_id and event_timestamp.")
        settings = config.offline_store.settings or home.settings()
        check(settings, entity_df)
        if _looks_up(entity_df, feature_views):
            asked = Lookup(feature_views, feature_refs, entity_df, _instants(entity_df), full_feature_names)
            odfvs = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
            return _looked_up(settings, asked, odfvs, str(config.repo_path))
        exact = [copy.copy(view) for view in feature_views]
        for view in exact:
            view.ttl = EXACT
        return DuckDBOfflineStore.get_historical_features(
            config, exact, feature_refs, entity_df, registry, project, full_feature_names, **others
        )


def _looks_up(asked: pd.DataFrame, views: list[FeatureView]) -> bool:
    """Is it asked as usual, for somebody and by the keys' own names? Feast's own join does the rest."""
    return len(asked) > 0 and not any(view.projection.join_key_map for view in views)


def _looked_up(settings: Settings, asked: Lookup, odfvs: list[OnDemandFeatureView], repo: str) -> LookupJob:
    """The job that has found it, with all that Feast's own would say of itself."""
    places = {code: country.load(code, settings.countries_path) for code in asked.frame["country"].unique()}
    found = look_up(settings.snapshots_path, places, asked)
    instants = found[asked.column].to_pandas()
    said = RetrievalMetadata(
        features=list(asked.refs),
        keys=list(set(asked.frame.columns) - {asked.column}),
        min_event_timestamp=instants.min(),
        max_event_timestamp=instants.max(),
    )
    return LookupJob(
        found, odfvs, asked.full_names, said, data_source_writer=_write_data_source, staging_location=None,
        staging_location_endpoint_override=None, repo_path=repo,
    )  # fmt: skip


def _instants(asked: pd.DataFrame) -> str:
    """The column of instants, whatever it is called."""
    return str(offline_utils.infer_event_timestamp_from_entity_df(dict(zip(asked.columns, asked.dtypes, strict=True))))


def check(settings: Settings, asked: pd.DataFrame) -> None:
    """Raise UserError unless every row's instant is the reference of a snapshot of its country that may be used."""
    column = _instants(asked)
    _refuse_keys(asked)
    codes, missing = asked["country"].unique(), []
    stands = {code: Snapshots(settings, country.load(code, settings.countries_path)) for code in codes}
    for code, instant in asked[["country", column]].drop_duplicates().itertuples(index=False):
        where, at = stands[code].country, pd.Timestamp(instant)
        local = f"pd.Timestamp('{at:%Y-%m-%d}', tz='{where.time_zone}')"
        if at.tzinfo is None:
            raise UserError(f"{column} {at} has no time zone. A reference is a local midnight: {local}.")
        if why := stands[code].why_not(at.to_pydatetime()):
            label = calendar.label(at.to_pydatetime(), where)
            # Feast itself makes UTC of a column without time zones.
            midnight = "" if len(label) == 10 else f", or ask for a local midnight, {local}"
            missing.append(f"`cerebro fetch {code} -d {label}` ({why}){midnight}")
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise UserError(
            f"{len(missing)} instants have no snapshot that may be used. Run {'; '.join(missing[:5])}{more}."
        )


def _refuse_keys(asked: pd.DataFrame) -> None:
    absent = [key for key in JOIN_KEYS if key not in asked.columns]
    if absent:
        raise UserError(f"entity_df has no column {' and no '.join(absent)}. A customer is a country and an id.")
    for key in JOIN_KEYS:
        values = asked[key].unique().tolist()
        if asked[key].isna().any():
            raise UserError(f"{key} is missing in a row. Write entity_df = entity_df.dropna(subset=['{key}']).")
        if not all(isinstance(value, str) for value in values):
            # A fraction's text would end in .0.
            whole = ".astype('Int64')" if pd.api.types.is_float_dtype(asked[key]) else ""
            text = f"entity_df['{key}']{whole}.astype('string')"
            raise UserError(f"{key} is not all text. Write entity_df['{key}'] = {text}.")
    for value in asked["customer_id"].unique().tolist():
        if why := customer_id.why_not(value):
            raise UserError(f"{value!r} is no customer id: {why}.")
