"""The page at `/`: how it stands, the newest jobs, and a form that launches a fetch. Everything is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


def overview(status: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], codes: Sequence[str]) -> str:
    """The whole page. `codes`: the countries that can be asked for."""
    return _template().render(status=status, jobs=jobs, codes=codes)


@cache
def _template() -> Template:
    loader, strict = FileSystemLoader(Path(__file__).parent), StrictUndefined
    found = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=strict)
    return found.get_template("console.html")
