"""The online consumer's inner step on a real store: fences, restart points, refused writes, rows of another log."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from proof.naive import world
from scv.errors import LogChanged, StoreUnusable, Unreachable
from scv.events.arrival import Arrival, Reached, arrival_of
from scv.events.calendar import to_us
from scv.events.event import Charged, Erased
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.online.facts import Log, RowWrite
from scv.online.row import FENCE_BYTES, Place, Row, unpack
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.counters import Counters
from streams.kafka.log import Part
from streams.kafka.record import Record
from streams.online import consumer as consumers
from streams.online.consumer import OnlineConsumer
from streams.online.folding import Batch, Folding, Moved, Name
from tests.keys import row_key, rows_of
from tests.marking import mark

ZZ = world.country("Europe/Berlin")
LAYOUT = layout_of(get("payments"))
TOPIC = Log(family="payments", epoch=1, topic_id=bytes(16).hex(), partitions=1)
PLACE = TOPIC.place(1, 0)
PART = Part("cerebro.payments", 0)
FIRST = datetime(2016, 6, 1, 12, tzinfo=UTC)


def charged(n: int, customer: str = "c1") -> Arrival:
    at = FIRST + timedelta(hours=n)
    event = Charged(
        id=f"{n}", country="ZZ", customer_id=customer, occurred_at=at, seen_at=at, method="card", amount_cents=n
    )
    return arrival_of(event, ZZ)


LOG = [charged(n) for n in range(8)]


def batch(start: int, end: int, log: Sequence[Arrival] = LOG) -> Batch:
    """The records `[start, end)` of the log."""
    made = Batch(next={PART: end}, size=end - start)
    for offset in range(start, end):
        one = log[offset]
        made.work.setdefault(Name(PART, one.country, one.customer_id), []).append((offset, one))
    return made


def consumer(store: RowStore, place: Place = PLACE) -> Folding:
    """A consumer that begins where the store stands."""
    folding = Folding(store, {"ZZ": ZZ}, Counters())
    folding.begin(PART, place, store.positions([PART])[0], {"ZZ": [LAYOUT]})
    return folding


def folded(log: Sequence[Arrival], place: Place = PLACE, upto: int = 0) -> bytes:
    row = Row(LAYOUT, ZZ)
    for arrival in log:
        row.take(arrival)
    return row.pack(place, upto)


def stored(store: RowStore, customer: str = "c1") -> tuple[int, Row] | None:
    """How far a customer's row is, and the row."""
    data = rows_of(store.client, [row_key("ZZ", customer)], [LAYOUT.field])[0][0]
    if data is None:
        return None
    fence, row = unpack(data, LAYOUT, ZZ)
    return fence.upto, row


def row_of(log: Sequence[Arrival]) -> Row:
    return unpack(folded(log), LAYOUT, ZZ)[1]


@pytest.fixture
def followed(store: RowStore) -> RowStore:
    """The partition's rows are built: from nothing, up to offset 0."""
    store.set_logs({PART.topic: TOPIC})
    mark(store, ZZ, [get("payments")], 0)
    return store


def test_what_a_row_holds_is_not_applied_again(followed: RowStore) -> None:
    """Rows were written, then the consumer died before its restart point moved."""
    followed.write_rows({row_key("ZZ", "c1"): [RowWrite(LAYOUT.field, b"", folded(LOG[:3], upto=2))]})
    folding = consumer(followed)
    folding.apply(batch(0, 5))
    counted = folding._counters
    assert (counted.re_read, counted.fenced, counted.admitted, counted.repeated) == (3, 3, 2, 0)
    assert stored(followed) == (4, row_of(LOG[:5]))


@pytest.mark.parametrize("moves", ["turn", "offset"])
def test_a_restart_point_that_moved_stops_it_before_it_writes(followed: RowStore, moves: str) -> None:
    folding = consumer(followed)
    folding.apply(batch(0, 2))
    if moves == "turn":  # a rebuild that held just as much
        mark(followed, ZZ, [get("payments")], 2)
    else:  # the store came back from an older copy of itself
        followed.client.hset(followed.keys.position(*PART), "offset", 1)
    with pytest.raises(Moved):
        folding.apply(batch(2, 3, [*LOG[:2], charged(9, "another")]))
    assert stored(followed, "another") is None, "nothing is applied"
    with pytest.raises(Moved):
        folding.check()


