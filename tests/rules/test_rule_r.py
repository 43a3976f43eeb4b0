"""Rule R: however consumers, rebuilds, an erasure and power cuts interleave, rows end as the fold of the log.

Every wrong variant of the rule is a switch, and each must be seen to go wrong.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replace_log

from proof.naive.sides import write_figures
from scv.online.facts import Move, RowWrite
from scv.online.row import FENCE_BYTES
from tests.rules.model import LAYOUT, LOG, PLACE, TOPIC, Model, Rules, built_of, fresh_row
from tests.rules.store import MarksAnyway, MemoryStore, NewerWins, ValkeyStore, valkey

WORLDS = 600
VARIANT_WORLDS = 1500
REAL_WORLDS = 12
COMMON = ("fenced", "read again", "power losses", "rebalances", "rebuilds", "generations", "refused marks")
WRONG: list[tuple[str, float, float, str, float]] = []


def wrong_worlds(worlds: range, store: Callable[[], Any], rules: Rules = Rules()) -> tuple[int, Counter[str]]:  # noqa: B008
    """How many worlds end wrong, and what happened in all of them."""
    wrong, seen = 0, Counter[str]()
    for seed in worlds:
        model = Model(seed, store(), rules)
        wrong += model.run() > 0
        seen += model.seen
    return wrong, seen


@pytest.mark.parametrize("share", range(4))
def test_no_interleaving_leaves_a_wrong_row(share: int) -> None:
    wrong, seen = wrong_worlds(range(share, WORLDS, 4), MemoryStore)
    WRONG.append((f"wrong worlds, Rule R, share {share}", wrong, WORLDS // 4, "worlds", 0))
    assert wrong == 0
    assert all(seen[what] > 50 for what in COMMON), seen


@pytest.mark.parametrize(
    ("store", "rules"),
    [
        pytest.param(MemoryStore, Rules(cut_at_reference=True), id="materialized tiles cut at the reference"),
        pytest.param(NewerWins, Rules(), id="the script asks only whether new is larger than stored"),
        pytest.param(MemoryStore, Rules(resume_from_commit=True), id="power lost, resumed from Kafka's commit"),
        pytest.param(MemoryStore, Rules(keep_cache=True), id="power lost, warm cache kept"),
        pytest.param(MemoryStore, Rules(erase_deletes=True), id="erased without a tombstone"),
        pytest.param(MarksAnyway, Rules(), id="rebuild afresh beside a build, marked without asking of what"),
        pytest.param(MemoryStore, Rules(silent_reconnect=True), id="power lost, the client reconnects without a word"),
    ],
)
def test_each_wrong_variant_turns_the_check_red(
    store: type[MemoryStore], rules: Rules, request: pytest.FixtureRequest
) -> None:
    """Runs until three worlds went wrong."""
    wrong = tried = 0
    while wrong < 3 and tried < VARIANT_WORLDS:
        wrong += wrong_worlds(range(tried, tried + 1), store, rules)[0]
        tried += 1
    WRONG.append((f"wrong worlds, {request.node.callspec.id}", wrong, tried, "worlds", 3))
    write_figures("rule_r", WRONG)
    assert wrong == 3


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with valkey(folder) as connected:
        yield connected


def test_the_real_scripts_leave_no_wrong_row(client: Any) -> None:
    wrong, seen = wrong_worlds(range(10_000, 10_000 + REAL_WORLDS), lambda: ValkeyStore(client))
    assert wrong == 0
    assert seen["fenced"] > 0
    assert seen["power losses"] > 0


def test_the_store_in_memory_answers_as_the_scripts_do(client: Any) -> None:
    """Random writes with right, stale and absent fences, two fields at once, and restart points that move or not."""
    rng = random.Random(4)
    stores: list[ValkeyStore | MemoryStore] = [ValkeyStore(client), MemoryStore()]
    marked: list[bool] = []
    for store in stores:
        store.set_logs({TOPIC: LOG})
    rows = [b"", *(fresh_row().pack(PLACE, upto) for upto in range(4))]
    for _ in range(400):
        key, fields = rng.choice("kl"), rng.sample([LAYOUT.field, "other@00"], rng.choice((1, 2)))
        writes = [RowWrite(field, rng.choice(rows)[:FENCE_BYTES], rng.choice(rows[1:])) for field in fields]
        first, second = (store.write_rows({key: writes}) for store in stores)
        assert first == second
        move = Move(TOPIC, 0, rng.choice((None, 0, 1, 2)), rng.randrange(40), rng.randrange(3))
        near = replace(move, turn=stores[1].positions([(TOPIC, 0)])[0].turn)
        first, second = (store.advance([move, near]) for store in stores)
        assert first == second
        log, generation = rng.choice((LOG, replace_log(LOG, epoch=1))), stores[1].generation() - rng.randrange(2)
        for store in stores if rng.random() < 0.05 else []:
            marked.append(store.mark_built(built_of(generation, move.offset, log=log)))
        if rng.random() < 0.02:
            for store in stores:
                store.next_generation()
        assert stores[0].marks(["ZZ"]) == stores[1].marks(["ZZ"])
    assert stores[0].read_rows("kl", [LAYOUT.field, "other@00"]) == stores[1].read_rows(
        "kl", [LAYOUT.field, "other@00"]
    )
    assert stores[0].positions([(TOPIC, 0)]) == stores[1].positions([(TOPIC, 0)])
    assert marked[::2] == marked[1::2] and set(marked) == {True, False}
