"""Whatever carries a stamp is refused once anything that it is of has changed; what is new is under test by existing.

An artefact is a `Kind` here: rows, snapshots, bundles, weeks. A setting of a country, a part of a stamp, a module that
makes stamps: each is gone through.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from scorer.tuesday import manifest as manifests
from scorer.tuesday.export import export
from scorer.tuesday.week import Folder
from scv import stamp
from scv.errors import NoSnapshot
from scv.events.calendar import label
from scv.events.country import Country
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.model import bundle, week_file
from scv.offline import snapshot
from scv.offline.lake import Lake
from scv.offline.snapshot import Snapshots
from scv.online import marker
from scv.settings import Settings
from scv.stamp import Stamp
from scv.targets.target import TARGETS
from tests.logs import log
from tests.other_settings import otherwise
from tests.scorer.shop import AT, US, Shop
from trainer.weeks import Weeks

ROOT = Path(__file__).parents[2]
KEY = pa.timestamp("us", tz="UTC")
ORDERS = layout_of(collect()["orders"])
Change = Callable[[Stamp], Stamp]


@dataclasses.dataclass
class Kind:
    """One kind of artefact. `enters`: the settings that it is used under; `asked`: the parts of its stamp that are
    compared with today; `why_not` answers for a country's settings; `restamped` is it, made of something else.
    """

    module: str
    enters: set[str]
    asked: set[str]
    why_not: Callable[[Country], str]
    restamped: Callable[[Change], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def rewritten(path: Path, body: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(body)
    try:
        yield
    finally:
        path.write_bytes(before)


def rows() -> Kind:
    made = [marker.of_rows(US, ORDERS, log("orders"), 1)]

    @contextlib.contextmanager
    def restamped(change: Change) -> Iterator[None]:
        made.append(change(made[0]))
        yield
        made.pop()

    def why_not(country: Country) -> str:
        return marker.why_not(marker.encode(made[-1]), marker.of_rows(country, ORDERS, log("orders"), 1))

    return Kind("scv.online.marker", {*stamp.ROWS}, {"definitions", "settings", "log", "tz"}, why_not, restamped)


def snapshots(shop: Shop) -> Kind:
    path = snapshot.manifest_path(shop.settings.snapshots_path, US, AT)
    made = snapshot.manifest(shop.settings.snapshots_path, US, AT)
    assert made is not None

    def restamped(change: Change) -> contextlib.AbstractContextManager[None]:
        return rewritten(path, stamp.sealed(msgspec.structs.replace(made, stamp=change(made.stamp))))

    asked = {"definitions", "settings", "log", "complete_to", "tz", "files"}
    return Kind(
        "scv.offline.snapshot",
        {*stamp.SNAPSHOT},
        asked,
        lambda one: Snapshots(shop.settings, one).why_not(AT),
        restamped,
    )


def bundles(shop: Shop) -> Kind:
    model = shop.train("lapse", promoted=False)
    now = [model.info]

    @contextlib.contextmanager
    def restamped(change: Change) -> Iterator[None]:
        now.append(msgspec.structs.replace(model.info, stamp=change(model.info.stamp)))
        yield
        now.pop()

    enters = {*stamp.MODEL, *TARGETS["lapse"].settings}
    asked = {"definitions", "settings", "tz"}
    return Kind("scv.model.bundle", enters, asked, lambda one: bundle.why_not(now[-1], one), restamped)


def weeks(shop: Shop, url: Path) -> Kind:
    settings = msgspec.structs.replace(shop.settings, exports=str(url))
    made = export(settings, US, AT).week.manifest
    ids = Lake(settings.lake_path).version().ids
    path = url / "US" / made.date / "manifest.json"

    def restamped(change: Change) -> contextlib.AbstractContextManager[None]:
        return rewritten(path, manifests.encode(msgspec.structs.replace(made, stamp=change(made.stamp))))

    def why_not(country: Country) -> str:
        week = Folder(str(url), country).week(AT)
        return week.why_not(ids) if week else "there is none"

    questions = {name for target in US.targets for name in TARGETS[target].settings}
    return Kind(
        "scorer.tuesday.manifest",
        {*stamp.QUESTION, *questions},
        {"definitions", "settings", "log", "tz", "files"},
        why_not,
        restamped,
    )


def kept_weeks(shop: Shop, home: Path) -> Kind:
    """What a training keeps of a week; in a home of its own, for others look at what lies in the shop's."""
    shutil.copytree(shop.settings.home, home)
    settings, asked = Settings(home=str(home)), TARGETS["lapse"]

    def trained(country: Country) -> Weeks:
        return Weeks(settings, Snapshots(settings, country), [asked], keys, lambda rows: rows)

    def keys(at: datetime) -> pa.Table:
        return pa.table({"country": ["US"], "customer_id": ["1000"], "event_timestamp": pa.array([at], KEY)})

    ((at, _),) = trained(US).read([AT])
    path = week_file.folder(settings, "US") / week_file.ROWS / f"{label(at, US)}.json"
    made = stamp.opened(path.read_bytes(), week_file.KeptManifest)

    def restamped(change: Change) -> contextlib.AbstractContextManager[None]:
        return rewritten(path, stamp.sealed(msgspec.structs.replace(made, stamp=change(made.stamp))))

    def why_not(country: Country) -> str:
        try:
            wanted = trained(country).of(AT)
        except NoSnapshot as error:
            return str(error)
        why = stamp.opened(path.read_bytes(), week_file.KeptManifest).stamp.why_not(wanted)
        there = week_file.read(settings, country, week_file.ROWS, AT, wanted) is not None
        return why or ("" if there else "it is not what was written")

    enters = {*stamp.QUESTION, *stamp.SNAPSHOT, *asked.settings}
    return Kind("trainer.weeks", enters, {"definitions", "settings", "tz", "files"}, why_not, restamped)


