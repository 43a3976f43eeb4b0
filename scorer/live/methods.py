"""What somebody of a role may call. Whatever is not named here is nobody's, and a role that is not named here has
nothing at the scorer, whatever it may elsewhere."""

from __future__ import annotations

from access.caller import Role

ASKING: frozenset[Role] = frozenset({"agent", "system", "probe", "developer"})
"""Who has to do with the scorer at all."""
_SCORER, _HEALTH = "/cerebro.scorer.v1.Scorer", "/grpc.health.v1.Health"
METHODS: dict[str, frozenset[Role]] = {
    f"{_SCORER}/Score": frozenset({"agent", "system"}),
    f"{_SCORER}/Explain": frozenset({"agent", "system"}),
    f"{_SCORER}/Watch": frozenset({"agent", "system"}),
    f"{_SCORER}/ScoreBatch": frozenset({"system"}),
    f"{_SCORER}/WatchMovers": frozenset({"system"}),  # tells of customers whom nobody named
    f"{_HEALTH}/Check": ASKING,
    f"{_HEALTH}/List": ASKING,
    f"{_HEALTH}/Watch": ASKING,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": frozenset({"developer"}),
}
"""Of every method that the server has, who may call it."""
