"""Served vectors are kept with the prefix they were made of, and recomputed from it: equal, or with a cause."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from proof.parity import cause, report, served
from proof.parity.tally import Comparison
from rpc.client import ScorerClient
from scorer.live.server import Server
from scorer.served import vector_file
from scorer.served.vector_file import PARTS, ReadVector, ServedRecord, VectorFile
from scv.events.calendar import to_us
from scv.events.mark import Mark
from scv.features import fetcher
from scv.features.layout import layout_of
from scv.folds import Count
from store.client import Client
from tests.flow import parity_place
from tests.flow.parity_place import AT, TARGET, Place, known, order
from tests.keys import position_key, row_key
from tests.logs import home_of

HOUR = timedelta(hours=1)
ORDERS = layout_of(fetcher.get("orders")).field


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from parity_place.opened(tmp_path_factory.mktemp("made"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Iterator[Place]:
    with parity_place.served(made, tmp_path / "home") as found:
        yield found


def ask(place: Place, customers: list[str]) -> None:
    """The live scorer's answers, until they are on disk."""
    assert place.scorer is not None
    with ScorerClient(place.settings.scorer, timeout_s=10) as client:
        client.score_batch("ZZ", customers, [TARGET])
    place.scorer.answers.vectors.close()


def recompute(place: Place, **given: Any) -> Comparison:
    return served.recompute(place.settings, place.country, given.get("since"), lambda what, done, total: None)


def causes(found: Comparison) -> set[str]:
    return {why for _, _, why in found.findings}


def compared(found: Comparison) -> Counter[str]:
    """By way."""
    total: Counter[str] = Counter()
    for of, counts in found.counts.items():
        total[of.way] += counts["compared"]
    return total


def scored(place: Place) -> list[str]:
    """Who gets a number, of everybody."""
    ask(place, parity_place.everybody(place))
    return sorted({one.served.customer_id for one in logged(place)})


def logged(place: Place) -> list[ReadVector]:
    return [one for one in vector_file.read(place.settings.vectors_path) if isinstance(one, ReadVector)]


def test_served_vectors_are_recomputed_at_their_own_instants(place: Place) -> None:
    """At the reference, in the middle of a day while events go on, and after the clock moved to another day."""
    people = scored(place)
    first = len(logged(place))
    place.send(*(order(one, AT + 5 * HOUR) for one in people[::2]))
    place.send(order(people[0], AT - 40 * 24 * HOUR, AT + 6 * HOUR), order(people[0], AT + 5 * HOUR))  # too late; twice
    ask(place, people)
    place.store.tick({"ZZ": to_us(AT + 51 * HOUR)})
    place.send(*(order(one, AT + 50 * HOUR) for one in people[1::2]))
    ask(place, people)
    found = recompute(place)
    total = compared(found)
    assert causes(found) == set()
    assert not report.total([found])["differing"]
    assert total[served.PROBABILITY] == len(logged(place)) > 2 * first > 20
    assert total[served.VECTOR] > 50 * len(logged(place))
    instants = {one.served.at for one in logged(place)}
    assert len(instants) >= 3 and AT in instants
    later = recompute(place, since=AT + 50 * HOUR)
    assert 0 < compared(later)[served.VECTOR] < total[served.VECTOR]


