"""The domain: events, folds, fetchers, rows and what is derived from them. Imports no edge."""
