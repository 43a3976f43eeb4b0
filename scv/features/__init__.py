"""What a feature is: fetchers, layouts, derived features, the catalogue."""
