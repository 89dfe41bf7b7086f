"""Every query of the kit, put to a Prometheus that has scraped a demo run: what it asks for has to be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from tests.deploy import kustomize
from tests.deploy.manifests import HOME, OVERLAYS

#: what Grafana would put in; several scrapes of a demo run
RANGE = "60s"
_METRIC = re.compile(r"\blimner_\w+")
_SELECTOR = re.compile(r"\b(limner_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r"\b(\w+)\s*(?:=~|!~|!=|=)")
_LEGEND = re.compile(r"\{\{(\w+)\}\}")
Sample = tuple[dict[str, str], float]


class Asked(Protocol):
    """Whatever answers instant queries."""

    def query(self, expr: str) -> list[Sample]:
        """Return what a query finds now."""


def empty_panels(prometheus: Asked, dashboard: Mapping[str, Any]) -> list[str]:
    """Return the queries of panels that find nothing, or lack a label that their legend names."""
    return [
        f"{panel['title']}: {fault}"
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        for fault in _faults(prometheus, target["expr"], target["legendFormat"])
    ]


def empty_triggers(prometheus: Asked) -> list[str]:
    """Return the queries by which KEDA scales that do not find exactly one number."""
    faults = []
    for name, expr in triggers():
        found = prometheus.query(expr)
        if len(found) != 1:
            faults.append(f"{name}: {len(found)} numbers for {expr}")
    return faults


def triggers() -> Iterator[tuple[str, str]]:
    """Yield each query of a ``ScaledObject``, of the manifests and of docs/deploying.md, by its name."""
    made = [resource for overlay in OVERLAYS for resource in kustomize.build(overlay)]
    for resource in [*made, *shown()]:
        if resource["kind"] == "ScaledObject":
            for trigger in resource["spec"]["triggers"]:
                yield resource["metadata"]["name"], trigger["metadata"]["query"]


def shown() -> list[dict[str, Any]]:
    """Return the resources that docs/deploying.md shows as examples."""
    page = (HOME / "docs/deploying.md").read_text(encoding="utf-8")
    blocks = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S))
    return [block for block in blocks if isinstance(block, dict) and "apiVersion" in block]


def unknown_metrics(prometheus: Asked, rules: Path) -> list[str]:
    """Return the metrics and labels of alerts that no scrape has ever shown."""
    exprs = [rule["expr"] for group in groups(rules) for rule in group["rules"]]
    faults = []
    for metric in sorted({name for expr in exprs for name in _METRIC.findall(expr)}):
        seen = prometheus.query(f"last_over_time({metric}[1h])")
        if not seen:
            faults.append(f"no scrape has {metric}")
            continue
        labels = {label for series, _ in seen for label in series}
        faults += [f"{metric} has no label {label}" for label in _labels(exprs, metric) - labels]
    return faults


def groups(rules: Path) -> list[dict[str, Any]]:
    """Return the groups of a file of rules."""
    found: list[dict[str, Any]] = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    return found


def _labels(exprs: Iterable[str], metric: str) -> set[str]:
    """Return the labels by which expressions select a metric."""
    selectors = [found for expr in exprs for found in _SELECTOR.findall(expr)]
    return {label for name, text in selectors if name == metric for label in _MATCHER.findall(text)}


def _faults(prometheus: Asked, expr: str, legend: str) -> list[str]:
    found = prometheus.query(filled_in(expr))
    if not found:
        return [f"nothing for {expr}"]
    labels = {label for series, _ in found for label, value in series.items() if value}
    return [f"no {label} in {expr}" for label in _LEGEND.findall(legend) if label not in labels]


def filled_in(expr: str) -> str:
    """Return a panel's query as Grafana sends it with everything selected."""
    return re.sub(r"\$(lane|engine)\b", ".*", expr.replace("$__rate_interval", RANGE))
