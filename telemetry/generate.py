"""Writes what follows from the list of metrics: `python -m telemetry.generate`. A test keeps it fresh."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from scv.settings import Settings
from telemetry.dashboard import dashboard
from telemetry.endpoint import address_of
from telemetry.metric import PROCESSES, AlertRule, Process, alerts, listed

ROOT = Path(__file__).parents[1]
HEADER = "# Written by `python -m telemetry.generate` from telemetry/metrics.toml; a test keeps it fresh.\n"


def files() -> dict[str, str]:
    """Path → text of every file."""
    local = {name: "{}:{}".format(*address_of(Settings(), name)) for name in PROCESSES}
    inside = {name: f"{name}:{local[name].rpartition(':')[2]}" for name in PROCESSES}
    return {
        "docs/metrics.md": _page(),
        "deploy/prometheus/alerts.yml": HEADER + _rules(),
        "deploy/prometheus/alerts_test.yml": HEADER + _rule_tests(),
        "deploy/prometheus/prometheus.yml": HEADER + _scraping(local),
        "deploy/prometheus/compose.yml": HEADER + _scraping(inside),
        "deploy/grafana/dashboards/cerebro.json": json.dumps(dashboard(), indent=2) + "\n",
    }


def _rules() -> str:
    """The alerts, as Prometheus takes them. A JSON text is a YAML one, so each value is quoted as JSON."""
    lines = ["groups:", "  - name: cerebro", "    rules:"]
    for rule in alerts():
        lines += [
            f"      - alert: {rule.name}",
            f"        expr: {json.dumps(rule.expr)}",
            f"        for: {rule.lasts}",
            f"        labels: {json.dumps({'severity': rule.severity})}",
            "        annotations:",
            *(f"          {name}: {json.dumps(text)}" for name, text in _annotations(rule).items()),
        ]
    return "\n".join(lines) + "\n"


def _annotations(rule: AlertRule) -> dict[str, str]:
    return {"summary": rule.says, "description": rule.mend}


def _rule_tests() -> str:
    """Every alert provoked once, and once nearly: for `promtool test rules`."""
    lines = ["rule_files: [alerts.yml]", "evaluation_interval: 5m", "tests:"]
    for rule in alerts():
        raised = [{"exp_labels": rule.labels | {"severity": rule.severity}, "exp_annotations": _annotations(rule)}]
        for name, series, expected in (("fires", rule.fires, raised), ("quiet", rule.quiet, [])):
            lines += [f"  - name: {rule.name} {name}", "    interval: 1m", "    input_series:"]
            lines += [f"      - {json.dumps({'series': one, 'values': values})}" for one, values in series.items()]
            lines += ["    alert_rule_test:"]
            lines += [f"      - {json.dumps({'eval_time': '1h', 'alertname': rule.name, 'exp_alerts': expected})}"]
    return "\n".join(lines) + "\n"


def _scraping(targets: Mapping[Process, str]) -> str:
    """Prometheus's own settings: each process by its address."""
    jobs = [{"targets": [address], "labels": {"process": name}} for name, address in targets.items()]
    lines = [
        "global: {scrape_interval: 15s, evaluation_interval: 15s}",
        "rule_files: [alerts.yml]",
        "scrape_configs:",
        "  - job_name: cerebro",
        "    static_configs:",
        *(f"      - {json.dumps(job)}" for job in jobs),
    ]
    return "\n".join(lines) + "\n"


def _page() -> str:
    return "\n".join(_page_lines()) + "\n"


def _page_lines() -> Iterator[str]:
    yield from (
        "# Metrics and alerts",
        "",
        "Written by `python -m telemetry.generate` from `telemetry/metrics.toml`; a test keeps it fresh. Every",
        "long-running process serves its own at `http://HOST:PORT/metrics`, on loopback unless `CEREBRO_METRICS`",
        "([settings](settings.md)) says otherwise. Prometheus takes `deploy/prometheus/prometheus.yml` and the alerts",
        "beside it, Grafana the dashboard in `deploy/grafana`. Each page has Python's own metrics, too: memory, CPU,",
        "files. No label holds a customer.",
        "",
        "| process | port |",
        "|---|---|",
    )
    yield from (f"| {name} | {address_of(Settings(), name)[1]} |" for name in PROCESSES)
    yield from ("", "| metric | kind | labels | of | what it is |", "|---|---|---|---|---|")
    for one in listed().values():
        yield f"| `{one.name}` | {one.kind} | {', '.join(one.labels)} | {', '.join(one.of)} | {one.help} |"
    yield from ("", "## Alerts", "", "| alert | severity | says | what mends it |", "|---|---|---|---|")
    yield from (f"| `{rule.name}` | {rule.severity} | {rule.says} | {rule.mend} |" for rule in alerts())


def write(root: Path = ROOT) -> list[Path]:
    """Write every file below a folder; their paths."""
    paths = []
    for name, text in files().items():
        paths.append(root / name)
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


if __name__ == "__main__":
    write()
