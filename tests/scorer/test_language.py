"""Every language says everything: collected, so that a new sentence, theme or word is under test by existing."""

from __future__ import annotations

import string

import pytest

from scorer.reasons import COMING_BACK, sentences
from scorer.theme import THEMES, theme_of
from scorer.tuesday.action import action_of
from scorer.tuesday.sheet import COLUMNS, MOVER_COLUMNS, PICKED
from scv import language
from scv.errors import BadSetting
from scv.events import contact, country
from scv.features import derived, fetcher
from scv.fetchers.roles import OTHER
from scv.targets.target import TARGETS

OTHERS = tuple(code for code in language.known() if code != language.DEFAULT)
WORDS = {
    "disposition": contact.Disposition.__args__,  # type: ignore[attr-defined]
    "channel": contact.Channel.__args__,  # type: ignore[attr-defined]
    "by": contact.Channel.__args__,  # type: ignore[attr-defined]
    "target": tuple(TARGETS),
}
each = pytest.mark.parametrize("code", language.known())


@each
def test_every_header_word_and_theme_is_there(code: str) -> None:
    said = language.load(code)
    assert {*COLUMNS, *MOVER_COLUMNS} <= set(said.columns)
    assert len({*said.columns.values()}) == len(said.columns), "a header must say which column it is of"
    for kind, words in WORDS.items():
        assert set(words) == set(said.words[kind])
        assert len({text.casefold() for text in said.words[kind].values()}) == len(words)
    for kind in ("leaving", "coming back"):
        assert set(THEMES) <= set(said.themes[kind])
    assert set(TARGETS) <= set(said.actions)
    assert said.actions.keys() == language.load(language.DEFAULT).actions.keys()


@each
def test_a_list_to_choose_from_fits_into_a_sheet(code: str) -> None:
    for kind in PICKED:
        words = language.load(code).words[kind].values()
        assert len(",".join(words)) <= 255 and not any("," in one for one in words)


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_a_definition_is_translated_and_says_the_same_numbers(code: str) -> None:
    known, asked = language.load(code).sentences, set(sentences())
    assert asked - set(known) == set(), "no sentence for these"
    assert set(known) - asked == set(), "nobody says these any more"
    for english, text in known.items():
        assert _numbers(english) == _numbers(text), english


def _numbers(template: str) -> set[str]:
    """What is shown as a number."""
    return {name for _, name, forms, _ in string.Formatter().parse(template) if name and not forms}


def test_words_are_told_apart_whatever_the_language() -> None:
    for kind in PICKED:
        told: dict[str, str] = {}
        for code in language.known():
            for name, text in language.load(code).words[kind].items():
                assert told.setdefault(text.casefold(), name) == name


def test_every_column_has_a_theme() -> None:
    columns = [*fetcher.all_features(), *derived.collect(), "phase"]
    themes = {name: theme_of(name) for name in columns}
    assert set(themes.values()) <= {*THEMES, OTHER} and themes["phase"] == "newness"
    speaking = {one for one in themes.values() if one != OTHER}
    assert speaking == set(THEMES)


def test_actions_differ_by_theme_phase_channel_and_country() -> None:
    place = country.load("ZZ")
    row: dict[str, str | None] = {
        "reason_theme": "complaints",
        "phase": "established",
        "channels_allowed": "email, phone",
    }
    first = action_of(row, "cancellation", place)
    others = [row | {"reason_theme": "deliveries"}, row | {"channels_allowed": "post"}]
    others += [row | {"reason_theme": "subscription", "phase": "paused"}, row | {"reason_theme": None}]
    said = [first, *(action_of(one, "cancellation", place) for one in others)]
    assert len(set(said)) == len(said) and first.startswith("Call: ")
    own = country.Country(
        code="ZZ", name="Z", time_zone="UTC", starts_on=place.starts_on, ends_on=place.ends_on,
        actions=(("cancellation/complaints", "Ask Anna."),),
    )  # fmt: skip
    assert action_of(row, "cancellation", own) == "Call: Ask Anna."
    assert all(action_of(row, target, place) for target in (*TARGETS, *COMING_BACK))


def test_a_language_that_there_is_not_is_said_with_the_country(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "US.toml"
    body = (country.BUILT_IN / "US.toml").read_text("utf-8")
    path.write_text(body + '\nlanguage = "ed"\n')
    with pytest.raises(BadSetting, match="'ed' is none of de, en, fr"):
        country.read(path)