NAMES = ("rows", "snapshots", "bundles", "weeks", "kept weeks")
each_kind = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def kinds(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    url = tmp_path_factory.mktemp("weeks")
    every = (rows(), snapshots(made), bundles(made), weeks(made, url), kept_weeks(made, url / "home"))
    return dict(zip(NAMES, every, strict=True))


def test_every_module_that_makes_stamps_is_a_kind_here(kinds: dict[str, Kind]) -> None:
    makers = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("scv", "store", "streams", "feature_repo", "trainer", "scorer")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\bstamp\.of\(", path.read_text(encoding="utf-8"))
    } - {"scv.stamp"}
    assert makers == {kind.module for kind in kinds.values()}
    for kind in kinds.values():
        assert hasattr(importlib.import_module(kind.module), "stamp")


@each_kind
def test_it_may_be_used_as_it_is(kinds: dict[str, Kind], name: str) -> None:
    assert kinds[name].why_not(US) == ""


@each_kind
@pytest.mark.parametrize("setting", [one for one in Country.__struct_fields__ if one != "code"])
def test_it_is_refused_under_another_setting_that_enters_it(kinds: dict[str, Kind], name: str, setting: str) -> None:
    """A new setting is one that enters, until scv.stamp says where it does not."""
    kind = kinds[name]
    why = kind.why_not(otherwise(US, setting))
    if setting in kind.enters:
        assert setting in why or (setting == "time_zone" and why)
    else:
        assert why == "" and setting in {*stamp.WEEK, *stamp.NOWHERE}, "say in scv.stamp which artefacts it enters"


def changed(part: str, value: Any) -> Any:
    """Another value of a part of a stamp, entry by entry."""
    if part == "complete_to":
        return dict.fromkeys(value, AT - timedelta(microseconds=1))
    if part == "tz":
        return "2020a/00000000"
    return dict.fromkeys(value, 10**6 if part == "lake" else "another")


@each_kind
@pytest.mark.parametrize("part", Stamp.__struct_fields__)
def test_it_is_refused_once_a_part_of_its_stamp_says_something_else(
    kinds: dict[str, Kind], name: str, part: str
) -> None:
    kind = kinds[name]
    with kind.restamped(lambda made: msgspec.structs.replace(made, **{part: changed(part, getattr(made, part))})):
        assert (kind.why_not(US) != "") == (part in kind.asked)


@each_kind
@pytest.mark.parametrize("part", ["definitions", "settings", "tz", "files"])
def test_it_is_refused_without_a_part_that_is_asked(kinds: dict[str, Kind], name: str, part: str) -> None:
    kind, blank = kinds[name], Stamp()
    if part in kind.asked:
        with kind.restamped(lambda made: msgspec.structs.replace(made, **{part: getattr(blank, part)})):
            assert kind.why_not(US) != ""
