"""Country files are read again while consumers run: a new country counts in both alike, a bad edit in none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scv.errors import BadSetting
from scv.events import country as countries
from scv.events import event
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from streams.country_files import EVERY_S, CountryFiles
from streams.kafka import topics
from streams.kafka.log import parts
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.epoch import open_epoch
from streams.positions.since import Since
from tests.streams import shop
from tests.streams.test_bad_input import told

QQ = """
code = "QQ"
name = "A new one"
time_zone = "Europe/Berlin"
starts_on = 2017-01-01
ends_on = 2019-01-01
"""


class Folder:
    """A folder of country files that a consumer looks at, with a clock that is set by hand."""

    def __init__(self, path: Path, lag_s: float = 0.0) -> None:
        self.path, self.now, self.said, self.edits = path / "QQ.toml", 0.0, list[str](), 0
        self.write(QQ)
        self.files = CountryFiles(path, self.said.append, lag_s, lambda: self.now)

    def write(self, text: str) -> None:
        self.edits += 1
        self.path.write_text(text + "\n" * self.edits, encoding="utf-8")  # never as long as before

    def after(self, seconds: float = EVERY_S) -> list[str]:
        """What is said by then."""
        self.now += seconds
        self.files.look()
        said, self.said[:] = list(self.said), []
        return said


def test_a_bad_edit_is_told_once_and_changes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    before = folder.files.known["QQ"]
    folder.write(QQ.replace("Europe/Berlin", "Europe/Berlim"))
    assert folder.after(EVERY_S / 2) == [], "at most once a second"
    (said,) = folder.after(EVERY_S / 2)
    assert (
        str(folder.path) in said and "Did you mean 'Europe/Berlin'?" in said and "goes by what it said before" in said
    )
    assert folder.after() == [] and folder.files.known["QQ"] == before
    folder.write(QQ)
    assert folder.after() == [] and folder.files.known["QQ"] == before
    folder.write(QQ + "capacity = 7")
    assert folder.after() == [] and folder.files.known["QQ"].capacity == 7, "it is nothing to a consumer"
    folder.path.unlink()
    (said,) = folder.after()
    assert "is gone" in said and folder.files.known["QQ"].capacity == 7


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Europe/Berlin", "Europe/Lisbon", "time_zone was Europe/Berlin and is Europe/Lisbon"),
        ("Europe/Berlin\"", "Europe/Berlin\"\nlateness_days = 3", "lateness_days was 35 and is 3"),
        ("2019-01-01", "2018-01-01", "its span is narrower"),
        ("2017-01-01", "2017-02-01", "its span is narrower"),
    ],
)  # fmt: skip
def test_an_edit_that_would_mix_rows_waits_for_a_start(tmp_path: Path, old: str, new: str, why: str) -> None:
    folder = Folder(tmp_path)
    before = folder.files.known["QQ"]
    folder.write(QQ.replace(old, new))
    (said,) = folder.after()
    assert "is not followed" in said and why in said and "cerebro up" in said
    assert folder.files.known["QQ"] == before


def test_a_wider_span_is_followed_by_rows_before_the_lake(tmp_path: Path) -> None:
    """What the lake alone refuses is sent again; what rows alone refused would be missing there for good."""
    (tmp_path / "rows").mkdir()
    (tmp_path / "lake").mkdir()
    rows, lake = Folder(tmp_path / "rows", OnlineConsumer.lag_s), Folder(tmp_path / "lake", LakeConsumer.lag_s)
    for one in (rows, lake):
        one.write(QQ.replace("2019-01-01", "2020-01-01"))
        assert "ends_on was 2019-01-01 and is 2020-01-01" in one.after()[0]
    ends = [one.files.known["QQ"].ends_on.year for one in (rows, lake)]
    assert ends == [2020, 2019]
    lake.after(LakeConsumer.lag_s)
    assert lake.files.known["QQ"].ends_on.year == 2020 and LakeConsumer.lag_s > OnlineConsumer.lag_s + EVERY_S


def test_a_new_country_is_found_and_a_bad_one_waits(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "QX.toml").write_text("code = 5", encoding="utf-8")
    (said,) = folder.after()
    assert "QX.toml" in said and "knows no such country" in said and not folder.files.fresh
    (tmp_path / "QX.toml").write_text(QQ.replace('"QQ"', '"QX"'), encoding="utf-8")
    assert folder.after() == [] and set(folder.files.fresh) == {"QX"} and "QX" not in folder.files.known
    folder.files.adopt(["QX"])
    assert "QX" in folder.files.known and not folder.files.fresh
    with pytest.raises(BadSetting, match="QZ"):  # at a start it is no edit
        (tmp_path / "QZ.toml").write_text("", encoding="utf-8")
        CountryFiles(tmp_path, print)


def orders(word: str, count: int, at: datetime = shop.FIRST) -> list[event.Event]:
    """Orders of QQ, each of another customer."""
    made = event.Placed(id="", country="QQ", customer_id="", occurred_at=at, seen_at=at, amount_cents=100)
    return [msgspec.structs.replace(made, id=f"{word}{n}", customer_id=f"c{n}") for n in range(count)]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("wall", [False, True], ids=["a past", "wall time"])
def test_a_country_whose_file_comes_later_counts_in_rows_and_lake_alike(
    live: Settings, client: Any, capsys: pytest.CaptureFixture[str], wall: bool
) -> None:
    at = datetime.now(UTC) - timedelta(hours=1) if wall else shop.FIRST
    text = QQ.replace("2019", f"{at.year + 1}") if wall else QQ

    def waiting() -> int:
        return sum(one["waiting"] for one in json.loads(told(capsys, "list", "--json")))

    folder = live.countries_path
    folder.mkdir(parents=True)
    topics.ensure(live)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.send(live, orders("before", 40, at), until=None)
        shop.wait(lambda: all(one.counters.dead["unknown country"] == 40 for one in running.consumers))
        (folder / "QQ.toml").write_text(text, encoding="utf-8")
        open_epoch(live, RowStore(client), Lake(live.lake_path))  # what every process does that starts now
        rounds = 0
        while not any("QQ counts from now on in rows" in line for line in running.said):
            shop.send(live, orders(f"{rounds}-", 20, at), until=None)
            rounds += 1
        shop.send(live, orders("after", 40, at), until=None)
        shop.settle(live, client)
        qq = countries.load("QQ", folder)
        assert RowStore(client).has_clock("QQ")
        assert shop.compare(live, client, at + timedelta(days=1), qq)["orders"] > 0
        left = waiting()
        assert left >= 40
        told(capsys, "send", "--reason", "unknown country")
        shop.settle(live, client)
        assert waiting() == 0
        assert shop.compare(live, client, at + timedelta(days=1), qq)["orders"] > 0
    with shop.DATABASE.cursor() as connection:
        query = Lake(live.lake_path).query("orders", qq, Lake(live.lake_path).version())
        ((ids,),) = connection.execute(f"SELECT count(DISTINCT id) FROM ({query})").fetchall()
    assert ids == 80 + 20 * rounds


@pytest.mark.usefixtures("client")
def test_rows_that_come_later_leave_out_what_the_lake_had_refused(live: Settings, client: Any) -> None:
    topics.ensure(live)
    live.countries_path.mkdir(parents=True)
    with shop.Running(live, LakeConsumer) as running:
        shop.send(live, orders("before", 40), until=None)
        shop.wait(lambda: running.consumers[0].counters.dead["unknown country"] == 40)
        (live.countries_path / "QQ.toml").write_text(QQ, encoding="utf-8")
        shop.wait(lambda: any("Country QQ counts from now on" in line for line in running.said))
        shop.send(live, orders("after", 40), until=None)
        shop.wait(lambda: running.consumers[0].counters.delivered == 40)
    (online,) = shop.consume(live, OnlineConsumer)
    assert online["dead"] == {"unknown country": 40} and online["admitted"] + online["re_read"] == 40
    assert shop.compare(live, client, country=countries.load("QQ", live.countries_path))["orders"] > 0


@pytest.mark.usefixtures("client")
def test_a_country_that_the_lake_holds_counts_from_the_beginning(live: Settings, client: Any) -> None:
    """Also where a store that was emptied no longer says so, and rows are behind the lake."""
    shop.send(live, shop.log(3, 60))
    shop.consume(live, LakeConsumer)
    client.flushdb()
    shop.consume(live, LakeConsumer)
    counts, places = Since(client, RowStore(client).logs()), parts(RowStore(client).logs())
    assert counts.of("US") == dict.fromkeys(places, 0) and counts.ahead(["US"], dict.fromkeys(places, 0)) == {}
    never = counts.of("ZZ")
    assert never is not None and max(never.values()) > 0, "of this one nothing was taken before"
