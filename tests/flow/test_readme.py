"""README's section about a user's own shop, followed to the end as it stands: CDNOW's customers as orders.csv.

In a folder of its own, whose `.venv` is a link: every path in the section is relative to where the user stands.
"""

from __future__ import annotations

import os
import re
import signal
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
from tests.flow.session import clean_environment, linux, listens, ports
from tests.processes import of_session
from tests.streams import cdnow

pytestmark = [linux, pytest.mark.slow, pytest.mark.timeout(420)]
PAGE, SECTION = "README.md", "Your own shop, from a table of orders"
DAY = "1998-03-31"
PASTED_S = 390
TRAP = """trap 'echo "FAILED: $BASH_COMMAND" >&2' ERR\n"""


@dataclass
class Walk:
    """Where it was walked, what was said to the block as a whole and to the import, and what was left running."""

    folder: Path
    imported: str = ""
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    left: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Everything that the section says, in its order; the last block is pasted into a shell as it stands."""
    walked = Walk(tmp_path_factory.mktemp("shop"))
    prepare(walked)
    script = blocks(PAGE, "bash", SECTION)[-1].text
    assert script.splitlines()[0].endswith("up --all --detach") and script.endswith("cerebro down\n")
    trap = walked.folder / ".trap"
    trap.write_text(TRAP, encoding="utf-8")
    begun = time.monotonic()
    shell = subprocess.Popen(
        ["bash"], cwd=walked.folder, env=clean_environment({"BASH_ENV": str(trap)}), text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        walked.out, walked.err = shell.communicate(script, timeout=PASTED_S)
        walked.left, walked.seconds = of_session(shell.pid), time.monotonic() - begun
        trap.unlink()
        yield walked
    finally:
        for pid in of_session(shell.pid):
            os.kill(pid, signal.SIGKILL)


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
    done = subprocess.run(
        ["bash", "-c", command.text], cwd=walked.folder, env=clean_environment(), capture_output=True, text=True,
        timeout=PASTED_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    walked.imported = done.stderr


def test_every_line_works(walk: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{walk.seconds:6.1f} s  the block as one paste")
    assert re.findall(r"^FAILED: .*$", walk.err, re.M) == [], walk.err


def test_up_returns_once_everything_answers(walk: Walk) -> None:
    told = {f"CEREBRO_{name}" for name in ("BROKER", "STORE", "SCORER", "METRICS")}
    assert set(re.findall(r"^(CEREBRO_\w+)=", walk.out, re.M)) == told
    assert "Everything is up." in walk.err and "Start `cerebro consume" not in walk.err


def test_the_replay_waits_until_both_consumers_have_it(walk: Walk) -> None:
    assert re.search(r"^Both consumers stand there \([\d.]+ s\)\.$", walk.err, re.M)


def test_no_line_shows_a_traceback(walk: Walk) -> None:
    said = walk.imported + walk.err
    assert "Traceback" not in said and "This is a bug" not in said


def test_the_import_sums_lines_and_tells_returns_apart(walk: Walk) -> None:
    orders, lines = cdnow.table(), cdnow.lines()
    events = pq.read_table(walk.folder / "shop.parquet").to_pandas().groupby("kind")
    placed, returned = events.get_group("placed"), events.get_group("returned")
    assert len(placed) == len(orders) and placed.amount_cents.sum() == (orders.amount * 100).round().sum()
    assert len(returned) == (lines.quantity < 0).sum() and set(returned.order_id) <= set(placed.id)
    said = walk.imported
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
    said = walk.out
    found = re.search(r"^  lapse \(derived\): ([\d.]+) % within 91 days.*\[SCORED, model (\S+)\]$", said, re.M)
    assert found and 0 < float(found[1]) < 100, said
    assert f", at {DAY}\n" in said and "FRESH: " in said and "STALE" not in said


def test_the_tuesday_is_published(walk: Walk) -> None:
    folder = walk.folder / "var" / "exports" / "GB" / DAY
    names = {one.name for one in folder.iterdir()}
    assert f"contacts_GB_{DAY}.xlsx" in names and f"scores_GB_{DAY}.csv" in names
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert re.search(r"(\d+) scored for lapse; [1-9]\d* listed", walk.out)


def test_parity_holds_and_something_was_compared(walk: Walk) -> None:
    (compared,) = re.findall(r"^0 mismatches of ([\d,]+) compared values\.$", walk.err, re.M)
    assert int(compared.replace(",", "")) > 100_000
    ways = set(re.findall(r"^GB ([^:]+): .*\tok$", walk.out, re.M))
    assert ways == {"rows", "Feast online", "Feast historical", "scorer vector", "scorer probability"}


def test_nothing_runs_afterwards_and_nothing_is_half_written(walk: Walk) -> None:
    assert walk.left == []
    named = ports("".join(re.findall(r"^CEREBRO_\w+=.*$", walk.out, re.M)))
    assert len(named) == 3 and not any(listens(port) for port in named)
    assert not (walk.folder / "var" / "services.env").exists()
    hidden = {one.name for one in walk.folder.rglob(".*")} - {".venv", ".lock"}
    assert hidden == set()
