"""A week as it is published, of given files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from scorer.tuesday.manifest import VERSION, File, WeekManifest
from scv import stamp
from scv.events import calendar
from scv.events.country import Country
from scv.targets import target


def manifest_of(country: Country, at: datetime, files: Mapping[str, bytes]) -> WeekManifest:
    """What it says of itself: one target, answered by nobody."""
    date = calendar.label(at, country)
    asked = {"target lapse": target.get("lapse").fingerprint}
    sums = {name: stamp.sha256_of(body) for name, body in files.items()}
    return WeekManifest(
        country=country.code, date=date, reference=at, list_id=f"{country.code}-lapse-{date}", target="lapse",
        models={"lapse": ""}, data_complete_to=at, counts={}, schema={}, version=VERSION,
        files={name: File(bytes=len(body), rows=1) for name, body in files.items()},
        stamp=stamp.of(country, stamp.WEEK, definitions=asked, files=sums),
    )  # fmt: skip
