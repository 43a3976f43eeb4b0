"""Rules, scrape settings, dashboard and page follow from one list of metrics; every alert says what mends it."""

from __future__ import annotations

import json
import re

import click
import pytest
import yaml

import cli
from telemetry import generate, metric
from telemetry.metric import AlertRule
from tests.sources import ROOT

FILES = generate.files()
SERIES = re.compile(r"\bcerebro_[a-z_]+")

each_alert = pytest.mark.parametrize("rule", metric.alerts(), ids=lambda rule: rule.name)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_the_list_says(name: str) -> None:
    """Run `python -m telemetry.generate`."""
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name]


@each_alert
def test_an_alert_asks_for_metrics_that_there_are(rule: AlertRule) -> None:
    for name in SERIES.findall(" ".join([rule.expr, *rule.fires, *rule.quiet])):
        known = {re.sub(r"_(bucket|count|sum)$", "", name), name} & metric.listed().keys()
        assert known, f"{name} is not in telemetry/metrics.toml"


@each_alert
def test_an_alert_names_the_step_that_mends_it(rule: AlertRule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that there is, or a setting."""
    assert rule.says.endswith(".") and rule.mend.endswith(".")
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)
    commands = [found.split() for found in re.findall(r"`cerebro ([^`]+)`", rule.mend)]
    assert commands or "CEREBRO_" in rule.mend
    for words in commands:
        assert cli.cerebro.get_command(click.Context(cli.cerebro), words[0]) is not None, words


def test_every_process_is_scraped_where_it_listens() -> None:
    for name in ("prometheus.yml", "compose.yml"):
        text = FILES[f"deploy/prometheus/{name}"]
        jobs = yaml.safe_load(text)["scrape_configs"][0]["static_configs"]
        assert [job["labels"]["process"] for job in jobs] == list(metric.PROCESSES)
        assert len({job["targets"][0] for job in jobs}) == len(metric.PROCESSES)


def test_the_dashboard_shows_every_metric_once() -> None:
    panels = json.loads(FILES["deploy/grafana/dashboards/cerebro.json"])["panels"]
    shown = [panel for panel in panels if panel["type"] != "row"]
    asked = [{name for target in panel["targets"] for name in SERIES.findall(target["expr"])} for panel in shown]
    assert {re.sub(r"_bucket$", "", name) for names in asked for name in names} == metric.listed().keys()
    assert len(shown) == len(metric.listed())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels) and all(panel["gridPos"]["h"] > 0 for panel in panels)
