"""A thousand ways to damage a champion's files: none brings the scorer down, and none makes another model answer."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from scorer import canary, champions
from scorer.champions import Champions
from scv.errors import CorruptBundle
from scv.model import bundle, champion
from scv.model.bundle import MANIFEST, MODEL
from scv.model.canary import rows
from tests.scorer.shop import US, Shop

DAMAGES = 1_200


@pytest.fixture
def own(made: Shop, tmp_path: Path) -> Iterator[Shop]:
    """The shop with bundles of its own: a champion, another bundle beside it."""
    shutil.copytree(made.settings.bundles_path, tmp_path / "bundles")
    settings = msgspec.structs.replace(made.settings, home=str(tmp_path))
    yield Shop(settings, made.client, made.events)


def damages(files: list[Path], dice: random.Random) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is done to which file, endlessly."""

    def flip(path: Path) -> None:
        body = bytearray(path.read_bytes())
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        path.write_bytes(body)

    def cut(path: Path) -> None:
        body = path.read_bytes()
        path.write_bytes(body[: dice.randrange(len(body))])

    def longer(path: Path) -> None:
        path.write_bytes(path.read_bytes() + dice.randbytes(dice.randint(1, 50)))

    def zeros(path: Path) -> None:
        body = bytearray(path.read_bytes())
        at = dice.randrange(len(body))
        body[at : at + 512] = bytes(len(body[at : at + 512]))
        path.write_bytes(body)

    def swapped(path: Path) -> None:
        path.write_bytes(dice.choice([one for one in files if one.name != path.name]).read_bytes())

    def digits(path: Path) -> None:
        body = path.read_bytes()
        path.write_bytes(body.replace(b"0.", b"1.", 1) if b"0." in body else body[::-1])

    ways = (flip, cut, longer, zeros, swapped, digits, Path.unlink)
    while True:
        way, path = dice.choice(ways), dice.choice(files)
        yield f"{way.__name__} {path.name}", lambda way=way, path=path: way(path)  # type: ignore[misc]


def test_no_damage_is_served_and_none_kills(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = champion.folder(own.settings, "US", "lapse")
    good = champions.load(own.settings, US, "lapse")
    assert good is not None
    files = [good.path / name for name in (MODEL, bundle.INFO, MANIFEST)] + [folder / champion.POINTER]
    whole = {path: path.read_bytes() for path in files}
    tried, canaries = list[str](), rows(good.info.usual)
    monkeypatch.setattr(canary, "survive", lambda path, *_: tried.append(path.name))
    came, refused = Counter[str](), 0
    for (name, damage), _ in zip(damages(files, random.Random(7)), range(DAMAGES), strict=False):
        damage()
        changed = any(not path.exists() or path.read_bytes() != body for path, body in whole.items())
        try:
            found = champions.load(own.settings, US, "lapse", fearful=True)
        except CorruptBundle:
            found, refused = good, refused + 1
        pointed = (folder / champion.POINTER).exists()
        assert (found is not None) is pointed, name
        assert found is None or tuple(found.computed(canaries).tolist()) == good.info.canary, name
        assert not changed or not tried or name.endswith(champion.POINTER), name
        came[name] += 1
        tried.clear()
        for path, body in whole.items():
            path.write_bytes(body)
    assert len(came) >= 25 and refused > DAMAGES / 2


def champions_see_it(pointer: Path) -> None:
    """A moved pointer is always a new file."""
    beside = pointer.with_name("beside")
    beside.write_bytes(pointer.read_bytes())
    beside.replace(pointer)


def test_a_bundle_that_kills_its_process_kills_no_scorer(own: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Promoted as it should be, hashes and all, and still nothing that LightGBM bears."""
    asked = Champions(own.settings)
    good = asked.of(US, "lapse")
    assert good is not None
    path = good.path.with_name("2017-09-05-deadbeef")
    shutil.copytree(good.path, path)
    text = (path / MODEL).read_text()
    (path / MODEL).write_text(text.replace("num_leaves=", "num_leaves=9999999"))
    forged(path)
    champion.point(path, bundle.hash_of(path), "")
    end = time.monotonic() + 60
    while "not taken" not in caplog.text:
        assert asked.of(US, "lapse") is good and time.monotonic() < end
        time.sleep(0.05)
    assert "process of its own" in caplog.text and asked.of(US, "lapse") is good
    with pytest.raises(CorruptBundle):
        canary.survive(path, US, own.settings)


def test_a_good_one_survives_and_answers(own: Shop) -> None:
    asked = Champions(own.settings)
    good = asked.of(US, "lapse")
    assert good is not None
    champions_see_it(champion.folder(own.settings, "US", "lapse") / champion.POINTER)
    end = time.monotonic() + 60
    while (again := asked.of(US, "lapse")) is good:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert again is not None and again.info == good.info


def test_another_machine_that_computes_otherwise_is_told(own: Shop) -> None:
    """The bytes are whole, and the answer is not the one that was written down."""
    good = champions.load(own.settings, US, "lapse")
    assert good is not None
    info = good.path / bundle.INFO
    said = json.loads(info.read_bytes())
    said["canary"] = [one + 1e-6 for one in said["canary"]]
    info.write_text(json.dumps(said))
    forged(good.path)
    with pytest.raises(CorruptBundle, match="what it said when it was written"):
        bundle.load(good.path, US)


def forged(path: Path) -> None:
    """A manifest of what the files are now."""
    names = json.loads((path / MANIFEST).read_bytes())
    now = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in names}
    (path / MANIFEST).write_text(json.dumps(now))
