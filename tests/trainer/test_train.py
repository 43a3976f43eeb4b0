"""A whole run on an invented world: rows, search, gate, bundle, champion, report, quality."""

from __future__ import annotations

import html.parser
import re
import shutil
import threading
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from local.quality import figures, quality
from scv import atomic
from scv.errors import UserError
from scv.events import country
from scv.events.calendar import add_days, midnight
from scv.features.array import Features
from scv.features.fetcher import all_features
from scv.model import bundle, champion
from scv.offline.lake_version import LakeVersion
from scv.settings import Settings
from scv.targets import target
from scv.targets.labels import Labels
from trainer.past import Past
from trainer.recipe import DEFAULT
from trainer.train import Plan, Trained, train

US = country.load("US")
LAPSE = target.get("lapse")
FIRST = midnight(date(2017, 1, 31), US.zone)
FROZEN = midnight(date(2017, 9, 5), US.zone)


class Told:
    """Outcomes that follow the silence of each row, by chance."""

    def __init__(self, table: pa.Table) -> None:
        self.country = US
        random = np.random.default_rng(5)
        silent = np.array(table["orders__days_since"].to_pylist())
        outcomes = (random.random(len(table)) < 1 / (1 + np.exp(3.5 - silent / 6))).astype(float)
        keys = zip(table["event_timestamp"].cast(pa.int64()).to_pylist(), table["customer_id"].to_pylist(), strict=True)
        self._y = dict(zip(keys, outcomes, strict=True))

    def labels(self, asked: target.Target, at_us: np.ndarray, customers: list[str], known: Features) -> Labels:
        y = np.array([self._y[int(us), one] for us, one in zip(at_us, customers, strict=True)])
        return Labels(y, np.full(len(y), "", dtype=object), np.where(y == 1, asked.name, "").astype(object))


