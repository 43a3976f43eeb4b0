"""Generated pages are fresh."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_catalogue_page_is_fresh() -> None:
    # here: a definition that does not import fails this test, not the collection of all
    from proof.heavy import sizes
    from scv.features import catalogue

    shown = (ROOT / "docs/features.md").read_text(encoding="utf-8")
    assert shown == catalogue.markdown(sizes()), "run `cerebro catalogue --write`"


def test_the_settings_page_is_fresh() -> None:
    from scv import settings

    shown = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert shown == settings.markdown(), "run `cerebro settings --write`"
