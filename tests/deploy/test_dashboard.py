"""The dashboard is what its script makes, and a query that finds nothing would be noticed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from deploy.grafana import dashboard
from tests.deploy import queries

MADE = dashboard.dashboard()


def test_the_dashboard_is_what_its_script_makes():
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), "make deploy-files"


def test_every_panel_says_what_it_shows_and_stands_alone_in_its_place():
    taken = set()
    for panel in MADE["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= dashboard.COLUMNS
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))
        assert panel["type"] == "row" or (panel["description"] and panel["targets"])
    assert all(before["id"] < after["id"] for before, after in pairwise(MADE["panels"]))


def test_no_query_has_a_variable_that_the_dashboard_lacks():
    for panel in MADE["panels"]:
        for target in panel.get("targets", ()):
            assert "$" not in queries.filled_in(target["expr"]), target["expr"]


class Fixed:
    """A Prometheus that always finds the same."""

    def __init__(self, *found: dict[str, str]) -> None:
        self._found = [(labels, 1.0) for labels in found]

    def query(self, expr: str) -> list[queries.Sample]:
        return self._found


PANEL = {"title": "Waiting", "targets": [{"expr": "jobs", "legendFormat": "{{lane}}"}]}


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        ([], ["Waiting: nothing for jobs"]),
        ([{}], ["Waiting: no lane in jobs"]),
        ([{"lane": ""}], ["Waiting: no lane in jobs"]),
        ([{"lane": "fast"}], []),
    ],
)
def test_a_panel_that_shows_nothing_or_not_what_is_which_is_a_fault(found, faults):
    assert queries.empty_panels(Fixed(*found), {"panels": [PANEL]}) == faults


@pytest.mark.parametrize(("found", "is_well"), [([], False), ([{}], True), ([{}, {}], False)])
def test_what_scales_workers_is_one_number(found, is_well):
    assert (queries.empty_triggers(Fixed(*found)) == []) == is_well


@pytest.mark.parametrize(
    ("found", "fault"),
    [([], "no scrape has limner_ups"), ([{"job": "limner"}], "limner_ups has no label lane")],
)
def test_an_alert_for_what_is_never_told_is_a_fault(tmp_path, found, fault):
    path = tmp_path / "rules.yml"
    path.write_text(
        "groups:\n  - name: a\n    rules:\n      - alert: A\n        expr: limner_ups{lane='x'} > 0\n"
    )
    assert queries.unknown_metrics(Fixed(*found), path) == [fault]
