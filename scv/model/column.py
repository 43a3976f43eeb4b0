"""One column of a model's input, and what a bundle has to keep of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from scv.targets.phase import PhaseRule

Kind = Literal["int", "float", "str", "derived", "phase"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a model's matrix.

    `fingerprint` says what it computes. `levels` are the words that a number stands for; `rule` is kept for the
    phase only.
    """

    name: str
    dtype: Kind
    fingerprint: str
    levels: tuple[str, ...] = ()
    rule: PhaseRule | None = None