def past_of(first: datetime, weeks: int, at: datetime, known: datetime, seed: int = 1) -> Past:
    """`weeks` Tuesdays of 60 customers with every order feature."""
    random = np.random.default_rng(seed)
    customers = [f"c{i}" for i in range(60)]
    stamps = [add_days(first, 7 * k, US.zone) for k in range(weeks)]
    n = len(customers) * weeks
    columns: dict[str, pa.Array] = {
        "country": pa.array(["US"] * n),
        "customer_id": pa.array(customers * weeks),
        "event_timestamp": pa.array(np.repeat(stamps, len(customers)).tolist(), pa.timestamp("us", tz="UTC")),
    }
    for name, feature in all_features().items():
        if feature.dtype == "str":
            columns[name] = pa.nulls(n, pa.string())
        elif name.startswith(("orders__", "rhythm__")):
            columns[name] = pa.array(random.integers(0, 28, n).astype("int64" if feature.dtype == "int" else "float64"))
        else:
            columns[name] = pa.nulls(n, pa.int64() if feature.dtype == "int" else pa.float64())
    columns["orders__tenure"] = pa.array(random.integers(0, 400, n))
    table = pa.table(columns)
    return Past(US, at, table, Told(table), known, LakeVersion({}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def past() -> Past:
    return past_of(FIRST, 23, FROZEN, FROZEN)


@pytest.fixture(scope="module")
def first(past: Past, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Trained]:
    """A home with the default of that past, and what its training said."""
    settings = Settings(home=str(tmp_path_factory.mktemp("first") / "home"))
    return settings, train(settings, past, LAPSE, Plan("default", report=False))


@pytest.fixture
def settings(first: tuple[Settings, Trained], tmp_path: Path) -> Settings:
    """A copy of that home."""
    return Settings(home=str(shutil.copytree(first[0].home, tmp_path / "home")))


def test_first_the_default_then_the_search_through_the_gate(
    past: Past, first: tuple[Settings, Trained], settings: Settings
) -> None:
    home, default = first
    assert default.promoted and default.path == champion.champion(home, "US", "lapse")
    assert default.recipe == DEFAULT
    loaded = bundle.load(default.path, US)
    assert loaded.info.trained_on.references == 23
    assert loaded.info.reference == FROZEN
    again = train(settings, past, LAPSE, Plan("default", report=False))
    assert again.path == champion.champion(settings, "US", "lapse"), "the same past gives the same bundle"
    assert again.path.relative_to(settings.home) == default.path.relative_to(home.home)
    steps: list[tuple[str, int, int]] = []
    second = train(settings, past, LAPSE, Plan(trials=2, report=False), lambda *step: steps.append(step))
    assert second.promoted and second.path is not None
    assert [done for _, done, _ in steps] == [1, 2, 2, 3, 4, 5] and steps[-1][1:] == (5, 5)
    judged = {"candidate", "incumbent", "RFM-LightGBM", "RFM-logistic"}
    assert set(second.figures["gate"]) == judged | {"shuffled", "movement"}
    assert set(second.as_json()) >= {"id", "target", "promoted", "why", "seconds"}


def test_a_training_waits_for_the_one_that_is_at_work(past: Past, settings: Settings) -> None:
    """`cerebro due` may begin one while somebody types the same: both end well, one after the other."""
    told: list[str] = []
    waits, ended = threading.Event(), list[str]()

    def progress(text: str, done: int, total: int) -> None:
        told.append(text)
        if total == 0:
            waits.set()

    def second() -> None:
        train(settings, past, LAPSE, Plan("default", report=False), progress)
        ended.append("second")

    thread = threading.Thread(target=second)
    with atomic.alone(champion.folder(settings, "US", "lapse")):
        thread.start()
        assert waits.wait(30) and "waiting" in told[0]
        ended.append("first")
    thread.join(60)
    assert ended == ["first", "second"]


def test_the_report_is_one_page_with_honest_words_first(past: Past, settings: Settings) -> None:
    path = train(settings, past, LAPSE, Plan(trials=1)).path
    assert path is not None
    text = (path / "report.html").read_text(encoding="utf-8")
    seen: list[tuple[str, str]] = []

    class Links(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.extend((tag, value or "") for name, value in attrs if name in {"src", "href", "alt"})

    Links().feed(text)
    alts, pictures = seen[::2], seen[1::2]
    assert alts == [
        ("img", "precision and recall, reliability, lift"),
        ("img", "learning curves"),
        ("img", "precision and recall, reliability, importances, study history, score drift"),
        ("img", next(alt for _, alt in alts if alt.startswith("dependence on orders__days_since"))),
    ]
    assert len(pictures) == 4 and all(value.startswith("data:image/png;base64,") for _, value in pictures)
    words = re.sub(r"<[^>]*>", " ", text)
    for line in (
        "grocery shopping, not subscriptions",
        "no order in the next 56 days",
        "no one cancelled anything",
        "frequent shoppers",
        "undated demographics were not used",
        "intervals are by customer",
        "baselines were fitted in this run",
        "nothing here measures contact",
        "Of the 100 you can contact each week",
        "All customers instead of half moved the log loss",
        "The last 4 weeks beside all before",
        "27 to 52 weeks",
    ):
        assert line in words, line
    assert not re.search(r"\bc\d+\b", words), "no customer is named"


def test_quality_on_later_tuesdays(past: Past, first: tuple[Settings, Trained]) -> None:
    path = first[1].path
    assert path is not None
    known = midnight(date(2017, 12, 31), US.zone)
    after = past_of(FROZEN, 9, known, known, seed=2)
    found = quality(bundle.load(path, US), past, after, LAPSE, midnight(date(2017, 10, 24), US.zone))
    assert len(found.references) == 8 and found.references[0] == FROZEN
    assert found.ours.figures["rows"] == 480 and found.customers == 60
    assert found.better_peer.figures["log_loss"] == min(peer.figures["log_loss"] for peer in found.peers)
    assert found.better_peer.beaten == (found.better_peer.loss.high < 0 and found.better_peer.auc.value >= -0.003)
    rows = figures(found)
    assert len(rows) == 4 and rows[0].ok == (found.better_peer.loss.high < 0)
    assert "Of the 100 you can contact each week" in found.contacts.sentence()


def test_nothing_to_learn_says_what_is_missing(past: Past, settings: Settings) -> None:
    early = past_of(FIRST, 3, FIRST, FIRST)
    with pytest.raises(UserError, match=r"no row has a mature label.*56 days"):
        train(settings, early, LAPSE)


def test_a_damaged_champion_does_not_stop_the_next(past: Past, settings: Settings) -> None:
    path = champion.champion(settings, "US", "lapse")
    assert path is not None
    (path / "model.txt").write_text("tree")
    assert train(settings, past, LAPSE, Plan("default", report=False)).path == path
    bundle.load(path, US)