def test_a_tampered_line_is_found_and_a_broken_one_is_counted(place: Place) -> None:
    people = scored(place)
    (path,) = vector_file.files(place.settings.vectors_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(i for i, text in enumerate(lines) if f'"customer_id":"{people[3]}"' in text)
    line = msgspec.json.decode(lines[number])
    vector = line["record"]["scores"][0]["vector"]
    column = next(i for i, value in enumerate(vector) if value is not None)
    vector[column] += 1
    lines[number] = msgspec.json.encode(line).decode()
    path.write_text("\n".join([*lines, lines[-1][:40]]) + "\n", encoding="utf-8")
    found = recompute(place)
    (((of, kind, why), finding),) = found.findings.items()
    example, name = finding.example, of.feature
    assert (of.way, of.group) == (served.VECTOR, TARGET)
    assert (finding.count, kind, why) == (1, "mismatch", cause.OTHER)
    assert example.customer.startswith(f"{people[3]} at ") and example.found == example.batch + 1
    assert name == logged(place)[0].models[TARGET, f"{TARGET}-1"].columns[column].name
    assert any(f"{path.name} line {len(lines) + 1} cannot be read" in note for note in found.notes)


def test_a_row_that_was_missing_or_had_lost_an_event_when_it_was_served(place: Place) -> None:
    gone, stale, *rest = scored(place)
    old = place.rows(stale)[ORDERS]
    place.send(order(stale, AT - 3 * 24 * HOUR, AT - HOUR), *(order(one, AT - HOUR) for one in rest))
    place.client.hset(row_key("ZZ", stale), ORDERS, old)
    place.client.hdel(row_key("ZZ", gone), ORDERS)
    ask(place, [gone, stale])
    by_customer: dict[str, set[str]] = {}
    for (_, _, why), finding in recompute(place).findings.items():
        by_customer.setdefault(finding.example.customer.partition(" ")[0], set()).add(why)
    assert by_customer == {gone: {cause.LOST}, stale: {cause.LOST}}


def test_a_row_may_be_ahead_of_the_position_that_was_read(place: Place) -> None:
    """Rows are written before the restart point moves: what a row holds, it ought to hold."""
    first, *_ = scored(place)
    key = position_key("cerebro.orders", home_of("ZZ", first))
    before = place.client.hget(key, "offset")
    place.send(order(first, AT - HOUR))
    place.client.hset(key, "offset", before)
    ask(place, [first])
    assert causes(recompute(place)) == set()


def test_what_the_lake_does_not_hold_yet(place: Place) -> None:
    people = scored(place)
    place.send(order(people[0], AT - 3 * 24 * HOUR, AT - HOUR), to_lake=False)
    ask(place, people)
    assert causes(recompute(place)) == {cause.LAKE_BEHIND}
    place.send(order(people[0], AT - 3 * 24 * HOUR, AT - HOUR), to_rows=False)
    assert causes(recompute(place)) == set()


def test_another_definition_and_another_fingerprint(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(place)
    read, query = Count.read, Count.sql_read
    with monkeypatch.context() as patched:
        patched.setattr(Count, "read", lambda self, *given: read(self, *given) + 1)
        assert causes(recompute(place)) == set()  # the batch and what was served agree
        patched.setattr(Count, "sql_read", lambda self, *given: f"({query(self, *given)} + 1)")
        assert causes(recompute(place)) == {cause.DEFINITION}  # now both were served otherwise
        patched.setattr(Count, "read", read)
        assert causes(recompute(place)) == {cause.DEFINITION}
        patched.setattr(Count, "version", Count.version + 1)
        forget_fingerprints()
        assert causes(recompute(place)) == {cause.OTHER}
    forget_fingerprints()


def forget_fingerprints() -> None:
    """As in another process: in one of its own a definition does not change, and its fingerprint is worked out once."""
    for feature in fetcher.all_features().values():
        for name in ("key", "fingerprint"):
            feature.__dict__.pop(name, None)


def test_nothing_logged_proves_nothing(place: Place) -> None:
    place.settings = msgspec.structs.replace(place.settings, vector_log_share=0)
    found = recompute(place)
    assert found.counts == {} and "CEREBRO_VECTOR_LOG_SHARE" in found.notes[0]


def test_the_share_of_nobody_is_nobody(place: Place) -> None:
    silent = Server(msgspec.structs.replace(place.settings, vector_log_share=0), "127.0.0.1:0", insecure=True)
    silent.start()
    with ScorerClient(silent.address) as client:
        client.score_batch("ZZ", known(place, 0))
    silent.stop(0)
    assert logged(place) == [] and not place.settings.vectors_path.exists()


def test_rows_that_move_right_after_they_were_read_are_kept_as_they_were(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = scored(place)
    assert place.scorer is not None
    before, answers = len(logged(place)), place.scorer.answers
    read = answers._read

    def moving(*given: Any) -> Any:
        found = read(*given)
        place.send(order(people[0], AT - HOUR))
        return found

    monkeypatch.setattr(answers, "_read", moving)
    ask(place, people[:3])
    assert (answers.vectors.kept, len(logged(place))) == (before + 3, before + 3)
    assert causes(recompute(place)) == set()


def test_a_call_that_is_kept_asks_the_store_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    people, asked = scored(place)[:3], list[str]()
    exchange = Client.exchange

    def counted(this: Client, *given: Any) -> Any:
        asked.append(threading.current_thread().name)
        return exchange(this, *given)

    monkeypatch.setattr(Client, "exchange", counted)
    monkeypatch.setattr(redis.client.Pipeline, "execute", lambda *_: pytest.fail("a trip more"))
    ask(place, people)
    assert len(asked) == 1


def test_files_are_the_owners_alone_and_bounded(tmp_path: Path) -> None:
    most = 40_000
    file = VectorFile(tmp_path / "vectors", most)
    place = {"orders": Mark(epoch=1, partition=0, next=7)}
    for number in range(400):
        file.write(
            ServedRecord(
                country="ZZ", customer_id=f"c{number}", at=AT, places=place, upto={"orders": 6},
                scores=[vector_file.Scored(target=TARGET, model="m", vector=[1.5, None], probability=0.25)],
            ),
            [vector_file.ModelRecord(id="m", country="ZZ", target=TARGET, columns=())],
        )  # fmt: skip
    file.close()
    paths = vector_file.files(tmp_path / "vectors")
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert (tmp_path / "vectors").stat().st_mode & 0o777 == 0o700
    assert 2 < len(paths) <= PARTS + 1 and sum(path.stat().st_size for path in paths) <= most
    kept = [one for one in vector_file.read(tmp_path / "vectors") if isinstance(one, ReadVector)]
    assert kept[-1].served.customer_id == "c399" and kept[0].served.customer_id != "c0"
    assert all(one.intact and one.models[TARGET, "m"].id == "m" for one in kept)
    assert kept[0].served.scores[0].vector == [1.5, None]


def test_files_past_their_days_go(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    folder.mkdir()
    (folder / "000000000000000001-1-0.jsonl").write_text("")
    (folder / "notes.txt").write_text("not ours")
    file = VectorFile(folder, 2**20, 28)
    file.write(ServedRecord(country="ZZ", customer_id="c", at=AT, places={}, upto={}, scores=[]), [])
    file.close()
    assert {path.name.partition("-")[0] for path in folder.iterdir()} - {"notes.txt"} != {"000000000000000001"}
    assert len(list(folder.iterdir())) == 2
