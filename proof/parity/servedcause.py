"""Why a served value is not the one that the lake gives for the same prefix of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from proof.parity import cause
from proof.parity.recomputed import Prefix, Recomputed, Values
from proof.parity.steps import Reason
from scorer.served.vector_file import Read, ServedRecord
from scv.features.fetcher import Fetcher
from scv.model import vector
from scv.model.vector import Column
from scv.offline.lake import Arrival


@dataclass(frozen=True)
class Looked:
    """One fetcher of a record: the prefix that was recomputed, its values, and all that the lake has of its family."""

    fetcher: type[Fetcher]
    prefix: Prefix
    values: Values
    log: Sequence[Arrival]


def reasons(read: Read, column: Column, inputs: Iterable[Looked], lake: Recomputed) -> list[Reason]:
    """At least one; `inputs` are the fetchers that the column reads."""
    if not read.intact:
        return [Reason(cause.CHANGED, "the record is not the one that was written")]
    today = vector.fingerprint(column.name, column.dtype)
    if today != column.fingerprint:
        return [Reason(cause.FINGERPRINT, f"served as {column.fingerprint}, today it is {today or 'unknown'}")]
    told = [one for looked in inputs for one in _of_fetcher(read.served, looked, lake)]
    other = "SQL and fold agree on another value: it was served by other code, or the lake's past has changed since"
    return told or [Reason(cause.DEFINITION, other)]


def _of_fetcher(served: ServedRecord, looked: Looked, lake: Recomputed) -> Iterator[Reason]:
    chosen, prefix, name = looked.fetcher, looked.prefix, looked.fetcher.name
    place, upto = served.places.get(chosen.family), served.upto.get(name)
    if place is None:
        yield Reason(cause.UNBUILT, f"the store followed no log of {chosen.family}")
        return
    end = lake.end(chosen.family, place.epoch, place.partition)
    if end is not None and end <= prefix.upto:
        yield Reason(cause.LAKE_BEHIND, f"{name} was read up to {prefix.upto}, the lake ends at {end - 1}")
    if any(one.delivery.kind == "erased" and not prefix.holds(one.epoch, one.offset) for one in looked.log):
        yield Reason(cause.ERASED, "the customer was erased since")
    row = Prefix(prefix.customer, prefix.at, place.epoch, -1 if upto is None else upto)
    lost = [one for one in looked.log if prefix.holds(one.epoch, one.offset) and not row.holds(one.epoch, one.offset)]
    if upto is None and looked.values is not None:
        yield Reason(cause.MISSING, f"there was no row of {name}, the consumer was at {place.next}")
    elif upto is not None and lost:
        gone = f"did not hold {lost[0].offset}, the consumer was at {place.next}"
        yield Reason(cause.SKIPPED, f"the row of {name} ended at {upto} and {gone}")
    if lake.fold(chosen, prefix, looked.log) != looked.values:
        yield Reason(cause.DEFINITION, f"the batch's SQL and the fold disagree about {name}")
