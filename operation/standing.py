"""How a country stands: its clock, how far rows and lake are, what is built, its champions and weeks, what is due."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from operation import due, turn
from operation.due import Due
from scorer.tuesday.week import Folder
from scv.errors import CorruptBundle
from scv.events.clock import Mode
from scv.events.country import Country
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.model import bundle, champion
from scv.offline.lake import Lake, whole_to
from scv.online import marker
from scv.online.rowstore import RowStore
from scv.settings import Settings


class ChampionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A target's champion ("": there is none): when it was frozen, and why it may not answer ("": it may)."""

    target: str
    id: str
    frozen_at: datetime | None
    why_not: str


class CountryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A country at an instant of its own clock.

    `clock` (None: it does not run) and `now` are what lives by it; `rows_to` and `lake_to` the instants before which
    rows and tables hold everything (None: not known). `unbuilt`: fetcher → why its rows are not whole, of `fetchers`
    (0: no store says). `last_week` is the newest Tuesday that is published.
    """

    code: str
    clock: Mode | None
    now: datetime
    rows_to: datetime | None
    lake_to: datetime | None
    fetchers: int
    unbuilt: dict[str, str]
    champions: tuple[ChampionStatus, ...]
    last_week: date | None
    due: tuple[Due, ...]
    at_work: bool

    @property
    def behind_s(self) -> float | None:
        """How old what the rows hold is, by the country's clock."""
        return None if self.rows_to is None else max((self.now - self.rows_to).total_seconds(), 0.0)


def of(settings: Settings, country: Country, store: RowStore | None) -> CountryStatus | None:
    """How it stands, without a store as far as the disk tells; None for a country without events."""
    from streams.positions.position import applied_to

    now = due.clock(settings, country)
    if now is None:
        return None
    lake = Lake(settings.lake_path)
    layouts = [layout_of(one) for one in collect().values()]
    whys = marker.unbuilt(store.marks([country.code])[country.code], country, layouts) if store else []
    weeks = Folder(settings.exports_url, country).references()
    return CountryStatus(
        code=country.code,
        clock=store.clock(country.code).mode if store else None,
        now=now,
        rows_to=whole_to(applied_to(store, country.code)) if store else None,
        lake_to=whole_to(lake.complete_to(country.code, lake.version())),
        fetchers=len(whys),
        unbuilt={layout.fetcher: why for layout, why in zip(layouts, whys, strict=False) if why},
        champions=tuple(_champion(settings, country, name) for name in country.targets),
        last_week=weeks[-1].astimezone(country.zone).date() if weeks else None,
        due=tuple(due.slots(country, now, due.done(settings, country, now))),
        at_work=turn.at_work(settings, country.code),
    )


def _champion(settings: Settings, country: Country, target: str) -> ChampionStatus:
    try:
        path = champion.champion(settings, country.code, target)
        if path is None:
            return ChampionStatus(target=target, id="", frozen_at=None, why_not="none was trained")
        info = bundle.read_info(path)
    except CorruptBundle as error:
        return ChampionStatus(target=target, id="", frozen_at=None, why_not=str(error))
    why = bundle.why_not(info, country)
    return ChampionStatus(target=target, id=info.id, frozen_at=info.reference, why_not=why)
