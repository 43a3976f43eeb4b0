"""Grafana's dashboard: one panel a metric, one row a process."""

from __future__ import annotations

from typing import Any

from telemetry.metric import PROCESSES, Metric, listed

WIDTH, HEIGHT, COLUMNS = 12, 8, 2
SOURCE = {"type": "prometheus", "uid": "${source}"}
_UNITS = {"seconds": "s", "bytes": "bytes"}


def dashboard() -> dict[str, Any]:
    """As Grafana imports it; it asks for its Prometheus."""
    panels: list[dict[str, Any]] = []
    y = 0
    for process in PROCESSES:
        shown = [metric for metric in listed().values() if metric.of[0] == process]
        if not shown:
            continue
        panels.append(_placed({"type": "row", "title": process, "collapsed": False}, len(panels), 0, y, 24, 1))
        for number, metric in enumerate(shown):
            row, column = divmod(number, COLUMNS)
            place = (column * WIDTH, y + 1 + row * HEIGHT, WIDTH, HEIGHT)
            panels.append(_placed(_panel(metric), len(panels), *place))
        y += 1 + -(-len(shown) // COLUMNS) * HEIGHT
    return {
        "uid": "cerebro",
        "title": "Cerebro",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": panels,
    }


def _placed(panel: dict[str, Any], number: int, x: int, y: int, w: int, h: int) -> dict[str, Any]:
    return {"id": number + 1, "gridPos": {"x": x, "y": y, "w": w, "h": h}, **panel}


def _panel(metric: Metric) -> dict[str, Any]:
    targets = [
        {"refId": "AB"[number], "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for number, (expr, legend) in enumerate(_questions(metric))
    ]
    per_second = metric.kind == "counter"
    unit = "cps" if per_second else _UNITS.get(metric.unit, "short")
    return {
        "type": "timeseries",
        "title": f"{metric.name.removeprefix('cerebro_').replace('_', ' ')}{' per second' if per_second else ''}",
        "description": metric.help,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": targets,
    }


def _questions(metric: Metric) -> list[tuple[str, str]]:
    """(PromQL, legend) of each line."""
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or metric.name
    by = f" by ({', '.join(metric.labels)})" if metric.labels else ""
    if metric.kind == "counter":
        return [(f"sum{by} (rate({metric.name}[5m]))", legend)]
    if metric.kind == "gauge":
        return [(f"{'sum' if metric.name == 'cerebro_lag_records' else 'max'}{by} ({metric.name})", legend)]
    bucket = f"sum by ({', '.join([*metric.labels, 'le'])}) (rate({metric.name}_bucket[5m]))"
    return [(f"histogram_quantile({q}, {bucket})", f"{legend} p{round(q * 100)}") for q in (0.5, 0.99)]