def test_a_refused_row_is_read_again(followed: RowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer took the row further, and not along this consumer's way, between its reading and its writing."""
    folding = consumer(followed)
    folding.apply(batch(0, 2))
    before = rows_of(followed.client, [row_key("ZZ", "c1")], [LAYOUT.field])[0][0] or b""
    write, other = followed.write_rows, RowWrite(LAYOUT.field, before[:FENCE_BYTES], folded(LOG[:4], upto=3))

    def overtaken(writes: Mapping[str, Sequence[RowWrite]]) -> list[str]:
        monkeypatch.undo()
        assert write({row_key("ZZ", "c1"): [other]}) == []
        return write(writes)

    monkeypatch.setattr(followed, "write_rows", overtaken)
    folding.apply(batch(2, 7))
    assert stored(followed) == (6, row_of(LOG[:7]))
    assert folding._counters.refused == 1


@pytest.mark.parametrize(
    "gone",
    [replace(PLACE, epoch=0), replace(PLACE, generation=0)],
    ids=["epoch", "generation"],
)
def test_a_row_of_a_log_that_is_gone_begins_anew(followed: RowStore, gone: Place) -> None:
    left = folded([charged(50), charged(51)], gone, 70)
    followed.write_rows({row_key("ZZ", "c1"): [RowWrite(LAYOUT.field, b"", left)]})
    consumer(followed).apply(batch(0, 2))
    assert stored(followed) == (1, row_of(LOG[:2]))


def test_a_row_that_was_not_built_again_is_not_taken_for_none(followed: RowStore) -> None:
    """An older generation's row that ends before the restart point: what it holds would be lost."""
    now = replace(PLACE, generation=2)
    left = folded(LOG[:3], PLACE, 2)
    followed.write_rows({row_key("ZZ", "c1"): [RowWrite(LAYOUT.field, b"", left)]})
    folding = consumer(followed, now)
    folding.apply(batch(0, 3, [charged(n, "another") for n in range(3)]))
    with pytest.raises(StoreUnusable, match=r"generation 1\. Run `cerebro rebuild`"):
        folding.apply(batch(3, 4))
    assert rows_of(followed.client, [row_key("ZZ", "c1")], [LAYOUT.field]) == [[left]]


@pytest.mark.parametrize(
    "later",
    [replace(PLACE, epoch=2), replace(PLACE, generation=2)],
    ids=["epoch", "generation"],
)
def test_a_row_of_a_later_log_stops_it(followed: RowStore, later: Place) -> None:
    followed.write_rows({row_key("ZZ", "c1"): [RowWrite(LAYOUT.field, b"", folded(LOG[:1], later, 5))]})
    with pytest.raises(LogChanged):
        consumer(followed).apply(batch(0, 2))


def test_no_row_stays_in_memory_between_batches(followed: RowStore) -> None:
    """However many customers there are, and however long their histories get."""
    folding, others = consumer(followed), {id(one) for one in gc.get_objects() if isinstance(one, Row)}
    for start in range(0, 70, 10):
        folding.apply(batch(start, start + 10, [charged(n, f"c{n % 7}") for n in range(70)]))
        assert not [one for one in gc.get_objects() if isinstance(one, Row) and id(one) not in others]
    assert folding._counters.admitted == 70


def test_of_a_batch_the_newest_instant_of_each_country_counts(tmp_path: Path) -> None:
    """Watermarks and events may come in any order."""
    online = OnlineConsumer(Settings(home=str(tmp_path)))
    hours = [FIRST + timedelta(hours=n) for n in (2, 5, 3)]
    marks = [Record(PART, n, None, None, Reached("ZZ", to_us(at))) for n, at in enumerate(hours)]
    events = [Record(PART, 3 + n, None, None, charged(hour)) for n, hour in enumerate((7, 4))]
    made = online._batch([*marks, *events], {PART: 6})
    mark, newest = round(hours[1].timestamp() * 1e6), charged(7).seen_us
    assert made.marks == {PART: {"ZZ": mark}}
    assert made.fronts == {"ZZ": newest + 1}, "the clock stands just after the newest event"
    assert online._batch(marks, {PART: 3}).fronts == {"ZZ": mark}
    assert (made.next, made.size) == ({PART: 6}, 5), "where reading stands, a transaction's mark behind the records"


def test_a_place_without_a_record_moves_the_restart_point_too(followed: RowStore) -> None:
    """The mark that ends a transaction has an offset and is no record: where reading stands is where the rows stand."""
    folding = consumer(followed)
    folding.apply(batch(0, 3))
    assert folding.behind({PART: 3}) == {}
    assert folding.behind({PART: 4}) == {PART: 4}
    folding.apply(Batch({PART: 4}))
    assert folding.behind({PART: 4}) == {}
    assert followed.positions([PART])[0].offset == 4
    assert stored(followed) == (2, row_of(LOG[:3])), "and its rows stay as they are"
    folding.check()


def test_whoever_is_told_of_a_batch_is_told_before_it_is_behind(followed: RowStore) -> None:
    """Where they cannot be told it is read again: nothing changes then, and they are told of nobody."""
    folding, told = consumer(followed), []

    def fail(changed: list[Name]) -> None:
        assert stored(followed) == (1, row_of(LOG[:2])), "its rows are written"
        raise Moved([PART])

    with pytest.raises(Moved):
        folding.apply(batch(0, 2), fail)
    assert followed.positions([PART])[0].offset == 0
    consumer(followed).apply(batch(0, 2), told.extend)
    assert (told, followed.positions([PART])[0].offset) == ([], 2)


class Topic:
    """The changed topic, in memory; `broken` as where the broker takes nothing."""

    def __init__(self, broken: bool = False) -> None:
        self.sent: dict[bytes | None, bytes | None] = {}
        self.kept, self._broken = False, broken

    def send(self, topic: str, value: bytes | None, key: bytes | None = None) -> None:
        self.sent[key] = value

    def flush(self, timeout_s: float) -> None:
        if self._broken:
            raise Unreachable("no broker")
        self.kept = True

    def poll(self) -> None:
        pass

    abandon = poll


def telling(tmp_path: Path, topic: Topic) -> OnlineConsumer:
    online = OnlineConsumer(Settings(home=str(tmp_path)), lambda line: None)
    online._logs, online._producer = {PART.topic: TOPIC}, topic  # type: ignore[assignment]
    return online


THIRD = FIRST + timedelta(hours=2)
GONE = arrival_of(Erased(id="e", country="ZZ", customer_id="c1", occurred_at=THIRD, seen_at=THIRD), ZZ)


@pytest.mark.parametrize("changed", [[Name(PART, "ZZ", "c1")], []], ids=["written just now", "written before"])
def test_who_a_batch_leaves_erased_is_told_without_a_value(tmp_path: Path, changed: list[Name]) -> None:
    topic = Topic()
    telling(tmp_path, topic)._tell(changed, batch(0, 3, [*LOG[:2], GONE]))
    assert topic.sent == {b"ZZ:c1": None} and topic.kept
    telling(tmp_path, topic)._tell([Name(PART, "ZZ", "c1")], batch(2, 4, [*LOG[:2], GONE, charged(3)]))
    assert topic.sent[b"ZZ:c1"], "who is there again"


def test_an_erasure_that_cannot_be_told_is_read_again_and_nothing_else_is(tmp_path: Path) -> None:
    name, topic = Name(PART, "ZZ", "c1"), Topic(broken=True)
    telling(tmp_path, topic)._tell([name], batch(0, 2))
    with pytest.raises(Moved):
        telling(tmp_path, topic)._tell([name], batch(0, 3, [*LOG[:2], GONE]))


def test_of_who_was_erased_nobody_is_told_again_for_what_happened_before(followed: RowStore) -> None:
    """Neither in the erasure's batch, whose record stays without a value, nor in a later one."""
    folding, told = consumer(followed), list[list[Name]]()
    later = charged(9)
    before = [msgspec.structs.replace(one, seen_us=later.seen_us) for one in LOG[3:5]]
    erased = msgspec.structs.replace(GONE, occurred_us=later.occurred_us, seen_us=later.seen_us)
    folding.apply(batch(0, 4, log := [*LOG[:2], erased, before[0], before[1]]), told.append)
    folding.apply(batch(4, 5, log), told.append)
    assert (told, stored(followed)) == ([[Name(PART, "ZZ", "c1")], []], (4, row_of(log[:3])))
    assert folding._counters.before_an_erasure == 2 and consumers._leaves_erased(log) and not row_of(log).exists
