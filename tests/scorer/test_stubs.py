"""The contract: stubs are those of the proto file, and a client needs nothing of ours."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from rpc import generate
from rpc.client import ScorerClient, ScorerError

ROOT = Path(__file__).parents[2]


def test_the_stubs_are_those_of_the_proto_file(tmp_path: Path) -> None:
    written = generate.generate(tmp_path)
    assert [path.name for path in written] == list(generate.STUBS)
    for path in written:
        assert path.read_text() == (ROOT / "rpc" / path.name).read_text(), "run `python -m rpc.generate`"


def test_a_client_loads_nothing_of_ours() -> None:
    code = (
        "import rpc.client, sys; ours = {'scv', 'scorer', 'commands', 'streams', 'numpy', 'redis', 'lightgbm'}; "
        "print(sorted(ours & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_server_loads_neither_feast_nor_a_search() -> None:
    code = "import scorer.live.server, sys; print(sorted({'feast', 'optuna', 'pandas', 'faust'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_scorer_is_told_with_what_to_do() -> None:
    with ScorerClient("127.0.0.1:1", timeout_s=2) as client, pytest.raises(ScorerError, match="cerebro serve") as found:
        client.score("US", "1")
    assert found.value.code == "UNAVAILABLE"


def test_a_naive_reference_is_refused() -> None:
    with ScorerClient("127.0.0.1:1") as client, pytest.raises(ValueError, match="aware"):
        client.score("US", "1", reference=datetime(2017, 9, 5))
