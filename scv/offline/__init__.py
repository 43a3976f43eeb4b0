"""The batch side: the lake, fetched tables, snapshots."""
