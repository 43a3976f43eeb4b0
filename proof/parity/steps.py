"""The causes of one feature's difference: the steps of its evidence at which the value changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from proof.parity import cause
from proof.parity.batchside import BatchSide
from proof.parity.evidence import Evidence, Steps
from proof.parity.recomputed import Prefix, Values
from proof.parity.tally import plain
from scv.offline.lake import Arrival


class Reason(NamedTuple):
    """A cause, and what was found that says so."""

    cause: str
    why: str


class Step(NamedTuple):
    """The value after a step, and the reason if it is not the one before."""

    value: Any
    reason: Callable[[], Reason]


def reasons(feature: str, batch: Any, evidence: Evidence, side: BatchSide) -> list[Reason]:
    """Why the value that was read of a fetcher's feature (plain name) is not that of the snapshot's file.

    In the order of the log; empty where it is the same.
    """
    found, before = [], plain(batch)
    for step in _steps(feature, evidence, side):
        if step.value != before:
            found.append(step.reason())
        before = step.value
    return found


def outdated(name: str, side: BatchSide) -> Reason:
    """The snapshot of a fetcher is of another definition: nothing else needs to be looked into."""
    made, today = side.outdated[name], side.fetchers[name].fingerprint()
    return Reason(cause.FINGERPRINT, f"the snapshot was made as {name}@{made}, today it is {name}@{today}")


def _steps(feature: str, e: Evidence, side: BatchSide) -> Iterator[Step]:
    def of(values: Values) -> Any:
        return None if values is None else plain(values[feature])

    def at(steps: Steps, prefix: Prefix) -> Any:
        return of(steps[e.fetcher, prefix])

    if e.then is not None:
        yield Step(at(e.then, e.whole), lambda: _file(e, side))
    yield Step(at(e.now, e.whole), lambda: _since(e, side))
    if e.stored.usable:
        row, later = e.prefix(e.at), e.prefix(e.read_at)
        yield Step(at(e.now, row), lambda: _behind(e))
        yield Step(at(e.now, later), lambda: _ahead(e))
        yield Step(at(e.folded, later), lambda: Reason(cause.DEFINITION, "the batch's SQL and the fold disagree"))
        yield Step(of(e.kept), lambda: _row(e))
        yield Step(of(e.read), lambda: Reason(cause.MOVED, "the row reads otherwise now"))
    else:
        yield Step(of(e.read), lambda: _no_row(e))


def _file(e: Evidence, side: BatchSide) -> Reason:
    if e.fetcher in side.changed:
        return Reason(cause.CHANGED, "the snapshot's file is not the one in its manifest")
    return Reason(cause.DEFINITION, "today's batch of the snapshot's lake version says otherwise than its file")


def _since(e: Evidence, side: BatchSide) -> Reason:
    if e.then is None:
        gone = f"the snapshot's lake version {side.manifest.lake_hash} is vacuumed"
        return Reason(cause.UNEXPLAINED, f"{gone}: whether events came late since cannot be told")
    if e.erased:
        return Reason(cause.ERASED, "an erasure came to the lake after the snapshot")
    return Reason(cause.LATE, f"the lake has grown since the snapshot's version {side.manifest.lake_hash}")


def _behind(e: Evidence) -> Reason:
    lost = [one for one in e.beyond if not _to_come(e, one)]
    if lost:
        first = lost[0]
        place = f"offset {first.offset} of epoch {first.epoch}"
        return Reason(cause.SKIPPED, f"{_stands(e)}; the row ends at {_upto(e)} and does not hold {place}")
    return Reason(cause.BEHIND, f"{_stands(e)}; the row ends at {_upto(e)}, the lake at {e.lake_next - 1}")


def _ahead(e: Evidence) -> Reason:
    if e.early:
        return Reason(cause.AHEAD, f"the row holds {len(e.early)} seen at or after the reference")
    return Reason(cause.LATER, f"it was read at {e.read_at}")


def _row(e: Evidence) -> Reason:
    if _upto(e) >= e.lake_next:
        return Reason(cause.LAKE_BEHIND, f"the row ends at {_upto(e)}, the lake at {e.lake_next - 1}")
    if not e.log:
        return Reason(cause.NOT_IN_LAKE, f"the row ends at {_upto(e)}; the lake has no event of its family")
    return Reason(cause.DEFINITION, "the row is not today's fold of its own prefix of the log")


def _no_row(e: Evidence) -> Reason:
    stored = e.stored
    if (not stored.built or stored.row is None) and stored.others:
        return Reason(cause.FINGERPRINT, f"the store has {', '.join(stored.others)} instead")
    if not stored.built:
        return Reason(cause.UNBUILT, f"{e.fetcher} is not marked built")
    if stored.row is not None:
        return Reason(cause.OTHER_LOG, "the row's topic, epoch or generation is not the store's")
    if e.log and all(_to_come(e, one) for one in e.log):
        return Reason(cause.BEHIND, f"{_stands(e)}; the lake ends at {e.lake_next - 1}")
    return Reason(cause.MISSING, f"{_stands(e)}; there is no row of {e.fetcher}")


def _to_come(e: Evidence, one: Arrival) -> bool:
    """Has the online consumer not come to it yet?"""
    home = e.stored.home
    return home is not None and (one.epoch, one.offset) >= (home.epoch, home.next)


def _stands(e: Evidence) -> str:
    home = e.stored.home
    return "no consumer follows" if home is None else f"the consumer is at {home.next} of {home.topic}/{home.partition}"


def _upto(e: Evidence) -> int:
    return -1 if e.stored.fence is None else e.stored.fence.upto
