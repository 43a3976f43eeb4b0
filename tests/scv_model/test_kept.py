"""A grid that is fetched again keeps what it would write again byte by byte, and nothing else."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import cli
from scv.events.country import Country
from scv.events.event import Erased
from scv.features import fetcher
from scv.offline import batch, snapshot
from scv.offline import fetch as fetching
from scv.offline.fetch import Done, Job, fetch
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from tests.parity import lakes
from tests.parity.lakes import Sea
from tests.scv_model.berlin import BERLIN, EARLY, REFERENCE, failing, hashes, write_country

BEFORE = EARLY - timedelta(days=7)
"""The lake is complete to here and further."""
NAMES = ("app_usage", "mail", "orders", "rhythm")
FAMILIES_READ = {fetcher.get(name).family for name in NAMES}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four fetchers of three families are as good as all, and take less time."""
    few = {name: fetcher.get(name) for name in NAMES}
    monkeypatch.setattr(fetcher, "collect", lambda: few)


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The countries whose families were read, one entry for each."""
    admit, read = batch.admit, list[str]()

    def counted(connection: object, arrivals: str, where: Country, table: str) -> None:
        read.append(where.code)
        admit(connection, arrivals, where, table)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "admit", counted)
    return read


def kept_of(done: list[Done]) -> set[datetime]:
    (same,) = {one.kept for one in done}
    return set(same)


def test_what_stands_is_not_read_again_and_is_the_same_as_taken_afresh(
    sea: Sea, tmp_path: Path, admitted: list[str]
) -> None:
    config, grid = sea.settings(tmp_path / "home"), {BERLIN: [BEFORE, REFERENCE]}
    fetch(config, {BERLIN: [REFERENCE]})
    admitted.clear()
    first = fetch(config, grid)
    assert kept_of(first) == {REFERENCE} and len(admitted) == len(FAMILIES_READ)
    admitted.clear()
    again, before = fetch(config, grid, workers=2), hashes(config.snapshots_path)
    assert kept_of(again) == {BEFORE, REFERENCE} and not admitted
    assert {one.fetcher: one.rows for one in again} == {one.fetcher: one.rows for one in first}
    assert kept_of(fetch(config, grid, afresh=True)) == set() and len(admitted) == len(FAMILIES_READ)
    assert hashes(config.snapshots_path) == before


@pytest.mark.parametrize("name", ["a definition", "a setting", "a file", "more of the past"])
def test_what_is_not_the_same_is_taken_anew(
    config: Settings, sea: Sea, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Only those that would be written otherwise; the result is what a fetch in an empty folder gives."""
    fetch(config, {BERLIN: [BEFORE]})
    where, anew = BERLIN, {BEFORE, REFERENCE}
    if name == "a definition":
        monkeypatch.setattr(fetcher.get("mail"), "fingerprint", classmethod(lambda cls: "00000000"))
    elif name == "a setting":
        where = msgspec.structs.replace(BERLIN, lateness_days=BERLIN.lateness_days + 1)
    elif name == "a file":
        path = snapshot.path_of(config.snapshots_path, "orders", BERLIN, BEFORE)
        path.write_bytes(path.read_bytes()[:-1])
        anew = {BEFORE}
    else:
        anew = {REFERENCE}  # the log was complete to the earlier one: nothing can come to it
    after = EARLY + timedelta(days=1)
    new = lakes.any_event(random.Random(3), "app", BERLIN, "new")
    more = sea.planted("app", msgspec.structs.replace(new, occurred_at=after, seen_at=after))
    with more if name == "more of the past" else contextlib.nullcontext():
        done = fetch(config, {where: [BEFORE, REFERENCE]})
        assert kept_of(done) == {BEFORE, REFERENCE} - anew
        other = sea.settings(Path(config.home).with_name("other"))
        fetch(other, {where: [BEFORE, REFERENCE]})
    for at in (BEFORE, REFERENCE):
        mine, others = (Snapshots(one, where).read(at) for one in (config, other))
        assert all(mine[each].equals(others[each]) for each in others)


