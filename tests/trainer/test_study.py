"""A search that was interrupted goes on where it was, and comes to what it would have come to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scv.settings import Settings
from trainer import study
from trainer.dataset import TrainingSet
from trainer.search import Judge, Trial, search

TRIALS = 8
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.trainer.conftest import rows_of
from trainer.search import search

def after(step):
    if step.number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

search(rows_of(), int(sys.argv[3]), progress=after, kept=Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def calm(rows: TrainingSet) -> list[Trial]:
    """The trials of a search in memory."""
    return search(rows, TRIALS)[1]


def _interrupted(rows: TrainingSet, kept: Path, after: int) -> None:
    def stop(step: Trial) -> None:
        if step.number == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(rows, TRIALS, progress=stop, kept=kept)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every trial that is judged."""
    found, judge = list[int](), Judge.__call__

    def counted(self: Judge, *given: object) -> tuple[float, float]:
        found.append(len(found))
        return judge(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Judge, "__call__", counted)
    return found


@pytest.mark.parametrize("after", [1, 7])
def test_a_search_goes_on_where_it_was(
    rows: TrainingSet, calm: list[Trial], tmp_path: Path, judged: list[int], after: int
) -> None:
    _interrupted(rows, tmp_path / "kept", after)
    best, history = search(rows, TRIALS, kept=tmp_path / "kept")
    assert history == calm and len(judged) == TRIALS
    assert best == min((step for step in calm if step.loss), key=lambda step: step.loss or 0).recipe


def test_a_search_that_was_killed_goes_on_too(rows: TrainingSet, calm: list[Trial], tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path), "6", str(TRIALS)]
    died = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stderr
    seen: list[int] = []
    _, history = search(rows, TRIALS, progress=lambda step: seen.append(step.number), kept=tmp_path)
    assert history == calm and seen == list(range(1, TRIALS + 1))


@pytest.mark.parametrize("torn", [0.0, 0.4, 0.9, 1.0])
def test_what_is_whole_of_a_torn_journal_is_used(
    rows: TrainingSet, calm: list[Trial], tmp_path: Path, judged: list[int], torn: float
) -> None:
    _interrupted(rows, tmp_path, 4)
    (journal,) = tmp_path.glob(f"*{study.JOURNAL}")
    body = journal.read_bytes()
    journal.write_bytes(body[: int(len(body) * torn) - 3] + b'\x00{"op')
    journal.with_name(journal.name + ".lock").symlink_to(journal)  # of Optuna, left by whoever was killed
    assert search(rows, TRIALS, kept=tmp_path)[1] == calm
    assert len(judged) <= 4 + TRIALS


def test_of_other_rows_nothing_is_used(rows: TrainingSet, tmp_path: Path, judged: list[int]) -> None:
    _interrupted(rows, tmp_path, 3)
    other = rows.take(np.arange(len(rows)) > 0)
    search(other, 3, kept=tmp_path)
    assert len(judged) == 6 and len(list(tmp_path.iterdir())) == 1


def test_a_study_goes_with_its_training_unless_that_fails(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path))
    with pytest.raises(RuntimeError), study.kept(settings, "US", "lapse") as failed:
        failed.mkdir(parents=True)
        raise RuntimeError
    assert failed.is_dir()
    with study.kept(settings, "US", "lapse") as place:
        assert place == failed
    assert not place.exists()
