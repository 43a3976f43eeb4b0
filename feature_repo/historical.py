"""Point-in-time sets through Feast in one call: the whole service, in a fixed order."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from feast import FeatureService, FeatureStore

from feature_repo.views import SERVICE

KEYS = ["event_timestamp", "country", "customer_id"]


def historical(
    store: FeatureStore,
    customers: pd.DataFrame,
    features: list[str] | FeatureService | None = None,
    full_feature_names: bool = True,
) -> pa.Table:
    """The features (all, by default) of `customers` (country, customer_id, event_timestamp and any other columns).

    Each row has the values KNOWN_THEN at its event_timestamp; ordered by event_timestamp, country, customer_id.
    Raises UserError for an instant that has no snapshot that may be used.
    """
    wanted = store.get_feature_service(SERVICE) if features is None else features
    job = store.get_historical_features(customers, wanted, full_feature_names=full_feature_names)
    return job.to_arrow().sort_by([(key, "ascending") for key in KEYS]).combine_chunks()
