"""The names of what lies in the online store.

row:{country:customer}                hash, one field per fetcher@fingerprint: packed rows
pos:topic:partition                   hash, a partition's restart point:
    offset                            the next to apply
    turn                              counts rebuilds: whoever read another one must read all of this again
    wm:COUNTRY                        everything seen before this instant is applied (us)
clock:country                         hash: mode, front (us)
built:country                         hash, fetcher → marker: of what its rows are whole
topics                                hash: topic → log description (epoch, topic id, partitions)
generation                            the rebuild that rows must belong to
folded                                hash, country → stamp: by which of its settings this generation's rows are folded
"""

from __future__ import annotations


def row_key(country: str, customer_id: str) -> str:
    return f"row:{{{country}:{customer_id}}}"


def position_key(topic: str, partition: int) -> str:
    return f"pos:{topic}:{partition}"


def clock_key(country: str) -> str:
    return f"clock:{country}"


def built_key(country: str) -> str:
    return f"built:{country}"
