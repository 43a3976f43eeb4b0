"""Alive means moving: when a consumer is told to stand still, and when it only waits. No broker, a clock of our own."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

import streams.member
from scv.errors import Stuck
from scv.online.facts import Log
from scv.settings import Settings
from streams.kafka.log import Part
from streams.kafka.question import Heard
from streams.progress import ROUND_S, Progress, Still

A, B = Part("cerebro.app", 0), Part("cerebro.orders", 1)
PATIENCE_S = 30.0


class Member:
    """One that reads A and B, and takes rounds on a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.progress = Progress(PATIENCE_S, lambda: self.now_s)
        self.at: dict[Part, int] = {A: 100, B: 7}
        self.assigned = {A, B}

    def rounds(self, seconds: float, answer: Heard | None, round_s: float = 0.1, drained: bool = True) -> None:
        """Rounds for so long, each with a new answer. Raises Stuck."""
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s += round_s
            self.progress.look(self.at, self.assigned, drained, answer)
            self.progress.check()


def ends(a: int = 100, b: int = 7, member: bool | None = True) -> Heard:
    return Heard({A: a, B: b}, member)


AWAY = Heard(None, None)


def test_a_partition_that_goes_on_without_us_is_told() -> None:
    member = Member()
    member.rounds(29, ends(a=35_848))
    assert 28 < member.progress.still_s < 30
    with pytest.raises(Stuck, match=r"30 s nothing comes of cerebro\.app/0.*35,748 offsets behind.*Start it again"):
        member.rounds(2, ends(a=35_848))
    assert member.progress.facts()["lag"] == {"cerebro.app": 35_748, "cerebro.orders": 0}


def test_a_partition_is_asked_for_anew_before_it_is_told() -> None:
    """A third of the time each, and only that one."""
    member = Member()
    asked = []
    for second in range(29):
        member.at[B] += 1
        member.rounds(1, ends(a=999, b=member.at[B] + 1))
        asked += [(part, second) for part in member.progress.to_ask_anew()]
    assert [part for part, _ in asked] == [A, A]
    assert asked[1][1] - asked[0][1] in (10, 11)
    member.at[A] += 1
    member.rounds(8, ends(a=999))
    assert member.progress.to_ask_anew() == [], "it moved"


def test_it_is_told_of_one_partition_while_the_others_move() -> None:
    member = Member()
    with pytest.raises(Stuck, match=r"cerebro\.orders/1"):
        for _ in range(400):
            member.at[A] += 10
            member.rounds(0.1, ends(a=9_999_999, b=8))
    assert member.progress.still_s == 0


def test_a_partition_that_is_never_begun_is_told() -> None:
    member = Member()
    del member.at[B]
    with pytest.raises(Stuck, match=r"cerebro\.orders/1"):
        member.rounds(31, ends(b=0))


@pytest.mark.parametrize("assigned", [{A, B}, set()])
def test_one_whom_its_group_does_not_have_is_told(assigned: set[Part]) -> None:
    member = Member()
    member.assigned = assigned
    with pytest.raises(Stuck, match="its group does not have it"):
        member.rounds(31, Heard(dict.fromkeys(assigned, 0), member=False))
    assert member.progress.still_s > 29


@pytest.mark.parametrize("known", [True, None])
def test_a_spare_one_without_partitions_is_no_fault(known: bool | None) -> None:
    """Where the broker names no members, having no partition says nothing."""
    member = Member()
    member.assigned = set()
    member.rounds(100, Heard({}, known))
    assert member.progress.still_s == 0


def test_who_stands_at_the_end_moves() -> None:
    member = Member()
    member.rounds(100, ends())
    assert member.progress.still_s == 0 and member.progress.facts()["lag"] == {"cerebro.app": 0, "cerebro.orders": 0}


@pytest.mark.parametrize(
    ("answer", "round_s", "drained"),
    [(AWAY, 0.1, True), (Heard(None, False), 0.1, True), (ends(a=999), 0.1, False), (ends(a=999), 300.0, False)],
    ids=["the broker is away", "it says half", "a backlog", "long batches"],
)
def test_what_is_no_standstill_is_not_told(answer: Heard, round_s: float, drained: bool) -> None:
    member = Member()
    member.rounds(600, answer, round_s, drained)
    assert member.progress.still_s >= 300, "nothing shows that it moves, and health may say so"


def test_a_long_batch_counts_as_one_round() -> None:
    """Another partition's records came first, and took long."""
    member = Member()
    for _ in range(29):
        member.at[A] += 1_000
        member.rounds(300, ends(a=9_999_999, b=8), round_s=300)
    with pytest.raises(Stuck):
        member.rounds(2 * ROUND_S, ends(a=9_999_999, b=8))


@pytest.mark.parametrize("why", ["broker", "store"])
def test_after_an_absence_it_has_its_whole_time_again(why: str) -> None:
    member = Member()
    member.rounds(25, ends(a=999))
    if why == "broker":
        member.rounds(10, AWAY)
    else:
        member.progress.excuse()
    member.rounds(29, ends(a=999))
    with pytest.raises(Stuck):
        member.rounds(2, ends(a=999))


