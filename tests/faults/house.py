"""A home with a small country's lake, in which `fetch`, `train` and `week` are disturbed: no broker, no store.

Nothing half may lie where readers look; and the next run of the same command, with nothing cleaned by hand, makes byte
by byte what a run makes that nobody disturbed.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import players
from tests.faults.players import Played, Player
from tests.faults.verdict import Verdict

DATE = "2017-09-05"
WORLD = "simulate --countries ZZ --customers 60 --weeks 30 --to lake --clean"
COMMANDS = {
    "fetch": f"fetch ZZ -d {DATE} --json",
    "train": f"train ZZ -d {DATE} --default --no-report --target cancellation",
    "week": f"week ZZ -d {DATE} --wait 0",
}
MAKES = {
    "fetch": ("snapshots",),
    "train": ("bundles", "snapshots", "training"),
    "week": ("exports", "snapshots", "reports"),
}
"""The folders of a home that a command fills; it begins without what they hold."""
Tree = Mapping[str, bytes]
"""Path in a home → content, of the files that a reader looks at."""


@dataclass
class Disturbed:
    """`trials` that hit, and the longest that the next run took; `mute`: what ended without a word on what to do."""

    trials: int = 0
    recovery_s: float = 0.0
    mute: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)


class House:
    """Of some commands: `calm` is how each ended that ran alone here, and `wanted` what it then had made.

    `week` needs what `train` makes.
    """

    def __init__(self, folder: Path, names: tuple[str, ...] = tuple(COMMANDS)) -> None:
        self.home, self._logs, self._number = folder / "home", folder / "logs", itertools.count()
        self._logs.mkdir(parents=True, exist_ok=True)
        players.ready()
        self._alone(WORLD)
        self.calm, self.wanted = dict[str, Played](), dict[str, Tree]()
        for name in names:
            self.empty(name)
            self.calm[name] = self._alone(COMMANDS[name], players.COUNT)
            self.wanted[name] = self.made(name)

    def start(self, words: str, dies_at: int = 0) -> Player:
        """A command of `cerebro` here. What it says goes to a log of its own."""
        chosen = {"HOME": str(self.home), "STORE": "redis://127.0.0.1:1/0", "BROKER": "127.0.0.1:1"}
        chosen |= {"WAIT_S": "0", "THREADS": "1"}
        settings = {f"CEREBRO_{name}": value for name, value in chosen.items()}
        return Player(words.split(), settings, self._logs / f"{next(self._number):04}.log", dies_at)

    def _alone(self, words: str, dies_at: int = 0) -> Played:
        played = self.start(words, dies_at).end()
        assert played.code == 0, played
        return played

    def empty(self, name: str) -> None:
        """Take away what a command makes, but for what lies hidden: drafts of the killed."""
        for folder in MAKES[name]:
            for path in self.home.glob(f"{folder}/[!.]*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def made(self, name: str) -> Tree:
        """The files that a command makes, as they are now."""
        paths = [path for folder in MAKES[name] for path in self.home.glob(f"{folder}/**/*") if path.is_file()]
        plain = {str(path.relative_to(self.home)): path for path in paths}
        return {short: _timeless(path) for short, path in plain.items() if "/." not in short}

    def halves(self, name: str, disturbed: Disturbed) -> None:
        """Nobody may see half of anything: each file is what it is to be or absent, and what a manifest promises is
        there.
        """
        now, wanted, verdict = self.made(name), self.wanted[name], disturbed.verdict
        for short, body in now.items():
            verdict.compared += 1
            if short not in wanted:
                verdict.dup += 1
                verdict.said.append(f"{short}: an undisturbed `cerebro {name}` does not make it")
            elif body != wanted[short]:
                verdict.differ(f"{short} is not what an undisturbed `cerebro {name}` makes ({len(body)} bytes)")
            for promised in _promised(short, wanted):
                if promised not in now:
                    verdict.lost += 1
                    verdict.said.append(f"{short} stands without {promised}")

    def again(self, name: str, disturbed: Disturbed) -> None:
        """Run it once more, with nothing cleaned by hand: it succeeds, and everything is there once."""
        played = self.start(COMMANDS[name]).end()
        disturbed.recovery_s = max(disturbed.recovery_s, played.seconds)
        if played.code:
            disturbed.verdict.differ(f"`cerebro {COMMANDS[name]}` ended with {played.code} afterwards: {played.said}")
        self.halves(name, disturbed)
        missing = self.wanted[name].keys() - self.made(name).keys()
        disturbed.verdict.lost += len(missing)
        disturbed.verdict.said += [f"{short} is missing" for short in sorted(missing)[:3]]
        disturbed.verdict.arrivals += 1


def _timeless(path: Path) -> bytes:
    """What a file says, but for when a champion was promoted."""
    body = path.read_bytes()
    if path.name != "champion.json":
        return body
    said = json.loads(body)
    assert said.pop("seal")
    for one in said["promotions"]:
        assert one.pop("at")
    return json.dumps(said).encode()


def _promised(short: str, wanted: Tree) -> list[str]:
    """What must stand where a manifest or a pointer stands, by the layout of the folders that docs describe."""
    path = Path(short)
    if path.name == "manifest.json":  # of a bundle or a week
        return [other for other in wanted if Path(other).parent == path.parent]
    if path.parts[:2] == ("snapshots", "manifests"):
        mine = f"{path.parts[2]}/{path.stem}.parquet"
        return [other for other in wanted if other.startswith("snapshots/") and other.endswith(mine)]
    if path.name in ("champion.json", "latest.json"):
        return [other for other in wanted if Path(other).name == "manifest.json" and path.parent in Path(other).parents]
    return []
