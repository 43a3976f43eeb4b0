"""From differences of any way to explained ones: rows by evidence, what is made of rows by the rows' causes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from feature_repo.views import TTL
from proof.parity import cause, ways
from proof.parity.batchside import BatchSide
from proof.parity.evidence import Collector, Evidence
from proof.parity.steps import Reason, outdated, reasons
from proof.parity.tally import Difference, Explained, plain
from scv.events.country import Country
from scv.model import vector
from scv.model.bundle import Bundle
from scv.online.reader import View
from scv.settings import Settings
from scv.targets import population

ENOUGH = 2_000
"""Customers who differ, beyond which they are looked into together."""


@dataclass
class Pending:
    """Differences that wait for their cause, and what was read of those customers.

    `answered`: (target, customer) → status and model of the scorer's reply.
    """

    differences: list[Difference] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def add(self, differences: Sequence[Difference], views: Iterable[View]) -> None:
        differing = {one.customer for one in differences}
        self.differences += differences
        self.views |= {view.customer_id: view for view in views if view.customer_id in differing}

    @property
    def enough(self) -> bool:
        return len(self.views) >= ENOUGH


class Explaining:
    """Finds the causes of one country's differences."""

    def __init__(
        self, settings: Settings, client: Any, country: Country, side: BatchSide, models: Mapping[str, Bundle]
    ) -> None:
        self._settings, self._client, self._country = settings, client, country
        self._side, self._models = side, models

    def explain(self, pending: Pending) -> Iterator[Explained]:
        """Every pending difference with its cause, in order."""
        gathered = self._gather(pending)
        of_rows: dict[tuple[str, str], list[Reason]] = {}
        for one in pending.differences:
            if one.way == ways.ROWS:
                of_rows[one.customer, one.feature] = self._of_row(one, gathered)
        for one in pending.differences:
            found = self._reasons(one, of_rows, gathered, pending)
            why = "; ".join(dict.fromkeys(reason.why for reason in found)) or "nothing that was looked at differs"
            yield Explained(one, cause.joined([reason.cause for reason in found]), why)

    def _gather(self, pending: Pending) -> dict[tuple[str, str], Evidence]:
        """(fetcher, customer) → evidence, where rows or Feast's rows differ."""
        wanted: dict[str, dict[str, View]] = {}
        for one in pending.differences:
            if one.way in (ways.ROWS, ways.ONLINE) and one.group not in self._side.outdated:
                wanted.setdefault(one.group, {})[one.customer] = pending.views[one.customer]
        if not wanted:
            return {}
        collector, found = Collector(self._settings, self._client, self._country, self._side), {}
        try:
            for name, views in wanted.items():
                for customer, evidence in collector.of(self._side.fetchers[name], views).items():
                    found[name, customer] = evidence
        finally:
            collector.close()
        return found

    def _reasons(
        self,
        one: Difference,
        of_rows: Mapping[tuple[str, str], list[Reason]],
        gathered: Mapping[tuple[str, str], Evidence],
        pending: Pending,
    ) -> list[Reason]:
        if one.way == ways.ROWS:
            return of_rows[one.customer, one.feature]
        if one.way == ways.ONLINE:
            return self._of_row(one, gathered) + self._given(one, pending.views[one.customer])
        if one.way == ways.HISTORICAL:
            return self._of_file(one)
        model = self._models[one.group.partition(" ")[0]]
        if one.way == ways.VECTOR:
            columns = [column for column in model.columns if column.name == one.feature]
            return _of_inputs(one.customer, vector.inputs(columns), of_rows)
        return self._of_probability(one, model, of_rows, pending)

    def _of_row(self, one: Difference, gathered: Mapping[tuple[str, str], Evidence]) -> list[Reason]:
        if one.group in self._side.outdated:
            return [outdated(one.group, self._side)]
        name = one.feature.removeprefix(f"{one.group}__")
        return reasons(name, one.batch, gathered[one.group, one.customer], self._side)

    def _given(self, one: Difference, view: View) -> list[Reason]:
        """Why Feast gives another value than the row that it reads."""
        reading = view.fetchers[one.group]
        read = plain(reading.values[one.feature.removeprefix(f"{one.group}__")])
        if read == one.found:
            return []
        if one.found is None and (reading.freshness_s is None or reading.freshness_s > TTL.total_seconds()):
            return [Reason(cause.TOO_OLD, f"complete to {reading.watermark}, Feast gives nothing older than {TTL}")]
        return [Reason(cause.UNEXPLAINED, f"the row that Feast reads says {read!r}")]

    def _of_file(self, one: Difference) -> list[Reason]:
        if one.group in self._side.outdated:
            return [outdated(one.group, self._side)]
        if self._side.outdated:
            return [Reason(cause.FINGERPRINT, f"refused: {', '.join(self._side.outdated)} are of another definition")]
        if one.group in self._side.changed:
            return [Reason(cause.CHANGED, "the snapshot's file is not the one in its manifest")]
        return []

    def _of_probability(
        self, one: Difference, model: Bundle, of_rows: Mapping[tuple[str, str], list[Reason]], pending: Pending
    ) -> list[Reason]:
        status, answered = pending.answered[one.group.partition(" ")[0], one.customer]
        found = _of_inputs(one.customer, {*vector.inputs(model.columns), *population.NEEDS}, of_rows)
        if answered and answered != model.info.id:
            found.append(Reason(cause.OTHER_MODEL, f"answered by {answered}, the champion is {model.info.id}"))
        if status == "STALE_REFUSED":
            found.append(Reason(cause.TOO_OLD, "the scorer refuses: no watermark, or one that is too old"))
        return found


def _of_inputs(customer: str, features: Iterable[str], of_rows: Mapping[tuple[str, str], list[Reason]]) -> list[Reason]:
    """The causes of whatever differs among some features of a customer's rows."""
    return [reason for name in sorted(features) for reason in of_rows.get((customer, name), [])]
