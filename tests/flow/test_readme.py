"""README's section about a user's own shop, followed to the end as it stands: CDNOW's customers as orders.csv.

In a folder of its own, whose `.venv` is a link: every path in the section is relative to where the user stands.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from tests.flow.pages import blocks, text
from tests.flow.session import Session, clean_environment, linux, listens, ports
from tests.streams import cdnow

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(420)]
PAGE, SECTION = "README.md", "Your own shop, from a table of orders"
DAY = "1998-03-31"
LINE_S = 300


@dataclass
class Walk:
    """Where it was walked, what each line said, and what `cerebro up` left."""

    folder: Path
    done: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def of(self, command: str) -> subprocess.CompletedProcess[str]:
        (found,) = (done for line, done in self.done.items() if line.startswith(f".venv/bin/cerebro {command}"))
        return found


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Everything that the section says, in its order."""
    walked = Walk(tmp_path_factory.mktemp("shop"))
    prepare(walked)
    script = blocks(PAGE, "bash", SECTION)[-1]
    first, *lines = script.text.splitlines()
    assert first.endswith("&") and lines[-1].endswith("cerebro down")
    command = ["bash", "-c", f"{first}\nwait $!"]
    with Session(command, walked.folder, clean_environment(), walked.folder / "up.out") as up:
        up.wait(lambda: "are up" in up.said)
        walked.ports = ports((walked.folder / "var" / "services.env").read_text(encoding="utf-8"))
        for line in lines:
            say(walked, line)
        assert up.process.wait(30) == 0, up.said
        walked.left = up.relatives()
        yield walked


def prepare(walked: Walk) -> None:
    """What the user has, the country file and the map, then the import."""
    (walked.folder / ".venv").symlink_to(sys.prefix)
    cdnow.lines().to_csv(walked.folder / "orders.csv", index=False)
    tomls = blocks(PAGE, "toml", SECTION)
    targets = re.findall(r"Write `([^`]+\.toml)`", text(PAGE)) + re.findall(r"A map, `([^`]+\.toml)`", text(PAGE))
    for target, toml in zip(targets, tomls, strict=True):
        (walked.folder / target).parent.mkdir(parents=True, exist_ok=True)
        (walked.folder / target).write_text(toml.text, encoding="utf-8")
    (command, _) = blocks(PAGE, "bash", SECTION)
    say(walked, command.text.strip())


def say(walked: Walk, line: str) -> None:
    begun = time.monotonic()
    walked.done[line] = subprocess.run(
        ["bash", "-c", line], cwd=walked.folder, env=clean_environment(), capture_output=True, text=True,
        timeout=LINE_S, check=False,
    )  # fmt: skip
    walked.seconds[line] = time.monotonic() - begun


def test_every_line_works(walk: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(f"{seconds:6.1f} s  {line}" for line, seconds in walk.seconds.items()))
    assert {line: done.stderr for line, done in walk.done.items() if done.returncode} == {}


def test_the_replay_waits_until_both_consumers_have_it(walk: Walk) -> None:
    assert re.search(r"^Both consumers stand there \([\d.]+ s\)\.$", walk.of("replay").stderr, re.M)


def test_no_line_shows_a_traceback(walk: Walk) -> None:
    said = "".join(done.stderr for done in walk.done.values())
    assert "Traceback" not in said and "This is a bug" not in said


def test_the_import_sums_lines_and_tells_returns_apart(walk: Walk) -> None:
    orders, lines = cdnow.table(), cdnow.lines()
    events = pq.read_table(walk.folder / "shop.parquet").to_pandas().groupby("kind")
    placed, returned = events.get_group("placed"), events.get_group("returned")
    assert len(placed) == len(orders) and placed.amount_cents.sum() == (orders.amount * 100).round().sum()
    assert len(returned) == (lines.quantity < 0).sum() and set(returned.order_id) <= set(placed.id)
    said = walk.of("import").stderr
    assert "date: day first" in said and "date: days; what happens on one happens at noon" in said
    gave = f"{len(lines):,} rows gave {len(placed) + len(returned):,} events"
    assert f"{gave}, all of which a replay into an empty log counts." in said


def test_the_table_holds_everybody(walk: Walk) -> None:
    orders = cdnow.table()
    expected = orders[orders.date < DAY].customer.nunique()
    lines = (walk.folder / "scv.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) - 1 == expected > 2000


def test_there_is_a_champion_for_every_target(walk: Walk) -> None:
    toml = blocks(PAGE, "toml", SECTION)[0]
    (targets,) = re.findall(r"^targets = (.+)$", toml.text, re.M)
    for target in msgspec.json.decode(targets):
        folder = walk.folder / "var" / "bundles" / "GB" / target
        champion = (folder / "champion.json").read_text(encoding="utf-8")
        (bundle,) = (one for one in folder.iterdir() if one.is_dir() and one.name in champion)
        assert bundle.name.startswith(DAY)
        assert {"bundle.json", "model.txt", "manifest.json", "report.html"} <= {one.name for one in bundle.iterdir()}


def test_the_customer_of_the_readme_has_a_live_score(walk: Walk) -> None:
    said = walk.of("score GB").stdout
    found = re.search(r"^  lapse \(derived\): ([\d.]+) % within 91 days.*\[SCORED, model (\S+)\]$", said, re.M)
    assert found and 0 < float(found[1]) < 100, said
    assert f", at {DAY}\n" in said and "FRESH: " in said and "STALE" not in said


def test_the_tuesday_is_published(walk: Walk) -> None:
    folder = walk.folder / "var" / "exports" / "GB" / DAY
    names = {one.name for one in folder.iterdir()}
    assert f"contacts_GB_{DAY}.xlsx" in names and f"scores_GB_{DAY}.csv" in names
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert re.search(r"(\d+) scored for lapse; 50 listed", walk.of("week GB").stdout)


def test_parity_holds_and_something_was_compared(walk: Walk) -> None:
    done = walk.of("parity GB")
    (compared,) = re.findall(r"^0 mismatches of ([\d,]+) compared values\.$", done.stderr, re.M)
    assert int(compared.replace(",", "")) > 100_000
    ways = set(re.findall(r"^GB ([^:]+): .*\tok$", done.stdout, re.M))
    assert ways == {"rows", "Feast online", "Feast historical", "scorer vector", "scorer probability"}


def test_nothing_runs_afterwards_and_nothing_is_half_written(walk: Walk) -> None:
    assert walk.left == []
    assert len(walk.ports) == 3 and not any(listens(port) for port in walk.ports)
    assert not (walk.folder / "var" / "services.env").exists()
    hidden = {one.name for one in walk.folder.rglob(".*")} - {".venv", ".lock"}
    assert hidden == set()