def test_a_snapshot_does_not_outlive_an_erasure(config: Settings, sea: Sea) -> None:
    """Whoever was erased afterwards leaves every snapshot that is fetched again, the others' stay."""
    fetch(config, {BERLIN: [BEFORE]})
    customer = Snapshots(config, BERLIN).read(BEFORE)["orders"]["customer_id"][0].as_py()
    after = EARLY + timedelta(days=1)
    gone = Erased(id="gone", country=BERLIN.code, customer_id=customer, occurred_at=after, seen_at=after)
    with sea.planted("orders", gone):
        done = fetch(config, {BERLIN: [BEFORE]})
        assert kept_of(done) == set()
        assert customer not in Snapshots(config, BERLIN).read(BEFORE)["orders"]["customer_id"].to_pylist()
        assert kept_of(fetch(config, {BERLIN: [BEFORE]})) == {BEFORE}


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fetchers that were folded, in turn."""
    fold, names = fetching.fold, list[str]()

    def counted(connection: object, job: Job, chosen: type[fetcher.Fetcher]) -> object:
        names.append(chosen.name)
        return fold(connection, job, chosen)

    monkeypatch.setattr(fetching, "fold", counted)
    return names


def interrupted(config: Settings, folded: list[str], monkeypatch: pytest.MonkeyPatch, after: int) -> list[str]:
    """A fetch of both references that ends after some tables were made; their fetchers."""
    real, written = snapshot.write, list[Path]()

    def write(table: object, path: Path) -> str:
        if len(written) == 2 * after:
            raise KeyboardInterrupt
        written.append(path)
        return real(table, path)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(snapshot, "write", write)
        fetch(config, {BERLIN: [BEFORE, REFERENCE]}, afresh=True)
    made = folded[:after]
    folded.clear()
    return made


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    sea: Sea, tmp_path: Path, folded: list[str], admitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, other = (sea.settings(tmp_path / name) for name in ("home", "other"))
    made = interrupted(config, folded, monkeypatch, after=2)
    admitted.clear()
    done = fetch(config, {BERLIN: [BEFORE, REFERENCE]}, workers=2)
    assert set(folded) == set(fetcher.collect()) - set(made) and len(admitted) < len(FAMILIES_READ)
    assert {one.fetcher for one in done if one.kept} == set(made)
    assert not list(config.snapshots_path.glob(".*"))
    fetch(other, {BERLIN: [BEFORE, REFERENCE]})
    mine, others = (hashes(one.snapshots_path) for one in (config, other))
    assert mine == others and len(mine) == 2 * (1 + len(fetcher.collect()))


def test_a_fetcher_that_failed_is_all_that_is_folded_again(
    sea: Sea, tmp_path: Path, folded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = sea.settings(tmp_path / "home")
    with monkeypatch.context() as patched:
        failing(patched, "mail")
        assert [one.fetcher for one in fetch(config, {BERLIN: [BEFORE]}) if one.error] == ["mail"]
    folded.clear()
    fetch(config, {BERLIN: [BEFORE]})
    assert folded == ["mail"] and Snapshots(config, BERLIN).why_not(BEFORE) == ""


@pytest.mark.parametrize("name", ["more of the past", "a definition", "a file", "an erasure", "afresh"])
def test_of_an_interrupted_fetch_only_what_is_the_same_is_taken_over(
    sea: Sea, tmp_path: Path, folded: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config = sea.settings(tmp_path / "home")
    made = interrupted(config, folded, monkeypatch, after=2)
    after, first = EARLY + timedelta(days=1), made[0]
    family = fetcher.get(first).family
    (draft,) = config.snapshots_path.glob(".draft-*")
    paths = sorted(draft.rglob(f"{first}/*/*.parquet"))
    customer = snapshot.read_file(paths[0])["customer_id"][0].as_py()
    at = {"occurred_at": after, "seen_at": after}
    event = msgspec.structs.replace(lakes.any_event(random.Random(3), family, BERLIN, "new"), **at)
    if name == "an erasure":
        event = Erased(id="gone", country=BERLIN.code, customer_id=customer, **at)
    elif name == "a definition":
        monkeypatch.setattr(fetcher.get(first), "fingerprint", classmethod(lambda cls: "00000000"))
    elif name == "a file":
        paths[0].write_bytes(paths[0].read_bytes()[:-1])
    moves = sea.planted(family, event) if name in ("more of the past", "an erasure") else contextlib.nullcontext()
    with moves:
        done = fetch(config, {BERLIN: [BEFORE, REFERENCE]}, afresh=name == "afresh")
        assert Snapshots(config, BERLIN).why_not(BEFORE) == ""
    (kept,) = [one.kept for one in done if one.fetcher == first]
    assert kept == {
        "more of the past": {BEFORE}, "a file": {REFERENCE},
        "a definition": set(), "an erasure": set(), "afresh": set(),
    }[name]  # fmt: skip


def test_the_command_says_what_it_kept(
    config: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], admitted: list[str]
) -> None:
    config.countries_path.mkdir()
    write_country(config, BERLIN)
    monkeypatch.setenv("CEREBRO_HOME", config.home)
    kept = {"": 0, "--resume": 2, "--afresh": 0}
    for option, count in kept.items():
        assert cli.main(f"fetch {BERLIN.code} -d 2017-01-24 -d 2017-01-31 --json {option}".split()) == 0
        out, err = capsys.readouterr()
        assert all(len(one["rows"]) == 2 and len(one["kept"]) == count for one in json.loads(out))
        assert (f"Kept {count * len(NAMES)} of 8 tables" in err) == bool(count)
    assert len(admitted) == 2 * len(FAMILIES_READ)
