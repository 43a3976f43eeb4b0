"""The names of application transactions in the Delta log: what is kept of a partition in the commit of its rows."""

from __future__ import annotations


def transaction_id(topic_id: str, partition: int) -> str:
    """Its version is the next offset."""
    return f"{topic_id}/{partition}"


def tick_id(topic_id: str, partition: int) -> str:
    """Its version is the newest tick (us)."""
    return f"{topic_id}/{partition}/tick"
