"""Who calls, and what somebody of that role may call. Whatever is not named here is nobody's."""

from __future__ import annotations

from typing import Literal, NamedTuple

Role = Literal["agent", "system", "probe", "developer"]
EVERYWHERE = "*"

ROLES: dict[Role, str] = {
    "agent": "a tool of customer service: asks about one customer at a time",
    "system": "a CRM or a job of ours: asks about many customers, too",
    "probe": "a balancer: asks whether the scorer is well",
    "developer": "asks which calls there are",
}
_ALL: frozenset[Role] = frozenset(ROLES)
_SCORER, _HEALTH = "/cerebro.scorer.v1.Scorer", "/grpc.health.v1.Health"
METHODS: dict[str, frozenset[Role]] = {
    f"{_SCORER}/Score": frozenset({"agent", "system"}),
    f"{_SCORER}/Explain": frozenset({"agent", "system"}),
    f"{_SCORER}/Watch": frozenset({"agent", "system"}),
    f"{_SCORER}/ScoreBatch": frozenset({"system"}),
    f"{_SCORER}/WatchMovers": frozenset({"system"}),  # tells of customers whom nobody named
    f"{_HEALTH}/Check": _ALL,
    f"{_HEALTH}/List": _ALL,
    f"{_HEALTH}/Watch": _ALL,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": frozenset({"developer"}),
}
"""Of every method that the server has, who may call it."""


class Caller(NamedTuple):
    """Who it is by its certificate or token, and for which countries; `EVERYWHERE` in them means all."""

    name: str
    roles: frozenset[Role]
    countries: frozenset[str]

    def may_call(self, method: str) -> bool:
        """Has one of its roles that method?"""
        return not self.roles.isdisjoint(METHODS.get(method, ()))

    def may_see(self, country: str) -> bool:
        return EVERYWHERE in self.countries or country in self.countries
