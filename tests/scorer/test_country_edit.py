"""The scorer goes by a country's file as it is now, and by what it said before where an edit cannot be used."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from scorer.live.answers import Answers
from scv.errors import BadSetting, UnknownName
from scv.settings import Settings
from store.client import client
from tests.streams.test_country_files import QQ


def test_a_bad_edit_is_told_once_and_calls_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=str(tmp_path), store="redis://127.0.0.1:1/0")
    settings.countries_path.mkdir()
    file = settings.countries_path / "QQ.toml"
    with client(settings) as away:
        answers = Answers(settings, away)
        with pytest.raises(UnknownName):
            answers.country("QQ")
        file.write_text("code = 5", encoding="utf-8")
        with pytest.raises(BadSetting, match=r"QQ\.toml"):
            answers.country("QQ")
        file.write_text(QQ + "capacity = 7", encoding="utf-8")
        assert answers.country("QQ").capacity == 7
        file.write_text(QQ + "capacity = 0", encoding="utf-8")
        with caplog.at_level(logging.ERROR):
            assert answers.country("QQ").capacity == answers.country("QQ").capacity == 7
        (said,) = caplog.messages
        assert "QQ.toml" in said and "what it said before" in said
        file.write_text(QQ + "capacity = 11", encoding="utf-8")
        assert answers.country("QQ").capacity == 11
