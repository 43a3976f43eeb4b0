"""One customer, joined of what each part says: row, scores, timeline, past Tuesdays. What is away is named in
`trouble`, and the rest is told all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from console.context import Console
from console.live import LiveRow
from console.problem import NotGranted, words
from console.viewer import Viewer
from rpc.client import ScorerError
from scv.errors import CerebroError
from scv.events import customer_id
from scv.events.country import Country
from scv.events.event import FAMILIES
from scv.features import fetcher
from scv.fetchers import roles
from scv.offline import past_rows
from scv.offline.snapshot import Snapshots
from scv.offline.timeline import Happening, timeline

EVENTS, WEEKS = 50, 26
"""So many stand on a customer's page."""
Answer = TypeVar("Answer")


class CustomerFile:
    """What is asked about one customer, for somebody who looks."""

    def __init__(self, console: Console, country: Country, customer_id: str, viewer: Viewer) -> None:
        self.console, self.country, self.customer_id, self.viewer = console, country, customer_id, viewer
        self.trouble: dict[str, str] = {}

    def told(self, events: int = EVENTS) -> dict[str, Any]:
        """All of it as JSON values; `known` None where nobody could be asked."""
        row, scores, past = self._ask("row", self._row), self._ask("scores", self._scores), None
        if row is None or row.known is not False:
            past = self._ask("timeline", lambda: self._timeline(events))
        found = scores or {"phase": None, "contact": None, "freshness": [], "targets": []}
        known = row.known if row is not None else scores["known"] if scores else None
        if known is None and past:
            known = True
        return {
            "country": self.country.code,
            "customer_id": self.customer_id,
            "known": known,
            "at": row.at if row else found.get("at"),
            "values": self._values(row),
            "unbuilt": row.unbuilt if row else {},
            "phase": None if self.viewer.aloud_only else found["phase"],
            "contact": found["contact"],
            "freshness": found["freshness"],
            "scores": [self._score(one) for one in found["targets"]],
            "timeline": [_event(one) for one in past or ()],
            "complete_to": self._ask("lake", lambda: self.console.lake.complete_to(self.country)),
            "trouble": self.trouble,
        }

    def history(self, weeks: int = WEEKS) -> dict[str, Any]:
        """What past Tuesdays said, oldest first, and the main variables in the snapshots of the past."""
        board, names = self.console.rooms.board, [name for name in roles.SHOWN if self._sees(name)]
        said = self._ask("tuesdays", lambda: board.past(self.country, self.customer_id, weeks)) or []
        values = self._ask("snapshots", lambda: self._over_time(names, weeks)) or {}
        shown = [
            {name: None if self.viewer.aloud_only and name == "probability" else one[name] for name in one}
            for one in said
        ]
        return {
            "country": self.country.code,
            "customer_id": self.customer_id,
            "tuesdays": shown,
            "variables": [{"at": at, "values": dict(of)} for at, of in values.items()],
            "trouble": self.trouble,
        }

    def portrait(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        """The values in words, by theme, each beside the customer's habit and whether it may be said aloud."""
        return self.console.rooms.portrait(values) if values else []

    def _over_time(self, names: list[str], most: int) -> Any:
        snapshots = Snapshots(self.console.settings, self.country, self.console.lake.version())
        return past_rows.over_time(snapshots, self.customer_id, names, most)

    def _row(self) -> LiveRow:
        return self.console.live.row(self.country, self.customer_id)

    def _scores(self) -> dict[str, Any] | None:
        try:
            return self.console.live.scores(self.country, self.customer_id)
        except ScorerError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    def _timeline(self, most: int) -> list[Happening]:
        families = [name for name in FAMILIES if self.viewer.sees_family(name)]
        version = self.console.lake.version()
        return timeline(self.console.settings, self.country, version, self.customer_id, most, families)

    def _values(self, row: LiveRow | None) -> dict[str, Any]:
        values = row.values if row is not None and row.known is not False else {}
        return {name: value for name, value in values.items() if self._sees(name)}

    def _sees(self, name: str) -> bool:
        feature = fetcher.all_features().get(name)
        return feature is not None and self.viewer.sees(feature)

    def _score(self, one: dict[str, Any]) -> dict[str, Any]:
        """Nothing is said aloud of a probability, and of a reason only what is sayable."""
        if not self.viewer.aloud_only:
            return one
        silent = dict.fromkeys(("probability", "times_usual", "change_since_tuesday", "band"))
        spoken = [{"feature": "", "hint": each["sayable"], "sayable": each["sayable"]} for each in one["reasons"]]
        return one | silent | {"reasons": [each for each in spoken if each["sayable"]]}

    def _ask(self, what: str, ask: Callable[[], Answer]) -> Answer | None:
        try:
            return ask()
        except (CerebroError, ScorerError) as error:
            self.trouble[what] = words(error if isinstance(error, CerebroError) else str(error))
            return None


def _event(one: Any) -> dict[str, Any]:
    return dict(msgspec.to_builtins(one._asdict()))


def asked_ids(ids: Iterable[str]) -> None:
    """Raise NotGranted for texts that are no customer ids."""
    for place, one in enumerate(ids):
        if why := customer_id.why_not(one):
            told = f"It is no customer id: {why}."
            raise NotGranted(422, told, [(f"/customer/{place}", told)])
