"""Who calls, as what, and for which countries. What a role may do stands in a table of each door's own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

Role = Literal["agent", "system", "probe", "developer", "viewer", "operator", "admin"]
EVERYWHERE = "*"

ROLES: dict[Role, str] = {
    "agent": "customer service, or a tool of theirs: one customer at a time",
    "system": "a CRM or a job of ours: asks the scorer about many customers, too",
    "probe": "a balancer: asks whether we are well",
    "developer": "asks which calls the scorer has",
    "viewer": "looks at the console, at no customer",
    "operator": "runs it by the console: fetches, events, sheets, dead letters, and customers",
    "admin": "may everything in the console",
}
"""Of scorer and console alike; what a table does not give a role, it has not."""


class Caller(NamedTuple):
    """Who it is by its certificate or token, and for which countries; `EVERYWHERE` in them means all."""

    name: str
    roles: frozenset[Role]
    countries: frozenset[str]

    def is_any_of(self, roles: Collection[Role]) -> bool:
        return not self.roles.isdisjoint(roles)

    def may_see(self, country: str) -> bool:
        return EVERYWHERE in self.countries or country in self.countries


def anybody(name: str, *roles: Role) -> Caller:
    """Whoever reaches us in plain text, which only this machine does. Named by his connection, where one caller's flood
    shall not be another's."""
    return Caller(name, frozenset(roles), frozenset({EVERYWHERE}))
