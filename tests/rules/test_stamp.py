"""A stamp answers one question, part by part, in words; and a setting that nobody placed enters everything."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

import msgspec
import pytest

from scv import stamp
from scv.events import country as countries
from scv.events.country import Country
from scv.stamp import Stamp

US = countries.load("US")
APRIL, MAY = (datetime(2017, month, 2, 4, tzinfo=UTC) for month in (4, 5))
PARTS: dict[str, tuple[Any, Any, str]] = {
    "definitions": ({"orders": "aa", "mail": "bb"}, {"orders": "cc"}, "it has another definition of orders"),
    "settings": ({"silence_days": 56}, {"silence_days": 14}, "silence_days was 56 and is 14"),
    "log": ({"generation": "2"}, {"generation": "3"}, "it is of another log (generation was 2 and is 3)"),
    "lake": ({"orders": 4}, {"orders": 7}, "it is of version 4 of the lake's orders, not 7"),
    "complete_to": (
        {"orders": APRIL, "mail": MAY},
        {"orders": MAY, "mail": MAY},
        "it was taken when the log of orders was complete only to 2017-04-02 04:00 UTC",
    ),
    "tz": ("2024a/11111111", "2025b/22222222", "the time zone's rules changed (tzdata 2024a, now 2025b)"),
    "files": ({"model.txt": "aa"}, {"model.txt": "bb"}, "model.txt is not what was written"),
}
"""By part: as it was made, another that is wanted, and what is said of it."""

each_part = pytest.mark.parametrize("part", Stamp.__struct_fields__)


@each_part
def test_each_part_is_asked_and_answered_in_words(part: str) -> None:
    made, wanted, words = PARTS[part]
    assert Stamp(**{part: made}).why_not(Stamp(**{part: wanted})) == words
    assert Stamp(**{part: made}).why_not(Stamp(**{part: made})) == ""


@each_part
def test_what_is_not_said_is_not_the_same(part: str) -> None:
    """An artefact without a part is refused to whoever asks for it, and who asks for nothing refuses nothing."""
    made, _, _ = PARTS[part]
    assert Stamp().why_not(Stamp(**{part: made})) != ""
    assert Stamp(**{part: made}).why_not(Stamp()) == ""


def test_all_parts_are_said_and_the_sentence_stays_short() -> None:
    made, wanted = (Stamp(**{name: values[i] for name, values in PARTS.items()}) for i in (0, 1))
    assert made.why_not(wanted).endswith("; and 4 more")
    none = Stamp(definitions={}).why_not(Stamp(definitions={f"f{i:02}": "aa" for i in range(30)}))
    assert none.endswith("f11 and 18 more")


def test_a_log_that_is_complete_further_is_good_as_well() -> None:
    made = Stamp(complete_to={"orders": MAY, "mail": APRIL})
    assert made.why_not(Stamp(complete_to={"orders": APRIL, "mail": APRIL})) == ""
    words = Stamp(complete_to={"orders": MAY}).why_not(Stamp(complete_to={"orders": MAY, "app": APRIL}))
    assert words == "it was taken when the log of app was complete to nobody knew where"


def test_a_release_that_leaves_the_zone_alone_changes_nothing() -> None:
    assert Stamp(tz="2024a/11111111").why_not(Stamp(tz="2025b/11111111")) == ""


def test_it_survives_json() -> None:
    made = Stamp(**{name: values[0] for name, values in PARTS.items()})
    assert msgspec.json.decode(msgspec.json.encode(made), type=Stamp) == made
    for country in countries.known().values():
        one = stamp.of(country, stamp.WEEK)
        assert msgspec.json.decode(msgspec.json.encode(one), type=Stamp).why_not(one) == ""


# -- settings of a country ---------------------------------------------------------------------------------------


class Larger(Country, frozen=True, kw_only=True):
    """A country with a setting that no list of `scv.stamp` holds."""

    younger: int = 1


@pytest.mark.parametrize("enters", ["ROWS", "SNAPSHOT", "MODEL", "WEEK"])
def test_a_setting_that_nobody_placed_enters_everything(enters: str) -> None:
    larger = Larger(**msgspec.structs.asdict(US))
    made = stamp.of(larger, getattr(stamp, enters))
    words = made.why_not(stamp.of(msgspec.structs.replace(larger, younger=2), getattr(stamp, enters)))
    assert words == "younger was 1 and is 2"


@pytest.mark.parametrize("enters", ["ROWS", "SNAPSHOT", "MODEL"])
def test_what_is_of_another_memory_is_refused(enters: str) -> None:
    """Rows hold the days that the country remembered when they were folded; a bundle was fitted to their features."""
    longer = msgspec.structs.replace(US, memory_days=1460)
    made, wanted = (stamp.of(one, getattr(stamp, enters)) for one in (US, longer))
    assert made.why_not(wanted) == f"memory_days was {US.memory_days} and is 1460"


def test_every_setting_stands_in_the_lists_once_and_exists() -> None:
    placed = [*stamp.WEEK, *stamp.NOWHERE]
    assert sorted(placed) == sorted(Country.__struct_fields__)


def test_a_list_is_said_in_words() -> None:
    other = msgspec.structs.replace(US, targets=("lapse", "pause"))
    words = stamp.of(US, stamp.WEEK).why_not(stamp.of(other, stamp.WEEK))
    assert words == "targets was lapse, skip, return and is lapse, pause"


# -- time zones --------------------------------------------------------------------------------------------------


def test_zones_with_other_rules_have_other_prints() -> None:
    names = ("America/New_York", "Europe/Paris", "Europe/London", "Asia/Tokyo", "Asia/Kolkata", "America/Phoenix")
    prints = {name: stamp.tz(name).rpartition("/")[2] for name in names}
    assert len(set(prints.values())) == len(names)
    assert stamp.tz("Europe/Paris").rpartition("/")[0] != ""


@pytest.mark.parametrize("zone", sorted({one.time_zone for one in countries.known().values()}))
def test_the_print_is_of_the_rules_and_not_of_where_they_come_from(zone: str) -> None:
    """The tzdata package says of our zones what the system says, whatever release and form each has."""
    assert zone in available_timezones()
    script = f"import tzdata; from scv import stamp; print(stamp.tz({zone!r}), tzdata.IANA_VERSION)"
    environment = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    found, release = done.stdout.split()
    assert found == f"{release}/{stamp.tz(zone).rpartition('/')[2]}"
