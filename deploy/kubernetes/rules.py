"""Wrap the alerts for the Prometheus operator: ``python -m deploy.kubernetes.rules`` writes the component's ``rules.yaml``.

kustomize reads no file outside its own folders, so there is a copy; a test compares the two.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus/limner.rules.yml"
FILE = HERE / "components/monitoring/rules.yaml"
_HEAD = """# Made from deploy/prometheus/limner.rules.yml: python -m deploy.kubernetes.rules
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: limner
  namespace: limner
spec:
"""


def text() -> str:
    """Return the alerts as a ``PrometheusRule``."""
    groups = "groups:" + RULES.read_text(encoding="utf-8").partition("groups:")[2]
    return _HEAD + textwrap.indent(groups, "  ")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
