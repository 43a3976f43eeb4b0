"""Each cause of a difference, provoked for real and recognised, by every way that it reaches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proof.parity import cause, live, report, standing
from proof.parity.cause import Explanation
from proof.parity.tally import Comparison, Difference
from scv import stamp
from scv.errors import UserError
from scv.events.arrival import arrival_of
from scv.events.calendar import to_us
from scv.events.event import Erased
from scv.features import fetcher
from scv.features.layout import layout_of
from scv.folds import Count
from scv.model import bundle, champion
from scv.offline import snapshot
from scv.online.row import unpack
from tests.flow import parity_place
from tests.flow.parity_place import AT, TARGET, Place, known, named, order
from tests.keys import built_key, position_key, row_key
from tests.logs import topic

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIVE = {live.ROWS, live.ONLINE, live.VECTOR}
FIELDS = {name: layout_of(one).field for name, one in fetcher.collect().items()}
ORDERS = FIELDS["orders"]
RECENT = AT - 3 * DAY, AT - HOUR
"""When it happened, and when it was seen: before the reference."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from parity_place.opened(tmp_path_factory.mktemp("made"))


@pytest.fixture
def joined(made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A copy of the place, with a live scorer; every way is real."""
    monkeypatch.setattr(standing, "PATIENCE_S", 0.0)  # no consumer runs: nothing will move
    with parity_place.served(made, tmp_path / "home") as found:
        yield found


@pytest.fixture
def place(joined: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same without Feast's point-in-time joins."""
    parity_place.files_only(monkeypatch)
    return joined


def compare(place: Place, sample: int | None = None) -> Comparison:
    return live.compare(place.settings, place.country, AT, sample, lambda what, done, total: None)


class Heard:
    """Every explained difference by customer and way, not only the examples that a report shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: dict[tuple[str, str], set[tuple[str, str]]] = {}
        note = Comparison._note

        def heard(this: Comparison, one: Difference, reasons: Sequence[Explanation]) -> None:
            name = cause.JOINED.join(dict.fromkeys(reason.cause for reason in reasons)) or cause.UNEXPLAINED
            self.of.setdefault((one.customer, one.place.way), set()).add((name, one.kind))
            note(this, one, reasons)

        monkeypatch.setattr(Comparison, "_note", heard)

    def causes(self, customer: str, way: str = live.ROWS) -> set[str]:
        return {why for why, _ in self.of.get((customer, way), set())}

    def kinds(self, customer: str, way: str = live.ROWS) -> set[str]:
        return {kind for _, kind in self.of.get((customer, way), set())}


def test_without_a_fault_nothing_differs(joined: Place) -> None:
    found = compare(joined)
    assert found.findings == {} and found.notes == []
    compared = Counter[str]()
    for place, counts in found.counts.items():
        compared[place.way] += counts["compared"]
    assert compared.keys() == {*LIVE, live.HISTORICAL, live.PROBABILITY} and min(compared.values()) > 10


def test_many_causes_at_once_each_with_its_customer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = known(place, 0), known(place, 1)
    late, skipped, erased, ahead, gone, evicted, renamed, moved, lead = here[:9]
    newcomer, nobody, never = named("new", 0), named("nobody", 0), named("never", 1)
    behind = there[0]
    # Before the snapshot: an event that a row loses again, and two that the consumer does not come to.
    old = place.rows(skipped)[ORDERS]
    place.send(order(skipped, *RECENT))
    place.client.hset(row_key("ZZ", skipped), ORDERS, old)
    place.send(order(behind, *RECENT), order(never, *RECENT), to_rows=False)
    place.fetch(AT)
    # After it: what came late, an erasure, one event seen too early, a row that nobody's events made.
    place.client.hset(row_key("ZZ", nobody), ORDERS, place.rows(here[-1])[ORDERS])
    place.send(order(late, *RECENT), order(newcomer, *RECENT), order(ahead, AT + HOUR))
    place.send(
        Erased(id="e", country="ZZ", customer_id=erased, occurred_at=AT - HOUR, seen_at=AT - HOUR), family="orders"
    )
    place.client.delete(row_key("ZZ", gone))
    place.client.hdel(row_key("ZZ", evicted), ORDERS)
    place.client.hset(row_key("ZZ", renamed), "orders@00000000", place.rows(renamed)[ORDERS])
    place.client.hdel(row_key("ZZ", renamed), ORDERS)
    place.client.hset(row_key("ZZ", moved), ORDERS, of_another_log(place, moved))
    place.send(order(lead, *RECENT), to_lake=False)
    heard = Heard(monkeypatch)
    found = compare(place)
    expected = {
        late: cause.LATE, newcomer: cause.LATE, erased: cause.LATE, behind: cause.BEHIND, never: cause.BEHIND,
        skipped: cause.LOST, gone: cause.LOST, evicted: cause.LOST, renamed: cause.LOST, moved: cause.LOST,
        ahead: cause.LATER, lead: cause.LAKE_BEHIND, nobody: cause.DEFINITION,
    }  # fmt: skip
    for way in LIVE:
        assert {one: heard.causes(one, way) for one, how in heard.of if how == way} == {
            one: {why} for one, why in expected.items()
        }
    assert heard.kinds(newcomer) == heard.kinds(nobody) == {"extra"}
    assert heard.kinds(never) == heard.kinds(gone) == heard.kinds(erased) == {"missing"}
    assert "mismatch" in heard.kinds(late)
    assert "rows are 2 records behind the lake and 1 ahead of it" in found.notes[0]
    assert not report.total([found])["unexplained"]


def erasure(customer: str) -> Erased:
    return Erased(id="e", country="ZZ", customer_id=customer, occurred_at=AT - HOUR, seen_at=AT - HOUR)


def of_another_log(place: Place, customer: str) -> bytes:
    """A customer's row as an older generation left it."""
    fence, row = unpack(place.rows(customer)[ORDERS], layout_of(fetcher.get("orders")), place.country)
    return row.pack(msgspec.structs.replace(fence.place, generation=fence.place.generation - 1), fence.upto)


def test_what_a_store_does_not_hold_or_may_not_give(place: Place) -> None:
    """Not built, built under another definition, and complete to nobody knows when: by way and fetcher."""
    mark = place.client.hget(built_key("ZZ"), "support")
    here = layout_of(fetcher.get("support")).fingerprint.encode()
    place.client.hset(built_key("ZZ"), "support", mark.replace(here, b"00000000"))
    place.client.hdel(built_key("ZZ"), "mail")
    for partition in range(2):
        place.client.hdel(position_key(topic("contacts"), partition), "wm:ZZ")
    compared = compare(place)
    found = of_groups(compared)
    for way in (live.ROWS, live.ONLINE):
        assert found[way, "mail"] == found[way, "support"] == {cause.UNBUILT}
    assert found[live.ONLINE, "contacts"] == {cause.TOO_OLD} and (live.ROWS, "contacts") not in found
    assert found[live.VECTOR, TARGET] == {cause.UNBUILT}
    assert all(cause.TOO_OLD in why for why in found[live.PROBABILITY, TARGET])
    whys = {finding.why for finding in compared.findings.values()}
    assert {"it was never built", "it has another definition of support"} <= whys


@pytest.mark.parametrize(
    ("name", "fingerprint", "said"),
    [("mail", "00000000", "it has another definition of mail"), ("payments", "", "payments is not what was written")],
)
def test_a_snapshot_of_another_stamp_is_refused(place: Place, name: str, fingerprint: str, said: str) -> None:
    """A manifest under another fingerprint; a file rewritten beneath its manifest."""
    rewrite(place, name, fingerprint=fingerprint)
    with pytest.raises(UserError, match=f"cannot be used: {said}. Run `cerebro fetch ZZ -d 2017-05-02`"):
        compare(place)


def test_a_file_that_was_rewritten_with_its_manifest(place: Place) -> None:
    rewrite(place, "support", honest=True)
    found = of_groups(compare(place))
    assert {found[way, "support"].pop() for way in (live.ROWS, live.ONLINE)} == {cause.DEFINITION}


@pytest.mark.parametrize("side", ["fold", "SQL"])
def test_a_definition_that_differs_between_batch_and_rows(
    side: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if side == "fold":
        whole = Count.read
        monkeypatch.setattr(Count, "read", lambda self, *given: whole(self, *given) + 1)
    else:
        query = Count.sql_read
        monkeypatch.setattr(Count, "sql_read", lambda self, *given: f"({query(self, *given)} + 1)")
        snapshot.manifest_path(place.settings.snapshots_path, place.country, AT).unlink()  # so it is taken again
    found = compare(place, sample=4)
    counts = {one.full_name for one in fetcher.all_features().values() if isinstance(one.fold, Count)}
    for way in (live.ROWS, live.ONLINE):
        told = {(place.feature in counts, why) for place, _, why in found.findings if place.way == way}
        assert told == {(True, cause.DEFINITION)}


def test_a_row_that_is_not_the_fold_of_its_log(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted twice by a consumer that never existed, at the very fence of the right row."""
    victim = next(one for one in known(place, 0) if ORDERS in place.rows(one))
    fence, row = unpack(place.rows(victim)[ORDERS], layout_of(fetcher.get("orders")), place.country)
    row.take(arrival_of(order(victim, *RECENT), place.country))
    place.client.hset(row_key("ZZ", victim), ORDERS, row.pack(fence.place, fence.upto))
    heard = Heard(monkeypatch)
    compare(place)
    assert {customer for customer, _ in heard.of} == {victim}
    assert heard.causes(victim) == heard.causes(victim, live.ONLINE) == {cause.DEFINITION}


def test_models_that_cannot_be_loaded_or_are_not_the_champion(place: Place, tmp_path: Path) -> None:
    assert place.scorer is not None
    other = parity_place.copy(place, tmp_path / "other")
    retrained(other, f"{TARGET}-2")
    with parity_place.served(other, tmp_path / "third") as elsewhere:
        place.settings = msgspec.structs.replace(place.settings, scorer=elsewhere.settings.scorer)
        found = of_groups(compare(place))
    assert found == {(live.PROBABILITY, TARGET): {cause.OTHER_MODEL}}
    retrained(place, f"{TARGET}-3", fingerprint="00000000")
    found = of_groups(compare(place))
    assert found == {(live.VECTOR, TARGET): {cause.OTHER}}


def test_a_clock_that_goes_on_after_the_snapshot_was_chosen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.store.tick({"ZZ": to_us(AT + 2 * DAY)})
    monkeypatch.setattr(standing, "check_clock", lambda *given: None)  # it stood at `AT` when it was looked at
    told = of_groups(compare(place))
    assert {why for (way, _), whys in told.items() if way != live.PROBABILITY for why in whys} == {cause.LATER}


def test_unexplained_remains_possible_and_is_loud(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Feast says of one customer what its row does not."""
    told = known(place, 0)[0]
    online = live.Comparing.online

    def invented(this: live.Comparing, customers: Any) -> Any:
        found = online(this, customers)
        column = list(found["lifecycle__tenure"])
        column[customers.index(told)] = -1
        return found | {"lifecycle__tenure": column}

    monkeypatch.setattr(live.Comparing, "online", invented)
    heard = Heard(monkeypatch)
    found = compare(place)
    assert heard.causes(told, live.ONLINE) == {cause.UNEXPLAINED}
    assert heard.causes(told) == set()
    total = report.total([found])
    assert total["unexplained"] == total["differing"] > 0
    report.show([found], machine=False)
    said = capsys.readouterr()
    assert "UNEXPLAINED: please report them" in said.err and "the row that Feast reads says" in said.out


def of_groups(found: Comparison) -> dict[tuple[str, str], set[str]]:
    """(way, group) → its causes."""
    causes: dict[tuple[str, str], set[str]] = {}
    for place, _, why in found.findings:
        causes.setdefault((place.way, place.group), set()).add(why)
    return causes


def rewrite(place: Place, name: str, fingerprint: str = "", honest: bool = False) -> None:
    """Other numbers in a fetcher's file; the manifest knows of it where that is `honest`."""
    root = place.settings.snapshots_path
    path, paper = snapshot.path_of(root, name, place.country, AT), snapshot.manifest_path(root, place.country, AT)
    table = snapshot.read_file(path)
    for i, one in enumerate(table.schema):
        if pa.types.is_integer(one.type):
            table = table.set_column(i, one, pc.add(table[one.name], 1000))
    written = snapshot.write(table, path)
    manifest = msgspec.json.decode(paper.read_bytes(), type=snapshot.SnapshotManifest)
    made = manifest.stamp
    files = {**made.files} | ({name: written} if honest or fingerprint else {})
    prints = {**made.definitions} | ({name: fingerprint} if fingerprint else {})
    now = msgspec.structs.replace(made, files=files, definitions=prints)
    paper.write_bytes(stamp.sealed(msgspec.structs.replace(manifest, stamp=now)))


def retrained(place: Place, id: str, fingerprint: str = "") -> None:
    """Another champion: the same trees, its answers moved; its columns of another definition if so wished."""
    folder = champion.folder(place.settings, "ZZ", TARGET)
    info = bundle.read_info(folder / f"{TARGET}-1")
    columns = info.columns
    if fingerprint:
        columns = (msgspec.structs.replace(columns[0], fingerprint=fingerprint), *columns[1:])
    text = (folder / f"{TARGET}-1" / bundle.MODEL).read_text(encoding="utf-8")
    path = bundle.write(folder, msgspec.structs.replace(info, id=id, offset=1.0, columns=columns), text)
    champion.point(path, hashlib.sha256((path / bundle.MANIFEST).read_bytes()).hexdigest())
