"""docs/console.md: its commands, on the shop that they name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from tests.console.desk import child, desk
from tests.flow.pages import blocks
from tests.scorer.shop import Shop


def test_the_page_s_commands_do_what_they_say(live: Shop, tmp_path: Path) -> None:
    sheet = next(live.settings.home_path.rglob("contacts_US_2017-09-05.xlsx"))
    (tmp_path / sheet.name).write_bytes(sheet.read_bytes())
    own = msgspec.structs.replace(live.settings, topic_prefix="docs")
    script = "\n".join(one.text for one in blocks("docs/console.md", "bash"))
    with desk(own, child()) as console:
        lines = script.replace("127.0.0.1:8080", f"127.0.0.1:{console.port}").replace("curl -sS", "curl -sSf")
        done = subprocess.run(
            ["bash", "-euc", lines], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done
    assert (tmp_path / "orders.csv").read_text().startswith("customer_id,") and (
        tmp_path / "scv.parquet"
    ).stat().st_size > 4
    assert '"taken":1' in done.stdout and '"sent":false' in done.stdout
