"""Answers a question about customers of a country, now or at an earlier reference; knows nothing of gRPC."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from scorer.archive import Archive
from scorer.champions import Champions
from scorer.explanation import ScoreExplanation, explanations
from scorer.live.movers import Movers, MoversQuestion, moved
from scorer.scoring import Rules, Score, score
from scorer.served.vector_log import Answer, VectorLog
from scorer.subjects import Subjects, blank, of_views
from scv.errors import BadSetting, CerebroError, UnknownName, expect
from scv.events import country as countries
from scv.events.clock import check_reference
from scv.events.country import Country
from scv.features import fetcher
from scv.language import known
from scv.model.bundle import Bundle
from scv.online.reader import Reader, View
from scv.online.rowstore import RowStore
from scv.settings import Settings

log = logging.getLogger("cerebro.scorer")
NO_CLOCK = "{} has no clock yet: its replay has not begun."


class NotReady(CerebroError):
    """Nothing to answer with yet: no model, no row that is built, or a replay that has not begun."""


class ScoreQuestion(NamedTuple):
    """Whom is asked about; all of the country's targets unless some are named; now, or at an earlier `reference`.

    Reasons are in `language`, or the country's; or there are none.
    """

    customer_ids: Sequence[str]
    targets: Sequence[str] = ()
    reference: datetime | None = None
    language: str = ""
    with_reasons: bool = True


class AskedCustomers(NamedTuple):
    """The country, the same in the language that is asked for, its models, the customers as they were found, and the
    views that they were made of (none of a snapshot's)."""

    country: Country
    said: Country
    models: Mapping[str, Bundle | None]
    subjects: Subjects
    views: Sequence[View]


@functools.lru_cache(maxsize=64)
def in_language(country: Country, language: str) -> Country:
    """The country with its sentences in another language. Raises UnknownName."""
    expect("language", [language], known())
    return msgspec.structs.replace(country, language=language)


class Answers:
    """Reads and scores; keeps of customers nothing but the sampled vectors, and who moved most. Safe to share between
    threads.

    `client` is a connected Redis or Valkey client; its errors are the caller's.
    """

    def __init__(self, settings: Settings, client: Any) -> None:
        self._settings, self._folder = settings, settings.countries_path
        self._reader = Reader(client)
        self._store = RowStore(client)
        self._fetchers = list(fetcher.collect().values())
        self._countries: dict[str, tuple[object, Country]] = {}
        self.champions = Champions(settings)
        self.archive = Archive(settings)
        self.rules = Rules(settings.refuse_after_s, settings.hold_out_salt)
        self.vectors = VectorLog(settings)
        self._movers = Movers()

    def answer(self, code: str, question: ScoreQuestion, alive: Callable[[], None] = lambda: None) -> list[Score]:
        """One score per id, in order.

        `alive` is called between steps and may raise. Raises UnknownName (country, target, language), NotReady,
        UserError (a reference after the clock or without snapshot), CorruptBundle or StaleBundle, StoreUnusable, or the
        store client's error.
        """
        asked = self._asked(code, question)
        alive()
        scores = self._scores(asked, question)
        self.vectors.keep(Answer(asked.country, asked.views, asked.subjects, asked.models, scores))
        return scores

    def explain(self, code: str, question: ScoreQuestion) -> tuple[Score, list[ScoreExplanation]]:
        """The score of the one customer who is asked about, and what it is made of. Raises as `answer` does."""
        asked = self._asked(code, question)
        (only,) = self._scores(asked, question)
        return only, explanations(asked.subjects, asked.models, only)

    def movers(self, code: str, question: MoversQuestion, alive: Callable[[], None] = lambda: None) -> list[Score]:
        """Who moved most since last Tuesday's file, of those who were asked about since: as they stand now, the most
        moved first. Raises as `answer` does."""
        ids = self._movers.top(code, question)
        if not ids:
            return []
        asked = ScoreQuestion(ids, (question.target,), None, question.language, question.with_reasons)
        return moved(self.answer(code, asked, alive), question)

    def check_movers(self, code: str, question: MoversQuestion) -> None:
        """Can anybody have moved? Raises UnknownName (country, target, language), and NotReady where nothing is told
        of the target in a file of last Tuesday's."""
        country = self.country(code)
        in_language(country, question.language or country.language)
        self.models(country, (question.target,))
        now = self._store.clock(country.code).now
        if now is None:
            raise NotReady(NO_CLOCK.format(country.code))
        if not self.archive.past(country, now).get(question.target):
            raise NotReady(
                f"No file of last Tuesday's tells of {question.target} in {country.code}, so nobody can have moved "
                "since. `cerebro week` makes one."
            )

    def warm(self) -> None:
        """Load every champion and score nobody once, so that the first caller does not wait for it (seconds)."""
        import lightgbm  # noqa: F401  # also where there is no champion yet: the first one comes while calls run

        nobody = blank(self._fetchers)
        for country in countries.known(self._settings.countries_path).values():
            for target in country.targets:
                try:
                    model = self.champions.of(country, target)
                    if model is not None:
                        model.score(model.matrix(nobody.features))
                    score(nobody, country, {target: model}, self.rules, {})
                except CerebroError as error:
                    log.error("no scores of %s %s: %s", country.code, target, error)

    def country(self, code: str) -> Country:
        """The country of that code, read again where its file changed. Raises UnknownName.

        A file that is edited to what cannot be used changes nothing, and is told of once.
        """
        changed = countries.changed(code, self._folder)
        seen = self._countries.get(code)
        if seen is None or seen[0] != changed:
            try:
                country = countries.load(code, self._folder)
            except BadSetting as error:
                if seen is None:
                    raise
                log.error("%s. Going by what it said before until it is mended.", error)
                country = seen[1]
            seen = self._countries[code] = (changed, country)
        return seen[1]

    def models(self, country: Country, targets: Sequence[str]) -> Mapping[str, Bundle | None]:
        """The champion of each target; None where there is none yet, NotReady if there is none at all."""
        for target in targets:
            if target not in country.targets:
                raise UnknownName("target", target, country.targets, f"Those are the targets of {country.code}.")
        wanted = dict.fromkeys(targets or country.targets)
        found = {target: self.champions.of(country, target) for target in wanted}
        if not any(found.values()):
            raise NotReady(f"{country.code} has no model of {', '.join(found)} yet: run `cerebro train`.")
        return found

    def _asked(self, code: str, question: ScoreQuestion) -> AskedCustomers:
        """What was found of whom is asked about."""
        country = self.country(code)
        said = in_language(country, question.language) if question.language else country
        models = self.models(country, question.targets)
        return AskedCustomers(country, said, models, *self._read(country, question.customer_ids, question.reference))

    def _scores(self, asked: AskedCustomers, question: ScoreQuestion) -> list[Score]:
        instants = [at for at in asked.subjects.at if at is not None]
        if not instants:
            raise NotReady(NO_CLOCK.format(asked.country.code))
        past = self.archive.past(asked.country, min(instants))
        scores = score(asked.subjects, asked.said, asked.models, self.rules, past, question.with_reasons)
        if question.reference is None:
            self._movers.note(asked.country, min(instants), scores)
        return scores

    def _read(
        self, country: Country, customer_ids: Sequence[str], reference: datetime | None
    ) -> tuple[Subjects, Sequence[View]]:
        """Whom to score, and the views that they were made of: none of a snapshot's."""
        if reference is not None:
            now = self._store.clock(country.code).now
            if now is not None:
                check_reference(reference, now, country)
            return self.archive.subjects(country, reference).pick(customer_ids), ()
        views = self._reader.read(country, customer_ids, self._fetchers)
        if not any(reading.built for view in views for reading in view.fetchers.values()):
            raise NotReady(
                f"No rows of {country.code} are built, so nobody can be told known from unknown. "
                "Run `cerebro rebuild`; while one is at work, wait for its end."
            )
        return of_views(views, self._fetchers, self._settings.stale_after_s), views
