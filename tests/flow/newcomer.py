"""Runs in a copy of the packages that holds a newcomer's file: what has become of its fetcher, as JSON.

    python -m tests.flow.newcomer FETCHER     # the settings of running services in the environment

Every way equals the oracle in the town that stands at its second barrier; Feast has the view; the parity tests of the
fetcher's family are green and compared it.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from scv import settings
from scv.features import fetcher
from store.client import connect
from tests.flow import town
from tests.flow.town import LATER, TUESDAY
from tests.flow.ways import Compared, Place

TESTS = "tests/parity/test_fetchers.py"


def main(name: str) -> None:
    own = fetcher.get(name)
    definitions = import_module("feature_repo.definitions")
    found = {"file": str(Path(sys.modules[own.__module__].__file__ or "")), **_ways(name)}
    found["view"] = [field.name for field in getattr(definitions, f"{name}_view").features]
    found["code"] = int(pytest.main([TESTS, "-q", "-k", own.family, "-p", "no:cacheprovider"]))
    found["tested"] = _tested(name)
    print("\n" + json.dumps(found))


def _ways(name: str) -> dict[str, object]:
    config = settings.load()
    made, compared = town.make(config.home_path), Compared()
    with connect(config) as client:
        compared.at(Place(config, client, made.country, LATER, made.customers), made.logs(TUESDAY, LATER))
    return {
        "compared": {way: tally.compared[name] for way, tally in compared.tallies.items()},
        "wrong": [wrong for tally in compared.tallies.values() for wrong in tally.wrong][:5],
    }


def _tested(name: str) -> int:
    """How many of the fetcher's values the parity tests compared."""
    (module,) = (module for key, module in sys.modules.items() if key.endswith("parity.test_fetchers"))
    return int(module.TALLY.compared[name])


if __name__ == "__main__":
    main(sys.argv[1])
