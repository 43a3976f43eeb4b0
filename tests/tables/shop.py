"""Tables as people export them, written for a test, and what an import makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scv.settings import Settings
from streams.tables import importing, mapping
from streams.tables.importing import Imported

ORDERS = """
country = "US"
zone = "America/New_York"
[columns]
id = "Order ID"
customer_id = "Customer ID"
occurred_at = "Order Date"
[events.placed]
amount_cents = "Sales"
"""


def imported(folder: Path, files: dict[str, str | bytes], map: str = ORDERS, **given: str) -> Imported:
    """What `files` (name → content) give by a map."""
    folder.mkdir(exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body if isinstance(body, bytes) else body.encode())
    path = folder / "map.toml"
    path.write_text(map, encoding="utf-8")
    paths = [folder / name for name in files]
    return importing.read(paths, mapping.load(path, given), Settings(home=str(folder)))


def events(folder: Path, files: dict[str, str | bytes], map: str = ORDERS, **given: str) -> list[dict[str, Any]]:
    """The events of an import without bad rows, without what they do not say."""
    done = imported(folder, files, map, **given)
    assert not done.tally.bad, done.tally.lines()
    return [{name: value for name, value in row.items() if value is not None} for row in done.events.to_pylist()]
