"""`access.toml`: which certificates may call as what, and whose tokens count.

calls_per_second = 200            # of one caller; 0: as many as he likes

[tokens]                          # left out: no token counts
issuer = "https://login.example.com"
audience = "cerebro"

[[certificates]]                  # whose certificate holds this name (DNS, URI or e-mail)
name = "crm.example.com"
roles = ["system"]
countries = ["DE", "FR"]          # or ["*"]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from access.caller import Caller, Role
from scv.errors import BadSetting

FILE = "access.toml"


class TokenRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token has to say of who made it and for whom."""

    issuer: Annotated[str, Meta(min_length=1)]
    audience: Annotated[str, Meta(min_length=1)]


class Certified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who a certificate's name is."""

    name: Annotated[str, Meta(min_length=1)]
    roles: frozenset[Role]
    countries: frozenset[str]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. What it leaves out is not allowed."""

    calls_per_second: Annotated[float, Meta(ge=0)] = 200.0
    tokens: TokenRules | None = None
    certificates: tuple[Certified, ...] = ()

    def certified(self, names: Iterable[str]) -> Caller | None:
        """Who has a certificate of these names: the first in the file's order; None: nobody whom it knows."""
        held = set(names)
        found = next((one for one in self.certificates if one.name in held), None)
        return None if found is None else Caller(found.name, found.roles, found.countries)


def parsed(body: bytes) -> Policy:
    """Raises BadSetting."""
    try:
        return msgspec.toml.decode(body, type=Policy)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{FILE} cannot be used: {error}.") from error
