"""What `cerebro fetch` shows a person: every variable by its whole name, whatever the terminal's width."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from scv.features import fetcher
from terminal import variables

AT = datetime(2017, 9, 5, 4, tzinfo=UTC)
NAMES = [f"{one.name}__{feature.name}" for one in fetcher.collect().values() for feature in one.features]


@pytest.fixture
def table() -> pa.Table:
    rows = [
        {"country": "US", "customer_id": f"{n}" * 9, "event_timestamp": AT} | dict.fromkeys(NAMES, n * 1_000_000)
        for n in range(1, 6)
    ]
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("width", [50, 80, 120, 250])
def test_no_name_is_cut(
    width: int, table: pa.Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    variables.show(table)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= width
    first = {line.split("│")[1].strip() for line in lines if line.count("│") > 1}
    assert "…" not in "\n".join(lines), "folded where it must be, never cut"
    assert set(NAMES) <= first or width < 60
    assert [f"US:{str(n) * 9}" in lines[2] for n in range(1, 6)].count(True) == {50: 1, 80: 2, 120: 4, 250: 4}[width]
