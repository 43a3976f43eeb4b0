"""A mark: a place in the log of one partition. Restart points and the prefixes that rows are of are told in it."""

from __future__ import annotations

import msgspec


class Mark(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Behind every record of earlier epochs, and behind those of this epoch whose offset is below `next`.

    Marks of one customer and family are ordered as the log is.
    """

    epoch: int
    partition: int
    next: int
