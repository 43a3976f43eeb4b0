"""Point-in-time sets through Feast, at snapshot references only."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from feast import FeatureService, FeatureStore

from feature_repo.views import SERVICE
from scv.errors import UserError
from scv.events import calendar, country
from scv.offline.snapshot import Snapshots
from scv.settings import Settings

KEYS = ["event_timestamp", "country", "customer_id"]


def historical(
    store: FeatureStore,
    settings: Settings,
    customers: pd.DataFrame,
    features: list[str] | FeatureService | None = None,
    full_feature_names: bool = True,
) -> pa.Table:
    """The features (all, by default) of `customers` (country, customer_id, event_timestamp and any other columns).

    Each row has the values KNOWN_THEN at its event_timestamp; ordered by event_timestamp, country, customer_id.
    Raises UserError for an instant that has no snapshot that may be used: Feast would answer with the week before's
    values.
    """
    check_references(settings, customers)
    wanted = store.get_feature_service(SERVICE) if features is None else features
    job = store.get_historical_features(customers, wanted, full_feature_names=full_feature_names)
    return job.to_arrow().sort_by([(key, "ascending") for key in KEYS]).combine_chunks()


def check_references(settings: Settings, customers: pd.DataFrame) -> None:
    """Raise UserError unless every (country, event_timestamp) is the reference of a snapshot that may be used."""
    stands: dict[str, Snapshots] = {}
    missing = []
    for code, stamp in customers[["country", "event_timestamp"]].drop_duplicates().itertuples(index=False):
        at = pd.Timestamp(stamp)
        if at.tzinfo is None:
            raise UserError(f"event_timestamp {at} has no time zone. Give aware instants.")
        if code not in stands:
            stands[code] = Snapshots(settings, country.load(code, settings.countries_path))
        why = stands[code].why_not(at.to_pydatetime())
        if why:
            label = calendar.label(at.to_pydatetime(), stands[code].country)
            missing.append(f"`cerebro fetch {code} -d {label}` ({why})")
    if missing:
        raise UserError(f"{len(missing)} instants have no snapshot that may be used. Run {'; '.join(missing[:5])}.")
