"""Who looks at a customer: what pages show of one follows from it, and from nothing else."""

from __future__ import annotations

from typing import NamedTuple

from scv.features.fetcher import Feature, get
from scv.fetchers import roles


class Viewer(NamedTuple):
    """`name` is who it is; `aloud_only`: an agent at the telephone, who sees of a customer what may be said aloud."""

    name: str = ""
    aloud_only: bool = False

    def sees(self, feature: Feature) -> bool:
        """Is a variable on this viewer's page?"""
        return not self.aloud_only or is_sayable(feature)

    def sees_family(self, family: str) -> bool:
        """Are events of a family?"""
        return not self.aloud_only or family not in roles.NEVER_SAYABLE


def is_sayable(feature: Feature) -> bool:
    """May a variable be spoken of to the customer: has it words for it, and is its family not one of those of which
    nothing is said?"""
    return bool(feature.fold.sayable) and get(feature.fetcher).family not in roles.NEVER_SAYABLE
