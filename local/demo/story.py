"""The story: from an empty folder to how right Tuesday's lists were, each step a command line that anybody may type."""

from __future__ import annotations

import shlex
import time
from datetime import date, datetime, timedelta
from typing import Any

from local import completejourney
from local.demo import findings, stage
from local.demo.narrator import Narrator
from scv.events import calendar
from scv.events import country as countries
from scv.features import fetcher
from scv.online.reader import Reader
from scv.settings import Settings
from store.client import connect
from terminal.bar import Bar

NOON = "2017-09-04T12:00:00-04:00"  # of the Monday before the list
FROZEN = "2017-09-05"  # the Tuesday of the list: the champion is what was known then
LAST = "2017-10-31"  # the last Tuesday whose 56-day label is final before the data ends
END = "2017-12-28"  # all of those labels are mature: 56 days after LAST, and the late allowance
WHAT = """\
Grocery shopping, not subscriptions: {provenance}. A lapse here means that no basket came for 56 days; no one
cancelled anything. The panel was chosen from frequent shoppers, so its rates do not transfer. Their undated
demographics are not used. Beside it runs ZZ, a small country that `cerebro simulate` invented, with recorded
cancellations. No customer was contacted, so nothing here measures contact."""


class Story:
    """The chapters, told in the order of `play` beside running services."""

    def __init__(self, narrator: Narrator, settings: Settings) -> None:
        self._narrator, self._settings = narrator, settings
        self._us, self._zz = (countries.load(code, settings.countries_path) for code in ("US", "ZZ"))
        self._store = connect(settings)
        self._replayed, self._replay_s = 0, 0.0

    def play(self) -> str:
        """All of it; the household that it tells of."""
        say, what = self._narrator, WHAT.format(provenance=self._us.provenance)
        invented = say.run("simulate --customers 300 --weeks 40 --seed 7 --erased 0 --swapped 0 --skewed 0").strip()
        say.show("What this is", what)
        one = self._first_score()
        self._replay(FROZEN)
        self._replay(FROZEN, shlex.quote(invented), anyway=True)  # some of its events come too late, on purpose
        for code in ("US", "ZZ"):
            say.run(f"train {code} -d {FROZEN}", aloud=True)
        self._first_tuesday()
        self._parity()
        self._silence()
        self._replay(END)
        *said, page = say.run(f"feedback US --note {shlex.quote(what)}").splitlines()
        note = "Nobody was contacted: the held-out comparison on that page is a placebo check."
        say.show("What the list is worth", *said, note, page)
        say.step("Quality on nine later Tuesdays, beside RFM-LightGBM and RFM-logistic")
        with Bar("judging"):
            judged = findings.quality(self._settings, self._us, FROZEN, LAST, END)
        say.show("Model quality", *judged)
        last, rate = findings.week(self._settings, self._us, LAST), self._replayed / self._replay_s
        say.show("Speeds", *findings.speeds(self._settings, last, rate, say.seconds))
        return one

    def _first_score(self) -> str:
        """Eight months of baskets, the small default model, a score; then a basket comes, and an alert."""
        say, noon = self._narrator, datetime.fromisoformat(NOON)
        self._replay(NOON)
        say.run(f"train US -d {NOON} --target lapse --default --no-report", aloud=True)
        one, at_us, gap_days, _ = self._household(findings.RETURNING, noon, noon + timedelta(hours=9))
        first = f"The first live score, {say.seconds:.0f} s after the start."
        row, answer = self._row(one), self._lapse(one)
        say.show("One household", first, f"Household {one} before its next basket: {row}", f"  {answer}")
        say.step("cerebro react &")
        with stage.react(self._settings, self._store):
            lines = [f"Household {one} comes back after {gap_days} days; its basket arrives through Kafka."]
            for when, until_us in (("before:", at_us), ("after: ", at_us + 1)):
                self._replay(calendar.from_us(until_us).astimezone(self._us.zone).isoformat())
                lines += [f"Row {when} {self._row(one)}", f"  {self._lapse(one)}"]
            say.show("One household", *lines)
            say.show("An alert", *findings.alerts(self._settings))
        return str(one)

    def _first_tuesday(self) -> None:
        """Tuesday's files of both countries, and the invented country's surest cancellation."""
        say, compared = self._narrator, self._tuesday("US ZZ", FROZEN)
        same = f"It equals the live scorer: 0 of {compared:,} values differ."
        say.show("Tuesday's sheet", *findings.sheet(findings.week(self._settings, self._us, FROZEN)), same)
        rows = findings.week(self._settings, self._zz, FROZEN).scores().to_pylist()
        asked = [row for row in rows if row["target"] == "cancellation" and row["probability"]]
        who = max(asked, key=lambda row: row["probability"])["customer_id"]
        (reply,) = say.ask(f"score ZZ {who}")
        answers = [f"  {findings.answer(reply, self._zz, name)}" for name in self._zz.targets]
        text = f"Subscriber {who} of ZZ, {reply['phase']}; nothing about it is real."
        say.show("Recorded cancellations (invented country)", text, *answers)

    def _parity(self) -> None:
        """Every way to a value, of both countries at the barrier."""
        (told,) = self._narrator.ask(f"parity US ZZ -d {FROZEN}")
        ways = "batch = rows = Feast online = Feast historical = the scorer's vector and probability"
        text = f"{told['differing']} mismatches of {told['compared']:,} compared values: {ways}."
        self._narrator.show("Parity", text)

    def _silence(self) -> None:
        """Tuesday by Tuesday with the champion frozen; one household does nothing and its score moves."""
        tuesdays = [str(day) for day in calendar.tuesdays(date.fromisoformat(FROZEN), date.fromisoformat(LAST))]
        since, until = (calendar.reference(day, self._us) for day in (FROZEN, tuesdays[3]))
        (quiet,) = self._household(findings.SILENT, since, until)
        lines = [f"Household {quiet}: no event reached it between these instants."]
        for number, day in enumerate(tuesdays):
            if number:
                self._replay(day)
                self._tuesday("US", day)
            if number < 4:
                lines += [f"  {self._lapse(quiet)}", f"    row: {self._row(quiet)}"]
            if number == 3:
                self._narrator.show("A household that does nothing", *lines)

    def _replay(self, until: str, source: str = "completejourney", *, anyway: bool = False) -> None:
        begun = time.monotonic()
        line = f"replay {source} --until {until}" + " --anyway" * anyway
        _, *families = self._narrator.run(line).splitlines()
        self._replay_s += time.monotonic() - begun
        self._replayed += sum(int(line.split("\t")[1]) for line in families)

    def _tuesday(self, codes: str, day: str) -> int:
        """Publish a week. The number of values in it, each of which the live scorer says as well."""
        self._narrator.run(f"week {codes} -d {day}", aloud=day == FROZEN)
        return sum(one["compared"] for one in self._narrator.ask(f"export {codes} -d {day} --reconcile"))

    def _household(self, rule: str, since: datetime, until: datetime) -> tuple[Any, ...]:
        return findings.household(rule, completejourney.events_file(self._settings), since, until)

    def _lapse(self, household: str) -> str:
        (reply,) = self._narrator.ask(f"score US {household}")
        return findings.answer(reply, self._us, "lapse")

    def _row(self, household: str) -> str:
        (view,) = Reader(self._store).read(self._us, [household], list(fetcher.collect().values()))
        return findings.row(view)
