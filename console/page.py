"""The page at `/`: how it stands, the newest jobs, and a form that launches a fetch; and the one to log in by.
Everything is escaped. A template asks `visit()` who looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from console.visit import visit


def overview(status: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]], codes: Sequence[str]) -> str:
    """The whole page. `codes`: the countries that can be asked for."""
    return _template("console.html").render(status=status, jobs=jobs, codes=codes)


def login(ticket: str, trouble: str = "") -> str:
    """The page to log in by; `ticket` is what its form brings back."""
    return _template("login.html").render(ticket=ticket, trouble=trouble)


@cache
def _template(name: str) -> Template:
    loader, strict = FileSystemLoader(Path(__file__).parent), StrictUndefined
    found = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=strict)
    found.globals["visit"] = visit
    return found.get_template(name)
