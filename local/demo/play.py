"""The demo from curtain to curtain."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from commands import parity as comparing
from local.demo import alert, chapters, quality, speeds
from local.demo.findings import Findings
from local.demo.shop import FROZEN, Shop
from local.demo.stage import Stage
from scv import figures
from scv.errors import CerebroError
from scv.events import country as countries
from scv.settings import Settings

NEXT = """\
{state}
  .venv/bin/cerebro score US {household}
  .venv/bin/cerebro fetch US -d 2017-09-05 --out scv.csv
  .venv/bin/feast -c feature_repo feature-views list"""
UP = "The services are up; `.venv/bin/cerebro down` stops them. Three commands to go on with:"
DOWN = "The services are stopped; `.venv/bin/cerebro up --all` starts them again over the same files. Then:"


def play(keep: bool, broker: str, store: str) -> None:
    """Everything, in order; the services end with it unless `keep`."""
    found = Findings()
    with ExitStack() as stack:
        with found.step("Starting broker, store, consumers and scorer"):
            stage = stack.enter_context(Stage(broker, store))
        with found.step("Reading the households, inventing ZZ"):
            shops = _shops(stage.settings)
        american, invented = shops
        found.show("What this is", chapters.WHAT.format(provenance=american.country.provenance))
        basket = chapters.first_score(stage, american, found)
        with alert.reactor(stage):
            chapters.basket_arrives(stage, american, basket, found)
            alert.tell(stage, found)
        with found.step("Replaying the invented country"):
            stage.play(invented.path, None, invented.at(FROZEN))
        chapters.learn(stage, shops, found)
        chapters.first_tuesday(stage, shops, found)
        chapters.recorded(stage, invented, found)
        _parity(stage, shops, found)
        chapters.silence(stage, american, found)
        chapters.hindsight(stage, american, found)
        quality.judge(stage, american, found)
        speeds.tell(stage, american, found)
        if keep:
            stage.stay()
    state = UP if keep else DOWN
    found.show("Now you", NEXT.format(state=state, household=basket.household))
    found.recap()


def _shops(settings: Settings) -> tuple[Shop, Shop]:
    from proof.world import simulate
    from streams.replay.completejourney import events_file
    from streams.replay.history import write_parquet

    american, invented = (countries.load(code, settings.countries_path) for code in ("US", "ZZ"))
    path: Path = settings.home_path / "events" / "ZZ.parquet"
    write_parquet(simulate(invented, customers=300, weeks=40, seed=7), path)
    return Shop(american, events_file(settings)), Shop(invented, path)


def _parity(stage: Stage, shops: tuple[Shop, Shop], found: Findings) -> None:
    """Every way to a value, of both countries at the barrier."""
    rows = []
    with found.step("Parity: batch, rows, Feast online, Feast historical, scorer"):
        for shop in shops:
            for tally in comparing.measure(stage.settings, shop.country, shop.at(FROZEN), lambda text: None):
                rows += comparing.figures_of(shop.country.code, tally)
    figures.write("parity", rows)
    wrong, compared = (sum(int(getattr(row, side) or 0) for row in rows) for side in ("ours", "peer"))
    if wrong or not compared:
        raise CerebroError(f"Parity: {wrong} of {compared} values differ. `cerebro parity` says which.")
    ways = "batch = rows = Feast online = Feast historical = the scorer's vector and probability"
    found.show("Parity", f"{wrong} mismatches of {compared:,} compared values: {ways}.")
