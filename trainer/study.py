"""The study behind a search: its trials are on disk as they end, and a training that was killed goes on with the next.

    HOME/studies/COUNTRY/TARGET/OF.journal      `OF`: what is searched for, see `key`

It goes when its training has ended well. Each trial's random numbers are of its place in the study alone:
a search that was interrupted tries the same recipes as one that was not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import lightgbm
import msgspec
import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from scv import machine
from scv.settings import Settings
from scv.stamp import print_of
from trainer.dataset import TrainingSet
from trainer.fit import SEED
from trainer.recipe import Recipe

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
RANDOM, JUDGED = 6, 4
"""Trials before recipes are drawn by what is known of earlier ones, and before any is pruned."""
JOURNAL = ".journal"
Fixed = Mapping[str, object]


@contextlib.contextmanager
def kept(settings: Settings, country: str, target: str) -> Iterator[Path]:
    """The folder of the study of a target's training, for who holds that target's lock; what fails keeps it."""
    place = settings.home_path / "studies" / country / target
    yield place
    shutil.rmtree(place, ignore_errors=True)


def key(rows: TrainingSet, asked: Sequence[Recipe]) -> str:
    """What a study is of, 8 hex digits: all values of the rows, the recipes that come first, the libraries."""
    parts = (rows.matrix, rows.y, rows.at_us, rows.customers)
    values = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    return print_of(values, rows.columns, msgspec.json.encode(asked), lightgbm.__version__, optuna.__version__)


class Study:
    """Optuna's study, one trial after another. `path` is its journal; None: it is in memory."""

    def __init__(self, path: Path | None = None) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._path = path
        self._study = _opened(path)

    @property
    def ended(self) -> list[FrozenTrial]:
        """The trials that were judged or pruned, in their order; one that was interrupted is none."""
        return self._study.get_trials(deepcopy=False, states=ENDED)

    def run(self, objective: Callable[[optuna.Trial], float], fixed: Fixed | None) -> None:
        """One trial more, with these parameters where there are any. Raises NoRoom on a full disk."""
        sampler: optuna.samplers.BaseSampler = optuna.samplers.TPESampler(
            seed=SEED + len(self.ended), n_startup_trials=RANDOM, multivariate=True
        )
        with warnings.catch_warnings():  # of Optuna, that both may change: they are pinned
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if fixed is not None:
                sampler = optuna.samplers.PartialFixedSampler(dict(fixed), sampler)
        self._study.sampler = sampler
        with machine.at(self._path) if self._path else contextlib.nullcontext():
            self._study.optimize(objective, n_trials=1)


def _opened(path: Path | None) -> optuna.Study:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=JUDGED)
    if path is None:
        return optuna.create_study(pruner=pruner)
    with machine.at(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for other in path.parent.iterdir():  # studies of other rows, and locks that a killed training left
            if other != path:
                other.unlink()
        _mend(path)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        return optuna.create_study(study_name=path.stem, storage=storage, pruner=pruner, load_if_exists=True)


def _mend(path: Path) -> None:
    """Of a journal that was torn keep the lines before: a killed writer leaves half of one, a disk leaves anything."""
    if not path.exists():
        return
    whole = []
    for line in path.read_bytes().splitlines(keepends=True):
        with contextlib.suppress(ValueError):
            json.loads(line)
            if line.endswith(b"\n"):
                whole.append(line)
                continue
        break
    path.write_bytes(b"".join(whole))
