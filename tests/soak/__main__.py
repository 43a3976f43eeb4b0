"""`make soak`: half an hour of a live country at a steady rate; nothing grows, and rows stay fresh."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from prometheus_client.parser import text_string_to_metric_families

from local.services.process import LOOPBACK, free_port, interruptible
from local.services.workers import READY_S, metrics_address, serving
from proof import figures
from scv.events.country import Country
from scv.online.reader import Reader
from scv.settings import Settings
from telemetry.endpoint import address_of
from telemetry.metric import PROCESSES
from terminal import listing
from tests.faults.__main__ import PLACES
from tests.faults.stage import Stage, stage
from tests.faults.verdict import Verdict, judge
from tests.soak import held
from tests.soak.figure import Soak, rows
from tests.soak.load import Calls, Probe, Sending, promote
from tests.soak.slope import quantile
from tests.soak.watch import Watch
from tests.streams.test_bounded_time import wall_country

NAME = "soak"
MEMBERS = ("online-1", "lake-1", "scorer", "reactor")
EVENTS, SCORES = 500, 50
MINUTES = 30
OPENING_S = 15.0
"""Of events before the first score: somebody must be there to be scored."""
SAY_EVERY_S = 10.0
REST_EVERY_S, REST_S, FIRST_REST_S = 40.0, 8.0, 24.0
"""Now and then nobody sends for so long, and what was not sent comes at once afterwards: what a process holds then is
what stays. Under load the least of a minute is what compaction works with, and that grows with the month's files. The
first rest is so long that a whole batch comes at once: what the largest takes is taken before anything is judged."""
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")


@click.command(epilog="Example: python -m tests.soak --minutes 2 --on embedded")
@click.option("--minutes", type=click.FloatRange(min=0.5), default=MINUTES, show_default=True)
@click.option("--on", "place", type=click.Choice(list(PLACES)), default="real", show_default=True)
@click.option("--keep", is_flag=True, help="Keep the home, with the members' logs.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(minutes: float, place: str, keep: bool, folder: Path) -> None:
    """Exit 1 where a bar is missed: memory, freshness, files, logs, and every value that was kept."""
    home = Path(tempfile.mkdtemp(prefix="cerebro-soak-"))
    try:
        with interruptible():
            soak = _soak(minutes * 60, *PLACES[place], home)
    finally:
        if keep:
            _say(f"Kept: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    figures.write(NAME, list(rows(soak)), folder)
    found = figures.read(NAME, folder)
    for line in (*soak.verdict.said, *soak.ends):
        _say(line)
    listing.show(COLUMNS, [figures.cells(row) for row in found])
    sys.exit(any(row.ok is False for row in found))


def _soak(seconds: float, broker: str, store: str, home: Path) -> Soak:
    country = wall_country(Settings(home=str(home)), "WC")
    chosen = {"scorer": f"{LOOPBACK}:{free_port()}", "metrics": metrics_address()}
    with stage(broker, store, home, MEMBERS, **chosen) as made:
        settings, reader = made.settings, Reader(made.store)
        sending = Sending(settings, country, 1, EVENTS)
        sending.start()
        time.sleep(OPENING_S)
        made.recovered()
        promote(settings, country, reader, sending.sample)
        made.members["scorer"].wait_ready(lambda: serving(settings.scorer), READY_S)
        probe, calls = Probe(settings, country, reader), Calls(settings, country, sending.sample, SCORES)
        watch, begun, before = Watch(made), time.monotonic(), sending.sent
        for one in (probe, calls, watch):
            one.start()
        try:
            _wait(seconds, sending, lambda: _progress(made, watch, probe, sending))
        finally:
            took, sent = time.monotonic() - begun, sending.sent - before
            for one in (watch, calls, probe, sending):
                one.end()
        made.recovered()
        return Soak(
            seconds=took,
            rates={
                "events a second": (sent / took, EVENTS),
                "scores a second": (sum(map(len, calls.seconds.values())) / took, SCORES),
            },
            memory=watch.memory,
            resident=watch.resident,
            files=watch.files,
            lines=watch.lines,
            ages=probe.ages,
            calls=calls.seconds,
            failed=calls.failed,
            month_files=watch.month_files,
            lake_share=watch.lake_share,
            ends=made.ends,
            verdict=_verdict(made, sending, probe, country),
        )


def _verdict(made: Stage, sending: Sending, probe: Probe, country: Country) -> Verdict:
    """Every value of a sample and of the probe's customers, every id, every place."""
    acked = sending.acked | probe.acked
    customers = {one.customer_id for one in acked.values()}
    verdict = judge(made.settings, made.store, acked, country, customers)
    missing, verdict.dup = held.lost(made.settings, [*sending.ids, *probe.acked])
    verdict.lost = len(missing)
    return verdict


def _wait(seconds: float, sending: Sending, say: Callable[[], None]) -> None:
    begun = time.monotonic()
    end, rest, long = begun + seconds, begun + REST_EVERY_S, FIRST_REST_S
    while (left := end - time.monotonic()) > 0:
        if time.monotonic() >= rest and left > 2 * long:
            with sending.held():
                time.sleep(long)
            rest, long = rest + REST_EVERY_S, REST_S
        time.sleep(min(SAY_EVERY_S, left))
        say()


def _progress(made: Stage, watch: Watch, probe: Probe, sending: Sending) -> None:
    memory = ", ".join(f"{name} {points[-1].value:,.0f} MB" for name, points in watch.memory.items())
    p99 = quantile([point.value for point in probe.ages], 0.99)
    scraped = _scraped(made.settings)
    asked = f"reactor asked {scraped.get('asked', 0):,.0f} of {scraped.get('heard', 0):,.0f}"
    _say(
        f"{watch.elapsed_s:5.0f} s: {sending.sent:,} events; {scraped.get('lag', 0):,.0f} behind; fresh within "
        f"{p99:.2f} s; {memory}; {asked}."
    )


def _scraped(settings: Settings) -> Counter[str]:
    """As an operator's Prometheus does, which also shows whether being scraped makes anything grow."""
    told = Counter[str]()
    for process in PROCESSES:
        host, port = address_of(settings, process)
        with suppress(OSError), urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=5) as page:
            for metric in text_string_to_metric_families(page.read().decode()):
                for sample in metric.samples:
                    if sample.name == "cerebro_lag_records":
                        told["lag"] += int(sample.value)
                    elif sample.name == "cerebro_reactor_customers_total":
                        told[sample.labels["outcome"]] += int(sample.value)
    return told


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main(prog_name="python -m tests.soak")
