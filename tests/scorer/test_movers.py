"""Who moved most since Tuesday's file: found among those who are asked about, shown as they stand now, in bounds."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import grpc
import msgspec
import pytest

import cli
from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from rpc.client import ScorerClient, ScorerError
from scorer.live import gate, servicer
from scorer.live.movers import KEPT, LargestMoves, Movers, MoversQuestion, moved
from scorer.live.server import Server
from scorer.scoring import Score, Status, TargetScore
from scorer.tuesday.export import export
from scv.settings import Settings
from tests.keys import row_key
from tests.scorer.shop import AT, US, Shop, order

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
EVERYBODY = MoversQuestion("lapse", 20)


@pytest.fixture(scope="module")
def published(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With a file of the Tuesday `AT`."""
    settings = msgspec.structs.replace(made.settings, exports=str(tmp_path_factory.mktemp("exports")))
    export(settings, US, AT)
    return settings


@pytest.fixture
def moving(live: Shop, published: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A scorer an hour into the week."""
    monkeypatch.setattr(servicer, "LOOK_S", 0.05)
    live.mark(AT + HOUR)
    server = Server(published, "127.0.0.1:0", insecure=True)
    server.start()
    try:
        yield server
    finally:
        server.stop(1)


@pytest.fixture
def asking(moving: Server) -> Iterator[ScorerClient]:
    with ScorerClient(moving.address, timeout_s=10) as client:
        yield client


def silent(live: Shop, asking: ScorerClient, count: int) -> list[str]:
    """Those who are most likely to lapse: an order moves them far."""
    told = {one.customer_id: one.targets[0] for one in asking.score_batch("US", live.customers, ["lapse"])}
    scored = [name for name, one in told.items() if one.HasField("probability")]
    return sorted(scored, key=lambda name: -told[name].probability)[:count]


def orders(live: Shop, who: Sequence[str]) -> None:
    for name in who:
        live.write(live.apply(order(name, AT + HOUR / 2, 50_00)))


def changes(replies: Sequence[pb.ScoreReply]) -> dict[str, float]:
    return {one.customer_id: one.targets[0].change_since_tuesday for one in replies}


def test_who_moves_and_is_asked_about_is_on_the_list(live: Shop, asking: ScorerClient) -> None:
    lists = asking.watch_movers("US", "lapse")
    assert next(lists) == [], "nobody was asked about"
    (one,) = silent(live, asking, 1)
    orders(live, [one])
    asked = asking.score("US", one, ["lapse"])
    (mover,) = next(lists)
    assert mover.customer_id == one and mover.targets[0] == asked.targets[0]
    assert mover.targets[0].change_since_tuesday < -0.01 and len(mover.targets) == 1
    lists.close()


def test_the_most_moved_comes_first_and_what_is_asked_for_bounds_the_list(live: Shop, asking: ScorerClient) -> None:
    who = silent(live, asking, 12)
    orders(live, who)
    asking.score_batch("US", who)
    found = [changes(next(asking.watch_movers("US", "lapse", most=most))) for most in (20, 3)]
    sizes = [abs(change) for change in found[0].values()]
    assert set(found[0]) == set(who) and sizes == sorted(sizes, reverse=True)
    assert list(found[1]) == list(found[0])[:3]
    assert len(next(asking.watch_movers("US", "lapse"))) == servicer.FEW
    much = sizes[4]
    assert len(next(asking.watch_movers("US", "lapse", least_change=much))) == 5
    assert next(asking.watch_movers("US", "lapse", least_change=1)) == []


def test_up_and_down_are_lists_of_their_own(live: Shop, asking: ScorerClient) -> None:
    live.mark(AT + timedelta(days=5))  # whoever orders nothing is likelier to lapse day by day
    who = silent(live, asking, 30)
    live.write(live.apply(order(who[0], AT + HOUR, 50_00)))
    asking.score_batch("US", who)
    up, down = (changes(next(asking.watch_movers("US", "lapse", direction=way))) for way in ("up", "down"))
    assert up and all(change > 0 for change in up.values())
    assert who[0] in down and all(change < 0 for change in down.values())


def test_who_is_erased_is_gone_with_the_next_look(live: Shop, moving: Server, asking: ScorerClient) -> None:
    one, other = silent(live, asking, 2)
    orders(live, [one, other])
    asking.score_batch("US", [one, other])
    lists = asking.watch_movers("US", "lapse")
    assert set(changes(next(lists))) == {one, other}
    live.client.delete(row_key("US", one))
    assert set(changes(next(lists))) == {other}
    lists.close()
    assert one not in moving.answers._movers.top("US", EVERYBODY), "his id is kept"


def test_what_moves_back_is_told(live: Shop, asking: ScorerClient) -> None:
    (one,) = silent(live, asking, 1)
    before = live.client.hgetall(row_key("US", one))
    orders(live, [one])
    asking.score("US", one)
    lists = asking.watch_movers("US", "lapse")
    assert next(lists)
    live.client.hset(row_key("US", one), mapping=before)
    assert next(lists) == []
    lists.close()


def test_who_asks_about_an_earlier_tuesday_moves_nobody(live: Shop, moving: Server, asking: ScorerClient) -> None:
    (one,) = silent(live, asking, 1)
    orders(live, [one])
    asking.score("US", one)
    asking.score("US", one, reference=AT)
    assert moving.answers._movers.top("US", EVERYBODY) == [one]


def test_another_tuesday_begins_with_nobody(live: Shop, asking: ScorerClient) -> None:
    """And while its file is not there nobody can have moved, which is told to who comes."""
    (one,) = silent(live, asking, 1)
    orders(live, [one])
    asking.score("US", one)
    lists = asking.watch_movers("US", "lapse")
    assert next(lists)
    live.mark(AT + WEEK + HOUR)
    assert next(lists) == [], "who watches already waits for the file"
    lists.close()
    with pytest.raises(ScorerError, match="cerebro week") as found:
        next(asking.watch_movers("US", "lapse"))
    assert found.value.code == "FAILED_PRECONDITION"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.MoversRequest(country="US", target="lapse", most=21), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", most=-1), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", least_change=-0.1), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", least_change=1.5), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", least_change=float("nan")), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", direction=7), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="lapse", language="xx"), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="laps"), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US"), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="../US", target="lapse"), "INVALID_ARGUMENT"),
        (pb.MoversRequest(), "INVALID_ARGUMENT"),
        (pb.MoversRequest(country="US", target="return"), "FAILED_PRECONDITION"),  # it has no model
    ],
    ids=lambda one: " ".join(str(one).split()),
)
def test_a_question_that_cannot_be_is_refused(moving: Server, request_: pb.MoversRequest, code: str) -> None:
    with grpc.insecure_channel(moving.address) as channel, pytest.raises(grpc.RpcError) as found:
        next(scorer_pb2_grpc.ScorerStub(channel).WatchMovers(request_))
    assert found.value.code().name == code, found.value.details()


def test_both_kinds_of_streams_share_the_places(live: Shop, moving: Server, asking: ScorerClient) -> None:
    streams = [asking.watch_movers("US", "lapse") for _ in range(servicer.MOST_OF_ONE)]
    for stream in streams:
        next(stream)
    with pytest.raises(ScorerError) as found:
        next(asking.watch("US", live.customers[:1]))
    assert found.value.code == "RESOURCE_EXHAUSTED"
    for stream in streams:
        stream.close()
    eventually(lambda: not moving._scorer._watchers._of.total())


def test_who_does_not_read_the_list_is_let_go(live: Shop, moving: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "LOOK_S", 0.0)
    monkeypatch.setattr(servicer, "gist", lambda reply: str(time.monotonic()).encode())  # everything is news
    monkeypatch.setattr(gate, "SLOWEST_S", 0.2)
    with ScorerClient(moving.address, timeout_s=10) as client:
        who = silent(live, client, 20)
        orders(live, who)
        client.score_batch("US", who)
    with grpc.insecure_channel(moving.address) as channel:
        stream = scorer_pb2_grpc.ScorerStub(channel).WatchMovers(
            pb.MoversRequest(country="US", target="lapse", most=20)
        )
        next(stream)
        eventually(lambda: not moving._scorer._watchers._of.total(), 20)
        with pytest.raises(grpc.RpcError) as found:
            for _ in stream:
                pass
        assert found.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_what_is_watched_is_not_what_scores_are_like(live: Shop, moving: Server, asking: ScorerClient) -> None:
    (one,) = silent(live, asking, 1)
    orders(live, [one])
    asking.score("US", one, ["lapse"])
    before = len(moving._meter.newest("US", "lapse", "lapse-20"))
    stream, lists = asking.watch("US", [one], ["lapse"]), asking.watch_movers("US", "lapse")
    assert next(stream).known and next(lists)
    time.sleep(0.3)
    assert len(moving._meter.newest("US", "lapse", "lapse-20")) == before


def test_the_command_prints_the_list(
    live: Shop, moving: Server, published: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"HOME": published.home, "STORE": published.store, "SCORER": moving.address}.items():
        monkeypatch.setenv(f"CEREBRO_{name}", value)
    words = ["watch", "US", "--movers", "--times", "1"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.startswith("US lapse: nobody moved so much since Tuesday")
    with ScorerClient(moving.address, timeout_s=10) as client:
        who = silent(live, client, 3)
        orders(live, who)
        client.score_batch("US", who)
    assert cli.main([*words, "--direction", "down"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "US lapse, since Tuesday:" and len(lines) == 3
    assert all(" points to " in line and "contact: " in line for line in lines) and who[0] in "".join(lines)
    assert cli.main([*words, "--json", "--most", "2", "--target", "lapse"]) == 0
    body = msgspec.json.decode(capsys.readouterr().out)
    assert len(body["movers"]) == 2 and body["movers"][0]["targets"][0]["change_since_tuesday"] < 0
    for wrong in (["watch", "US"], ["watch", "US", "1", "--movers"], [*words, "--target", "laps"]):
        assert cli.main(wrong) == 2
        assert capsys.readouterr().err


def told(who: str, change: float | None, status: Status = "SCORED", target: str = "lapse") -> Score:
    one = TargetScore(target, "derived", status, "", 56, None, "m", change=change)
    return Score(who, status != "UNKNOWN_CUSTOMER", AT + HOUR, "new", None, {}, [one])


def test_a_board_holds_the_largest_of_what_was_said_last() -> None:
    """Compared with everybody's newest size, at random; who had no place may have to be told again to get one."""
    dice = random.Random(5)
    board, newest = LargestMoves(), dict[str, float]()
    for _ in range(20_000):
        who, size = f"c{dice.randrange(5 * KEPT)}", dice.random() ** 4 + 1e-9
        newest[who] = size
        board.put(who, size)
        assert len(board.sizes) <= KEPT
        if dice.random() < 0.02:
            board.drop(who)
            newest.pop(who)
            for other, its in newest.items():  # all come again
                board.put(other, its)
        if who in board.sizes:
            assert board.sizes[who] == size
    for other, its in newest.items():
        board.put(other, its)
    assert sorted(board.sizes.values()) == sorted(newest.values())[-KEPT:]


@pytest.mark.parametrize(
    ("status", "change", "stays"),
    [
        ("SCORED", 0.2, True), ("SCORED", None, False), ("SCORED", 0.0, False), ("UNKNOWN_CUSTOMER", None, False),
        ("NOT_APPLICABLE", None, False), ("STALE_REFUSED", None, True),
    ],
)  # fmt: skip
def test_who_has_no_change_any_more_is_forgotten(status: Status, change: float | None, stays: bool) -> None:
    found = Movers()
    found.note(US, AT + HOUR, [told("1", 0.3), told("2", -0.1)])
    assert found.top("US", EVERYBODY) == ["1", "2"]
    found.note(US, AT + HOUR, [told("1", change, status)])
    assert found.top("US", EVERYBODY) == (["1", "2"] if stays else ["2"])


def test_boards_are_of_one_country_target_direction_and_week() -> None:
    found, other = Movers(), msgspec.structs.replace(US, code="ZZ")
    found.note(US, AT + HOUR, [told("1", 0.3), told("2", 0.4, target="skip")])
    found.note(other, AT + HOUR, [told("3", 0.5)])
    assert found.top("US", EVERYBODY) == ["1"]
    assert found.top("US", EVERYBODY._replace(ways=("down",))) == []
    found.note(US, AT + HOUR, [told("1", -0.3)])
    assert found.top("US", EVERYBODY._replace(ways=("up",))) == []
    assert found.top("US", EVERYBODY._replace(ways=("down",))) == ["1"]
    found.note(US, AT + WEEK, [told("4", 0.1)])  # midnight is the old Tuesday's last instant
    assert found.top("US", EVERYBODY) == ["1", "4"]
    found.note(US, AT + WEEK + HOUR, [told("5", 0.1)])
    assert found.top("US", EVERYBODY) == ["5"] and found.top("US", EVERYBODY._replace(target="skip")) == []
    assert found.top("ZZ", EVERYBODY) == ["3"]


def test_ties_are_in_the_order_of_ids() -> None:
    scores = [told("b", 0.1), told("c", -0.2), told("a", -0.1), told("d", None)]
    assert [one.customer_id for one in moved(scores, EVERYBODY)] == ["c", "a", "b"]


def test_fifty_thousand_answers_take_no_more_room_than_five_thousand() -> None:
    found, dice = Movers(), random.Random(1)

    def answers(count: int) -> None:
        for number in range(count):
            found.note(US, AT + HOUR, [told(f"{number:064}", dice.uniform(-1, 1))])

    tracemalloc.start()
    try:
        answers(5_000)
        before = tracemalloc.get_traced_memory()[0]
        answers(50_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000 and len(found.top("US", EVERYBODY._replace(most=10 * KEPT))) == 2 * KEPT


def eventually(holds: Callable[[], bool], within_s: float = 10) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