def test_a_partition_placed_again_at_the_same_place_has_not_moved() -> None:
    """As a lake consumer does again and again whose disk is full."""
    member, stands = Member(), {A: 100, B: 7}
    without: Mapping[Part, int] = {B: 7}
    for _ in range(10):
        member.at = dict(without)
        member.rounds(2, ends(a=999), drained=False)
        member.at = dict(stands)
        member.rounds(2, ends(a=999), drained=False)
    assert member.progress.still_s > 35


class Fake:
    """A consumer that the broker gives nothing: `Member` beside it, without a broker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.held, self.waits = 0.0, False, False
        self.member = streams.member.Member(Settings())
        self.member._progress = Progress(PATIENCE_S, lambda: self.now_s)
        self.asked: list[Part] = []
        self.member._intake = SimpleNamespace(  # type: ignore[assignment]
            assigned={A}, drained=True, member=str, ask_anew=self.asked.extend
        )
        self.member._question = SimpleNamespace(  # type: ignore[assignment]
            answer=lambda *_: Heard({A: 5}, None), forgets=False
        )
        self.member._store = SimpleNamespace(client=None)  # type: ignore[assignment]
        self.member._stands = lambda: {A: 3}  # type: ignore[method-assign]
        monkeypatch.setattr(streams.member, "held", lambda _client, name: self.held and name == "epoch")
        monkeypatch.setattr(streams.member.Member, "_waits", property(lambda _: self.waits))

    def watch(self, seconds: float) -> None:
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s += 0.1
            self.member._watch()


@pytest.mark.parametrize("why", ["held", "waits"])
def test_a_consumer_ends_by_itself_but_not_while_it_is_known_why(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """During a rebuild, and while the consumer has said already that store or disk are in the way."""
    fake = Fake(monkeypatch)
    setattr(fake, why, True)
    fake.watch(100)
    setattr(fake, why, False)
    fake.watch(1)
    fake.asked.clear()
    with pytest.raises(Stuck, match="2 offsets behind"):
        fake.watch(31)
    assert A in fake.asked, "before it ends it asks anew"


def test_what_is_still_begins_anew_with_every_move() -> None:
    now = [0.0]
    still = Still(lambda: now[0])
    said = []
    for second, (at, done) in enumerate([(1, False), (1, False), (2, False), (2, False), (2, True), (2, False)]):
        now[0] = float(second)
        said.append(still.look(at, done))
    assert said == [0, 1, 0, 1, 0, 1]


FORMING_S = 15.0


class Unassigned(Member):
    """One whose group gives it nothing."""

    def __init__(self, unheld: bool = True) -> None:
        super().__init__()
        self.progress = Progress(PATIENCE_S, lambda: self.now_s, FORMING_S)
        self.assigned, self.unheld, self.formed = set(), unheld, 0

    def rounds(self, seconds: float, answer: Heard | None, round_s: float = 0.1, drained: bool = True) -> None:
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s += round_s
            self.progress.look({}, self.assigned, drained, answer, self.unheld)
            self.formed += self.progress.must_form()
            self.progress.check()


def test_partitions_that_are_nobodys_are_told_once_the_group_has_not_formed_anew_either() -> None:
    member = Unassigned()
    member.rounds(FORMING_S - 1, Heard({}, None))
    assert member.formed == 0 and member.progress.still_s > FORMING_S - 2, "health sees it"
    member.rounds(2, Heard({}, None))
    assert member.formed == 1
    with pytest.raises(Stuck, match=r"30 s its group gives some partitions to nobody.*Start it again"):
        member.rounds(PATIENCE_S, Heard({}, None))


@pytest.mark.parametrize(("unheld", "answer"), [(False, Heard({}, None)), (True, AWAY)], ids=["a spare one", "away"])
def test_a_group_is_not_formed_anew_where_all_is_held_or_the_broker_away(unheld: bool, answer: Heard) -> None:
    member = Unassigned(unheld)
    member.rounds(100, answer)
    assert member.formed == 0


def test_a_group_that_formed_has_its_whole_time_the_next_time() -> None:
    member = Unassigned()
    for _ in range(3):
        member.rounds(FORMING_S - 1, Heard({}, None))
        member.unheld = False
        member.rounds(1, Heard({}, None))
        member.unheld = True
    assert member.formed == 0
    member.rounds(FORMING_S - 1, Heard({}, None))
    member.progress.excuse()
    member.rounds(FORMING_S - 1, Heard({}, None))
    assert member.formed == 0
    member.rounds(2, Heard({}, None))
    assert member.formed == 1


class Beating:
    """Other members' beats, or a store that keeps none."""

    def __init__(self, partitions: list[int] | None) -> None:
        self.partitions = partitions

    def others(self) -> list[SimpleNamespace] | None:
        return None if self.partitions is None else [SimpleNamespace(partitions=count) for count in self.partitions]


HELD = [([], True), ([1], True), ([1, 1], False), ([2], False), ([3], False), (None, False)]


@pytest.mark.parametrize(("others", "unheld"), HELD)
def test_partitions_are_nobodys_if_all_members_have_fewer_than_there_are(
    others: list[int] | None, unheld: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Fake(monkeypatch).member
    member._logs = {"cerebro.app": Log(family="app", epoch=1, topic_id="0" * 32, partitions=3)}
    member._heartbeat = Beating(others)  # type: ignore[assignment]
    assert member._is_unheld() is unheld
