"""`cerebro parity` as it is typed: exit codes, the sample, and that table, JSON and page tell the same."""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import cli
from pages.page import page
from proof.parity import cause, live, report, standing
from proof.parity.cause import Explanation
from proof.parity.tally import Compared as Of
from proof.parity.tally import Comparison
from scv.events.calendar import to_us
from scv.settings import PREFIX
from tests.flow import parity_place
from tests.flow.parity_place import AT, Place, known, order

DAY = "2017-05-02"
RECENT = AT - timedelta(days=3), AT - timedelta(hours=1)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from parity_place.opened(tmp_path_factory.mktemp("made"))


@pytest.fixture
def joined(made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(standing, "PATIENCE_S", 0.0)
    monkeypatch.chdir(tmp_path)
    with parity_place.served(made, tmp_path / "home") as found:
        for name in ("home", "store", "scorer", "wait_s"):
            monkeypatch.setenv(PREFIX + name.upper(), str(getattr(found.settings, name)))
        yield found


@pytest.fixture
def place(joined: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same without Feast's point-in-time joins."""
    parity_place.files_only(monkeypatch)
    return joined


@pytest.fixture
def run(joined: Place, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command line → exit code, stdout, stderr."""

    def say(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["parity", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return say


def test_where_nothing_differs_it_says_how_much_was_compared(run: Run, tmp_path: Path) -> None:
    code, table, said = run()  # of all countries only this one's clock has begun
    (compared,) = re.findall(r"^0 mismatches of ([\d,]+) compared values\.$", said, re.M)
    assert code == 0 and int(compared.replace(",", "")) > 5_000
    ways = set(re.findall(r"^ZZ ([^:]+): .*\tok$", table, re.M))
    assert ways == {"rows", "Feast online", "Feast historical", "scorer vector", "scorer probability"}
    assert not (tmp_path / "build").exists()  # it leaves nothing where it was called


def test_table_json_and_page_tell_the_same(place: Place, run: Run, tmp_path: Path) -> None:
    first, second = known(place, 0)[:2]
    place.send(order(first, *RECENT), order(second, *RECENT))
    place.send(order(known(place, 1)[0], *RECENT), to_rows=False)
    place.fetch(AT)
    place.send(order(first, *RECENT, cents=1), order("newcomer", *RECENT, cents=2))
    code, table, said = run("--country", "ZZ", "-d", DAY, "--html", "parity.html")
    again, text, _ = run("ZZ", "--json", "-d", DAY)
    found = json.loads(text)
    assert (code, again) == (1, 1)
    totals = [sum(row[kind] for row in found["features"]) for kind in ("compared", "mismatch", "missing", "extra")]
    assert totals == [found[kind] for kind in ("compared", "mismatch", "missing", "extra")]
    assert sum(row["count"] for row in found["causes"]) == sum(totals[1:]) > 0
    assert {row["cause"] for row in found["causes"]} == {cause.LATE, cause.BEHIND} and found["unexplained"] == 0
    lines = [line.split("\t") for line in table.partition("\n\n")[2].splitlines()[1:]]
    assert lines == [[str(cell) for cell in row.values()] for row in found["causes"]]
    assert f"{sum(totals[1:]):,} mismatches of {totals[0]:,} compared values" in said
    assert cause.ADVICE[cause.BEHIND] in said
    html = ET.fromstring((tmp_path / "parity.html").read_text(encoding="utf-8").removeprefix("<!doctype html>"))
    cells = [["".join(cell.itertext()) for cell in row] for row in html.iter("tr")]
    assert [row for row in cells if row[:1] == ["ZZ"]] == lines
    assert "".join(html.find("body/p[@class='loud']").itertext()) in said  # type: ignore[union-attr]


def test_the_page_is_whole_escaped_and_loads_nothing() -> None:
    tally = Comparison("ZZ", AT, 1, ["<u>note</u>"])
    tally.compare(Of("rows", "orders", "orders__box"), ['<script>alert("x")</script>'], (["<i>"], [None]))
    tally.explain({}, [Explanation(cause.LATE, "it's & that"), Explanation(cause.BEHIND, "so")])
    text = page(report.TITLE, report.blocks([tally]))
    tree = ET.fromstring(text.removeprefix("<!doctype html>"))  # every tag is closed
    names = [element.tag.rpartition("}")[2] for element in tree.iter()]
    assert not {"script", "link", "img", "iframe", "object", "i", "u"} & set(names)
    assert {"svg", "rect"} <= set(names)
    assert not re.search(r"(src|href)\s*=|url\(|@import", text)
    assert "default-src 'none'" in text
    assert '<script>alert("x")</script>' in "".join(tree.itertext())
    bars = [element for element in tree.iter() if element.tag.endswith("rect")]
    assert len(bars) == 2 and f"{cause.LATE} + {cause.BEHIND}" in "".join(tree.itertext())
    assert len(text.encode()) < 20_000


def test_a_sample_is_the_same_every_time(place: Place, run: Run) -> None:
    everyone = parity_place.everybody(place)
    few, more = live.sampled(place.country, everyone, 5), live.sampled(place.country, reversed(everyone), 12)
    assert len(few) == 5 and set(few) < set(more) < set(everyone) and few == sorted(few)
    assert live.sampled(place.country, everyone, 10**6) == everyone == live.sampled(place.country, everyone, None)
    assert few != everyone[:5]
    texts = [run("ZZ", "-d", DAY, "--sample", "5", "--json")[1] for _ in range(2)]
    assert texts[0] == texts[1] and json.loads(texts[0])["countries"][0]["customers"] == 5
    place.send(order(few[0], *RECENT), *(order(one, *RECENT) for one in everyone if one not in more))
    found = json.loads(run("ZZ", "-d", DAY, "--sample", "5", "--json")[1])
    assert {row["customer"] for row in found["causes"]} == {few[0]}


MISTAKES = {
    ("ZZ", "XX", "-d", DAY): "Unknown country 'XX'",
    ("--country", "ZT", "-d", DAY): "Unknown country 'ZT'",
    ("ZZ", "-d", "2017-04-25"): "stands at 2017-05-01 22:00:00+00:00, not at 2017-04-24 22:00:00+00:00",
    ("ZZ", "-d", "2017-05-09"): "2017-05-09T00:00:00+02:00 lies after the clock of ZZ",
    ("ZZ", "-d", "05/02/2017"): "is no date",
    ("ZZ", "--sample", "0"): "--sample",
    ("ZZ", "--since", DAY): "--since belongs to --served",
    ("ZZ", "--served", "-d", DAY): "leave out -d",
}


def test_your_mistakes_are_told(run: Run) -> None:
    for words, said in MISTAKES.items():
        code, out, err = run(*words)
        assert code == 2 and said in err and out == "", words


def test_no_snapshot_is_taken_of_an_instant_that_cannot_be_compared(place: Place, run: Run) -> None:
    before = sorted(place.settings.snapshots_path.rglob("*.json"))
    assert run("ZZ", "-d", "2017-04-25")[0] == 2
    assert sorted(place.settings.snapshots_path.rglob("*.json")) == before


def test_on_wall_time_it_compares_now_and_leaves_no_snapshot(place: Place, run: Run) -> None:
    place.store.set_mode("ZZ", "wall")
    for name in ("orders", "app"):
        for partition in range(2):
            place.client.hset(place.store.keys.position(f"cerebro.{name}", partition), "wm:ZZ", to_us(AT))
    before = sorted(place.settings.snapshots_path.glob("*/ZZ/*"))
    code, text, said = run("ZZ", "--json")
    found = json.loads(text)
    assert {row["cause"] for row in found["causes"]} == {cause.TOO_OLD} and code == 1, said  # nobody consumes
    assert {row["way"] for row in found["causes"]} == {"Feast online", "scorer probability"}
    assert sorted(place.settings.snapshots_path.glob("*/ZZ/*")) == before
    assert run("ZZ", "-d", DAY)[0] == 2


def test_it_waits_until_rows_and_lake_stand_together(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    late, notes = order(known(place, 0)[0], *RECENT), list[str]()
    place.send(late, to_lake=False)
    moves = [lambda: None, lambda: place.send(late, to_rows=False)]
    hooked = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: moves.pop(0)())
    monkeypatch.setattr(standing, "PATIENCE_S", 60.0)
    monkeypatch.setattr(standing, "time", hooked)
    standing.wait(place.settings, place.client, notes.append)
    assert moves == [] and notes == []
    place.send(order(late.customer_id, *RECENT, cents=1), to_rows=False)
    monkeypatch.setattr(standing, "LONGEST_S", 0.0)
    standing.wait(place.settings, place.client, notes.append)
    assert notes == ["No barrier: rows are 1 records behind the lake and 0 ahead of it."]


def test_served_vectors_by_command(place: Place, run: Run) -> None:
    code, _, said = run("ZZ", "--served")
    assert code == 1 and "No served vector is logged" in said
    assert run("ZZ", "-d", DAY)[0] == 0  # whose questions to the scorer are sampled like any other
    assert place.scorer is not None
    place.scorer.answers.vectors.close()
    code, table, said = run("ZZ", "--served", "--since", DAY)
    assert code == 0 and re.search(r"^ZZ served vector: cancellation\t[\d,]{5,}\t0\t0\t0\tok$", table, re.M)
    assert "0 mismatches of" in said
    assert run("ZZ", "--served", "--since", "2017-05-03")[0] == 1
