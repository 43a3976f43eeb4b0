"""Every bit on disk counts: of each file of each kind of artefact, `cerebro verify` sees one that flipped."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import cli
from scorer.served import vector_file
from scorer.served.vector_file import ModelRecord, ServedRecord, VectorFile
from scorer.tuesday.export import export
from scv.events.event import FAMILIES
from scv.model import training_file, week_file
from scv.model.training_file import SetManifest
from scv.offline import lake_version, snapshot, sums
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from scv.stamp import Stamp
from tests.scorer.shop import AT, EARLIER, TRAINED, US, Shop

KINDS = ("lake", "snapshots", "bundles", "exports", "training")


@pytest.fixture(scope="module")
def home(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with something of everything, as its writers leave it; only copied."""
    path = tmp_path_factory.mktemp("verified") / "home"
    shutil.copytree(made.settings.home, path, ignore=shutil.ignore_patterns("exports", "vectors", "training"))
    for family in FAMILIES:
        folder = path / "lake" / family
        sums.add(folder, sums.unsummed(folder, DeltaTable(str(folder))))
    for at in (EARLIER, AT):
        export(Settings(home=str(path)), US, at)
    trained(Settings(home=str(path)))
    return path


def trained(settings: Settings) -> None:
    """What a training keeps: the weeks that it read, and the rows that it learned from."""
    for at in (TRAINED, EARLIER, AT):
        week_file.write(settings, US, week_file.ROWS, at, snapshot.join(Snapshots(settings, US).read(at)), Stamp())
    rows = pa.table({"customer_id": ["1000", "1001"], "y": [0, 1]})
    said = SetManifest(
        country="US", target="lapse", reference=AT, label_as_of=AT, rows=2, positives=1, share=1.0, columns=(),
        stamp=Stamp(),
    )  # fmt: skip
    training_file.write(settings, US, rows, said)


@pytest.fixture
def settings(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path / "home"))
    return Settings(home=str(tmp_path / "home"))


def flip(path: Path, chance: random.Random) -> None:
    body = bytearray(path.read_bytes())
    body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    path.write_bytes(body)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["verify", *words])
    out, err = capsys.readouterr()
    return code, out, err


def wrong(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Path → why, of each file that is not what was written."""
    code, out, _ = run(capsys, "US", "--json")
    found = {one["path"]: one["why"] for one in json.loads(out)["wrong"]}
    assert code == bool(found)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_any_file_is_seen(settings: Settings, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert wrong(capsys) == {}
    chance = random.Random(kind)
    files = [
        path
        for path in sorted((Path(settings.home) / kind).rglob("*"))
        if path.is_file() and path.parent.name != lake_version.FOLDER  # the pin of a reader, who may just have begun
    ]
    assert len(files) >= 6
    for path in files:
        whole = path.read_bytes()
        flip(path, chance)
        assert wrong(capsys), path
        path.write_bytes(whole)
    assert wrong(capsys) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_gone_is_missed(settings: Settings, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """But for manifests: what lies there without one was never finished, or is swept."""
    for path in sorted((Path(settings.home) / kind).rglob("*.*")):
        if path.suffix in (".parquet", ".txt", ".csv", ".xlsx"):
            path.unlink()
            assert wrong(capsys)[str(path)] == "it is gone", path


def test_the_command_says_what_was_read_and_what_mends(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "US", "--json")
    checked = {(one["what"], one["country"]): one for one in json.loads(out)["checked"]}
    assert code == 0 and err == "" and json.loads(out)["wrong"] == []
    assert set(checked) == {("lake", "-"), *((kind, "US") for kind in KINDS)}
    for kind in KINDS:
        one, files = checked[kind, "US"], [path for path in (Path(settings.home) / kind).rglob("*") if path.is_file()]
        assert 0 < one["files"] <= len(files) + 1 and one["wrong"] == one["without a hash"] == 0 and one["ms"] > 0
        assert 0 < one["bytes"] <= sum(path.stat().st_size for path in files)
    chance = random.Random(1)
    parquet = {kind: sorted((Path(settings.home) / kind).rglob("*.parquet"))[0] for kind in KINDS if kind != "bundles"}
    damaged = {**parquet, "bundles": sorted((Path(settings.home) / "bundles").rglob("model.txt"))[0]}
    for path in damaged.values():
        flip(path, chance)
    code, out, err = run(capsys, "US")
    assert code == 1 and out.startswith("what\tcountry\tfiles\tbytes\tms\twrong")
    said = {line.partition(": ")[0]: line for line in err.splitlines()}
    assert set(said) == {str(path) for path in damaged.values()}
    mends = {"lake": "cerebro rebuild US", "snapshots": "cerebro fetch US -d ", "bundles": "cerebro train US --target ",
             "exports": "cerebro export withdraw US ", "training": "cerebro train US "}  # fmt: skip
    for kind, path in damaged.items():
        assert "it is not what was written" in said[str(path)] and f"`{mends[kind]}" in said[str(path)]


def test_other_countries_are_not_asked(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (Path(settings.home) / "snapshots").rglob("*.parquet"):
        flip(path, random.Random(2))
    code, out, _ = run(capsys, "ZZ", "--json")
    assert code == 0 and {one["country"] for one in json.loads(out)["checked"]} == {"-"}
    assert run(capsys, "US")[0] == run(capsys)[0] == 1


def test_nothing_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    assert run(capsys, "--json")[:2] == (0, '{"checked": [], "wrong": []}\n')


def test_a_line_of_served_vectors_that_changed_is_seen(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """But for half a line at the end, which a scorer that was killed leaves."""
    file = VectorFile(settings.vectors_path, 2**20)
    for customer in ("1000", "1001"):
        served = ServedRecord(country="US", customer_id=customer, at=AT, places={}, upto={}, scores=[])
        file.write(served, [ModelRecord(id="m", country="US", target="lapse", columns=())])
    file.close()
    (path,) = vector_file.files(settings.vectors_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert wrong(capsys) == {}
    for at, number in ((20, 1), (whole.index(b"1001"), 3), (len(whole) - 2, 3)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert wrong(capsys) == {str(path): f"line {number} is not what was written"}


def test_a_lake_of_an_earlier_release_is_said_to_have_no_hashes(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in settings.lake_path.rglob(sums.NAME):
        path.unlink()
    code, out, err = run(capsys, "US", "--json")
    assert code == 0 and "gets one when `cerebro consume lake` starts" in err
    (data,) = (one for one in json.loads(out)["checked"] if (one["what"], one["country"]) == ("lake", "US"))
    assert data["without a hash"] == data["files"] > 0


def test_what_an_earlier_release_did_not_seal_is_read(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (settings.snapshots_path / "manifests").rglob("*.json"):
        told = msgspec.json.decode(path.read_bytes())
        path.write_bytes(msgspec.json.encode({name: one for name, one in told.items() if name != "seal"}))
    assert wrong(capsys) == {}
