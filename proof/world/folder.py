"""A world's folder: what the world is, how far it came, and where its parts lie.

    OUT/world.manifest              the plan, and the counts once it is complete (JSON)
    OUT/world.progress              a line of JSON for each step that is done
    OUT/ZZ/part-00000.parquet       events of a chunk of customers (.jsonl: as lines)
    OUT/truth/ZZ/part-00000.truth   the chunk's true hazards (Parquet)
    OUT/spool/…                     what is on its way to the lake or to Kafka

`cerebro replay OUT` takes every *.parquet and *.jsonl for events, and *.json for lines: nothing else is named so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from proof.world.rates import Dirt
from scv import atomic as whole
from scv.errors import UserError
from scv.events.country import Country

FORMAT = 1


class WorldPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a world is: equal plans make equal worlds. `countries`: code → fingerprint of its settings."""

    to: str
    countries: dict[str, str]
    customers: int
    weeks: int
    seed: int
    until: date | None = None
    dirt: Dirt
    partitions: int = 0
    """Of each topic that the lake's history pretends to come from; 0 for the other sinks."""

    def __str__(self) -> str:
        codes = ",".join(self.countries)
        return f"{codes}, {self.customers:,} customers, {self.weeks} weeks, seed {self.seed}"

    def differences(self, other: WorldPlan) -> list[str]:
        """Where another plan says something else, in the words of the command line."""
        ours, theirs = _said(self), _said(other)
        return [f"{name} {theirs.get(name)} (here {ours.get(name)})" for name in ours if ours[name] != theirs.get(name)]


class WorldManifest(msgspec.Struct, frozen=True, kw_only=True):
    """`counts` is empty until the world is complete."""

    format: int = FORMAT
    plan: WorldPlan
    complete: bool = False
    counts: dict[str, Any] = {}


class Made(msgspec.Struct, frozen=True, kw_only=True, tag="made"):
    """A chunk's part is on disk. `refused`: arrivals that consumers refuse, by reason, as far as they were judged."""

    country: str
    chunk: int
    events: int
    truths: int
    bytes: int
    dirt: dict[str, int]
    refused: dict[str, int] = {}


class Committed(msgspec.Struct, frozen=True, kw_only=True, tag="committed"):
    """A group of a country's chunks is in the lake; -1: its last watermarks. `ends`: family → next offsets."""

    country: str
    group: int
    ends: dict[str, list[int]]


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag="sent"):
    """Sending into a log began. `topics`: topic → the broker's id; `stood`: where it stood already before us, if so."""

    topics: dict[str, str]
    stood: datetime | None


Step = Made | Committed | Sent


class WorldFolder:
    """One world's folder. Raises UserError where another world lies there, or a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest, self._progress = path / "world.manifest", path / "world.progress"

    def manifest(self) -> WorldManifest | None:
        """None where there is no world. Raises UserError for a file that is no manifest of ours."""
        if not self._manifest.is_file():
            return None
        try:
            return msgspec.json.decode(self._manifest.read_bytes(), type=WorldManifest)
        except msgspec.MsgspecError as error:
            raise UserError(f"{self._manifest} cannot be read ({error}): choose another --out.") from error

    def open(self, plan: WorldPlan, resume: bool) -> WorldManifest:
        """The folder is this plan's, new or begun."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--out {self.path} is a file; a world is a folder.")
        found = self.manifest()
        if found is None:
            if self.path.is_dir() and any(self.path.iterdir()):
                raise UserError(f"--out {self.path} is not empty and holds no world: choose another folder.")
            found = WorldManifest(plan=plan)
            self._write(found)
        elif not resume:
            what = "a whole world" if found.complete else "an unfinished world; --resume goes on with it"
            raise UserError(f"--out {self.path} holds {found.plan}: {what}. Remove it, or choose another --out.")
        elif differing := plan.differences(found.plan):
            raise UserError(f"--resume: the world in {self.path} has {'; '.join(differing)}. Give the same options.")
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else works here meanwhile; what a killed process left half is removed. Raises UserError."""
        lock = os.open(self.path, os.O_RDONLY)  # on the folder itself: the kernel drops it however a process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for half in self.path.rglob(".part-*"):
                shutil.rmtree(half) if half.is_dir() else half.unlink()
            yield
        except BlockingIOError as error:
            raise UserError(f"Another `cerebro simulate` works in {self.path}: let it, or stop it.") from error
        finally:
            os.close(lock)

    def finish(self, plan: WorldPlan, counts: Mapping[str, Any]) -> None:
        self._write(WorldManifest(plan=plan, complete=True, counts=dict(counts)))

    def note(self, step: Step) -> None:
        """One more step is done."""
        with self._progress.open("ab") as file:
            file.write(msgspec.json.encode(step) + b"\n")

    def steps(self) -> Iterator[Step]:
        """The steps that are done, as they were noted; a last line that was cut short is none."""
        if not self._progress.is_file():
            return
        body = self._progress.read_bytes()
        keep = body.rfind(b"\n") + 1
        if keep < len(body):
            whole.write(self._progress, body[:keep])
        for line in body[:keep].splitlines():
            yield msgspec.json.decode(line, type=Step)

    def part(self, country: str, chunk: int, suffix: str) -> Path:
        return self.path / country / f"part-{chunk:05d}{suffix}"

    def truth(self, country: str, chunk: int) -> Path:
        return self.path / "truth" / country / f"part-{chunk:05d}.truth"

    def spool(self, country: str = "", chunk: int = 0, suffix: str = "") -> Path:
        """The folder of parts on their way, or one of them."""
        return self.path / "spool" / country / f"part-{chunk:05d}{suffix}" if country else self.path / "spool"

    def _write(self, found: WorldManifest) -> None:
        whole.write(self._manifest, msgspec.json.format(msgspec.json.encode(found), indent=2))


def fingerprint(country: Country) -> str:
    """What a country's settings are, in a word."""
    return hashlib.sha256(msgspec.json.encode(country)).hexdigest()[:12]


def _said(plan: WorldPlan) -> dict[str, object]:
    said: dict[str, object] = {"--to": plan.to, "--countries": ",".join(plan.countries)}
    said |= {"--customers": plan.customers, "--weeks": plan.weeks, "--seed": plan.seed, "--until": plan.until}
    said |= {f"--{name.replace('_', '-')}": share for name, share in asdict(plan.dirt).items()}
    said |= {f"the settings of country {code}": mark for code, mark in plan.countries.items()}
    return said | {"CEREBRO_PARTITIONS": plan.partitions}
