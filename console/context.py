"""What the routes share: settings, jobs, other rooms, and how a country, a job or a viewer is found."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from console.jobs import Jobs
from console.live import Live
from console.problem import MEDIA, NotGranted, Problem, words
from console.recent_lake import RecentLake
from console.rooms import Rooms
from console.runner import Runner
from console.spread import Spreads
from console.viewer import Viewer
from console.visit import visit
from scv.errors import UnknownName
from scv.events import country as countries
from scv.events.country import Country
from scv.settings import Settings

_WORDS = {
    403: "Not for this caller.",
    404: "There is no such thing.",
    409: "It stands in the way of what there is.",
    413: "It is too large.",
    415: "It is of a kind that is not read.",
    422: "It cannot be done as asked.",
    429: "Too many.",
    503: "Something that it needs does not answer.",
}


class Console:
    """What the routes share."""

    def __init__(self, settings: Settings, jobs: Jobs, runner: Runner, rooms: Rooms) -> None:
        self.settings, self.jobs, self.runner, self.rooms = settings, jobs, runner, rooms
        self.live, self.lake, self.spreads = Live(settings), RecentLake(settings), Spreads(settings)
        self.followed = 0
        """Customers whose rows somebody follows now."""

    def job(self, job_id: str) -> dict[str, Any]:
        """A job that there is. Raises NotGranted."""
        found = self.jobs.job(job_id)
        if found is None:
            raise NotGranted(404, f"Unknown job {job_id[:40]!r}. GET /api/v1/fetches lists the newest.")
        return found

    def country(self, code: str) -> Country:
        """A country that there is, by its file as it is now. Raises NotGranted."""
        try:
            return countries.load(code, self.settings.countries_path)
        except UnknownName as error:
            raise NotGranted(404, words(error)) from None

    def codes(self) -> list[str]:
        """The countries that whoever looks can ask about."""
        return [code for code in sorted(countries.states(self.settings.countries_path)) if visit().may_see([code])]

    def listed(self) -> list[dict[str, Any]]:
        """The newest jobs whose countries he may see."""
        return [job for job in self.jobs.listed() if visit().may_see(job["countries"])]

    def status(self) -> dict[str, Any]:
        """How it stands, of his countries."""
        told = self.rooms.status()
        return {**told, "countries": [one for one in told.get("countries", ()) if visit().may_see([one["code"]])]}

    def alerts(self) -> list[dict[str, Any]]:
        """Those of the last day, where he may look at customers, of his countries."""
        shows = visit().may_open("/customers")
        return [one for one in self.rooms.alerts() if visit().may_see([one["country"]])] if shows else []


def _console(request: Request) -> Console:
    found: Console = request.app.state.console
    return found


Here = Annotated[Console, Depends(_console)]


def _place(country: Annotated[str, Path(examples=["US"], description="Code of a country.")], console: Here) -> Country:
    return console.country(country)


Place = Annotated[Country, Depends(_place)]
"""The country that the path names; 404 for one that there is not."""


def _viewer(request: Request) -> Viewer:
    found: Viewer | None = getattr(request.state, "viewer", None)
    return found or Viewer(visit().caller.name, visit().aloud_only)


Looking = Annotated[Viewer, Depends(_viewer)]
"""Who looks, by what the door before the routes found out of him."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may be refused with, for its description."""
    return {one: {"model": Problem, "description": _WORDS[one], "content": {MEDIA: {}}} for one in statuses}
