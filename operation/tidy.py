"""Housekeeping: what nobody needs any more goes, as every room tells it, and the lake is made small.

Beside everything that runs: each thing is there whole until it is gone, and what a reader has in hand stays. Killed in
the middle, the next one ends it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deltalake.exceptions import CommitFailedError

from console import audit_file
from operation import tombstones
from scorer.served import vector_file
from scorer.tuesday import forgotten, outdated
from scorer.tuesday.week import Folder
from scv.atomic import alone
from scv.errors import CerebroError
from scv.events import event
from scv.events.country import Country
from scv.leftover import Leftover, drafts
from scv.model import training_file, week_file
from scv.model.retired import retired
from scv.offline import kept, snapshot, sums
from scv.offline.lake import Lake
from scv.settings import Settings
from streams.lake.compaction import compact
from streams.lake.erasure import erase, erased, erasures
from streams.lake.vacuum import vacuum


@dataclass
class Tidied:
    """What went, or would go. `erased_rows` of the lake; `left`: what could not be judged or taken away, and why."""

    gone: list[Leftover] = field(default_factory=list)
    erased_rows: int = 0
    left: list[str] = field(default_factory=list)


def tidy(settings: Settings, countries: Sequence[Country], dry: bool = False) -> Tidied:
    """Take away what the settings keep no longer; with `dry` only tell it."""
    done = Tidied()
    for family in event.FAMILIES:
        _lake(Lake(settings.lake_path), family, countries, dry, done)
    for country in (None, *countries):
        try:
            for one in list(_of_all(settings) if country is None else _of_country(settings, country, dry)):
                if dry or _remove(one, done):
                    done.gone.append(one)
        except CerebroError as error:
            done.left.append(str(error))
    return done


def _remove(one: Leftover, done: Tidied) -> bool:
    try:
        return one.remove()
    except CerebroError as error:
        done.left.append(f"{one.path} stays: {error}")
        return False


def _of_all(settings: Settings) -> Iterator[Leftover]:
    yield from vector_file.past(settings.vectors_path, settings.vector_days)
    yield from audit_file.past(settings.audit_path, settings.audit_days)
    rooms = (settings.snapshots_path, settings.bundles_path, settings.training_path)
    yield from drafts([*rooms, *_local_exports(settings)])


def _local_exports(settings: Settings) -> list[Path]:
    folder = Path(settings.exports_url)
    return [folder] if folder.is_dir() else []


def _of_country(settings: Settings, country: Country, dry: bool) -> Iterator[Leftover]:
    """Everything of a country, judged before anything goes. Raises NoWeek and CorruptBundle."""
    folder = Folder(settings.exports_url, country)
    named, published = outdated.named(folder), folder.references()
    yield from snapshot.outdated(settings, country, published)
    yield from retired(settings, country.code, named | vector_file.named(settings.vectors_path))
    yield from outdated.outdated(folder, settings.export_days)
    lake = Lake(settings.lake_path)
    gone = erasures(lake, country, lake.version())
    yield from kept.forgetting(settings, country, gone)
    yield from _forgetting(settings, folder, gone)
    yield from _forgetting_acts(settings.audit_path, country.code, gone)
    yield from training_file.outdated(settings, country.code, gone)
    yield from week_file.outdated(settings, country, gone)
    yield from tombstones.leftovers(settings, country, gone, dry)


def _forgetting(settings: Settings, folder: Folder, gone: Mapping[str, int]) -> Iterator[Leftover]:
    """Weeks and served vectors that are written anew without the erased."""
    code = folder.country.code
    for name in list(forgotten.holding(folder, gone)):
        remove = functools.partial(_forget_week, folder, name, gone)
        yield Leftover(
            "exports", code, f"{folder.path}/{name}", len(folder.fs.find(f"{folder.path}/{name}")), 0, remove
        )
    vectors = settings.vectors_path
    if lines := vector_file.about(vectors, code, gone):
        remove = functools.partial(_forget_vectors, vectors, code, gone)
        yield Leftover("vectors", code, str(vectors), len(lines), 0, remove)


def _forgetting_acts(audit: Path, code: str, gone: Mapping[str, int]) -> Iterator[Leftover]:
    """The erased are taken out of what was done about them."""
    if lines := audit_file.about(audit, code, gone):
        remove = functools.partial(_forget_acts, audit, code, gone)
        yield Leftover(audit_file.KIND, code, str(audit), len(lines), 0, remove)


def _forget_acts(audit: Path, code: str, gone: Mapping[str, int]) -> bool:
    return bool(audit_file.forget(audit, code, gone))


def _forget_week(folder: Folder, name: str, gone: Mapping[str, int]) -> bool:
    forgotten.forget(folder, name, gone)
    return True


def _forget_vectors(vectors: Path, code: str, gone: Mapping[str, int]) -> bool:
    return bool(vector_file.forget(vectors, code, gone))


def _lake(lake: Lake, family: str, countries: Sequence[Country], dry: bool, done: Tidied) -> None:
    """Erased customers leave a family's table, small files become large ones, and what nobody reads goes."""
    folder = lake.table_path(family)
    if not (folder / sums.LOG).is_dir():
        return
    try:
        with alone(folder / sums.LOG):  # no consumer compacts, so that vacuum takes nothing from under it
            if dry:
                version = lake.version()
                done.erased_rows += sum(one[3] for code in countries for one in erased(lake, family, code, version))
            else:
                done.erased_rows += sum(erase(lake, family, country) for country in countries)
                _compact(lake, family, folder)
            went = vacuum(lake, family, dry)
    except CerebroError as error:
        done.left.append(str(error))
        return
    if went.files:
        done.gone.append(Leftover("lake", "", str(folder), went.files, went.bytes, lambda: True))


def _compact(lake: Lake, family: str, folder: Path) -> None:
    table = lake.version().tables[family]
    with contextlib.suppress(CommitFailedError):  # of another commit: the next one's compaction does it
        compact(table, folder)
    sums.add(folder, sums.unsummed(folder, table))
