"""Every setting is documented, a variable nobody knows is refused, and no secret is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

import cli
from scv import settings
from scv.errors import BadSetting

ROWS = settings.table()


@pytest.mark.parametrize(("variable", "meaning"), [(row[0], row[2]) for row in ROWS])
def test_every_setting_says_what_it_means(variable: str, meaning: str) -> None:
    assert variable.startswith(settings.PREFIX)
    assert len(meaning.split()) >= 3, f"describe {variable} in scv/settings.py"


def test_the_command_lists_every_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    assert cli.main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert all(row[0] in shown for row in ROWS)


def test_an_unknown_variable_is_refused_with_the_nearest_known() -> None:
    with pytest.raises(BadSetting, match=r"CEREBRO_BROKR.* Did you mean 'CEREBRO_BROKER'"):
        settings.load({"CEREBRO_BROKR": "localhost:9092"})


def test_a_bad_value_is_your_mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CEREBRO_PARTITIONS", "many")
    assert cli.main(["settings"]) == 2
    assert "partitions" in capsys.readouterr().err


def test_what_up_started_is_found_and_the_environment_wins(tmp_path: Path) -> None:
    settings.services_file(tmp_path).write_text(
        "# up\nCEREBRO_BROKER=127.0.0.1:1\nCEREBRO_WAIT_S=1\n", encoding="utf-8"
    )
    found = settings.load({"CEREBRO_HOME": str(tmp_path), "CEREBRO_WAIT_S": "2"})
    assert (found.broker, found.wait_s) == ("127.0.0.1:1", 2)


def test_secrets_are_not_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CEREBRO_STORE", "rediss://me:hush@cache:6379/0")
    monkeypatch.setenv("CEREBRO_HOLD_OUT_SALT", "pepper")
    for form in ([], ["--json"]):
        assert cli.main(["settings", *form]) == 0
        shown = capsys.readouterr().out
        assert "hush" not in shown and "pepper" not in shown
        assert "rediss://me:***@cache:6379/0" in shown
