"""A page: whole, escaped, the same for the same blocks, unable to load anything; panels that draw what they should."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from pages import curves
from pages.page import Bars, Block, Heading, Picture, Table, Text, page

EVIL = '<script src="http://x">&\'"</script>'
BLOCKS: list[Block] = [
    Text(EVIL, "loud"),
    Heading(EVIL, 3),
    Table([(EVIL, 1_000, EVIL)], ("", "Rows", EVIL), words=(EVIL,)),
    Table([("no", "columns")]),
    Picture(EVIL, base64.b64encode(b"png").decode()),
    Bars(EVIL, {EVIL: 3, "few": 1}, loud=("few",)),
]


def body(text: str) -> ET.Element:
    """Every tag is closed."""
    return ET.fromstring(text.removeprefix("<!doctype html>"))


def test_whatever_stands_in_a_block_is_text() -> None:
    text = page(EVIL, BLOCKS)
    tree = body(text)
    assert "<script" not in text and {one.tag.rpartition("}")[2] for one in tree.iter()}.isdisjoint({"script", "link"})
    assert "".join(tree.itertext()).count(EVIL) == 9 and tree.find(".//img").get("alt") == EVIL  # type: ignore[union-attr]
    assert page(EVIL, BLOCKS) == text


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: type(block).__name__)
def test_a_page_loads_nothing(block: Block) -> None:
    text = page("Title", [block])
    assert "default-src 'none'" in text
    assert (
        not re.findall(r"""<[^>]*(?:src|href)=["'](?!data:)""", text) and "@import" not in text and "url(" not in text
    )


def test_numbers_stand_at_the_right_and_words_at_the_left() -> None:
    cells = list(body(page("Title", BLOCKS[2:3])).iter("td"))
    assert [cell.get("class") for cell in cells] == [None, "n", None]


def test_the_longest_bar_is_the_largest_count() -> None:
    svg = body(page("Title", [BLOCKS[-1]])).find("body/{*}svg")
    assert svg is not None
    bars = [(int(one.get("width") or 0), one.get("class")) for one in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == [(520, None), (173, "loud")]


def points(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    share = np.sort(np.random.default_rng(seed).random(10))
    return share, share * 0.9, np.full(10, 50)


PANELS = {
    "precision and recall": curves.precision_recall({"a": points(1)[:2], "b": points(2)[:2]}, 0.3),
    "reliability": curves.reliability({"a": points(1), "b": points(2)}),
    "lift": curves.lift({"a": points(1)[:2]}),
    "bars": curves.bars("What", "weight", {f"column {n}": float(n) for n in range(20)}),
    "best so far": curves.best_so_far("Search", "loss", [None, 0.4, 0.5, 0.3]),
    "by date": curves.by_date("Drift", "share", ["2017-09-05", "2017-09-12"], {"said": np.array([0.1, 0.2])}),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_is_drawn_and_drawn_alike(name: str) -> None:
    drawn = curves.draw(name, PANELS[name])
    png = base64.b64decode(drawn.png)
    assert drawn.alt == name and png.startswith(b"\x89PNG") and len(png) > 5_000
    assert curves.draw(name, PANELS[name]) == drawn
    others = {curves.draw(name, panel).png for other, panel in PANELS.items() if other != name}
    assert drawn.png not in others


def test_panels_stand_three_in_a_row() -> None:
    def size(*panels: curves.Panel) -> tuple[int, int]:
        header = base64.b64decode(curves.draw("x", *panels).png)[16:24]
        return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")

    (wide, high), five = size(PANELS["lift"]), size(*list(PANELS.values())[:5])
    assert five == (3 * wide, 2 * high)
