"""Alerts, their tests, their runbooks and the metrics that they ask for belong together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from deploy.grafana import dashboard
from deploy.kubernetes import rules
from limner.reasons import Reason
from limner.store.metrics.prometheus import page
from limner.store.metrics.warning import Code
from tests.deploy.queries import groups

HOME = Path(__file__).parents[2]
ALERTS = {rule["alert"]: rule for group in groups(rules.RULES) for rule in group["rules"]}
TESTS = yaml.safe_load(rules.RULES.with_name("limner.tests.yml").read_text(encoding="utf-8"))
RUNBOOKS = (HOME / "docs/runbooks.md").read_text(encoding="utf-8")
CALLERS = {
    *(Reason.CANCELLED, Reason.DEADLINE_PASSED, Reason.MODERATED),
    *(Reason.PARAMETER, Reason.REFERENCE),
}


def words(matcher: str, expr: str) -> set[str]:
    """The alternatives of every matcher of that form."""
    return {
        word
        for text in re.findall(rf'{matcher}"([^"]*)"', expr)
        for word in text.split("|")
        if word
    }


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert re.findall(r"^### (\w+)$", RUNBOOKS, re.M) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_what_it_means(name):
    rule = ALERTS[name]

    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_fires_in_a_test_of_its_own_and_not_in_a_house_that_is_well(name):
    well, *others = TESTS["tests"]
    (own,) = [test for test in others if test["name"] == f"{name} fires"]

    fired = [one for one in own["alert_rule_test"] if one.get("exp_alerts")]
    quiet = [one for one in well["alert_rule_test"] if one["alertname"] == name]
    assert [one["alertname"] for one in fired] == [name]
    assert quiet
    assert not any(one.get("exp_alerts") for one in quiet)


def test_every_warning_has_an_alert_or_is_left_to_the_one_for_all_others():
    left_out = words("code!~", ALERTS["LimnerWarning"]["expr"])
    asked = {code for rule in ALERTS.values() for code in words("code=", rule["expr"])}
    # Each shows in a figure as well, which its alert asks for.
    by_figures = {Code.ENGINE_OUT, Code.LANE_STALLED, Code.CALLBACKS_OVERDUE, Code.PAUSED}

    assert left_out == asked | by_figures
    assert left_out < set(Code)


def test_jobs_that_fail_by_their_callers_do_not_wake_anybody():
    assert words("reason_code!~", ALERTS["LimnerJobsFail"]["expr"]) == CALLERS


def test_alerts_and_panels_ask_for_metrics_that_there_are(store):
    told = set(re.findall(r"^# TYPE (\w+)", page(store.numbers.read()).decode(), re.M))
    told |= {"limner_redis_memory_bytes", "limner_redis_memory_limit_bytes"}  # read otherwise
    panels = [panel.get("targets", ()) for panel in dashboard.dashboard()["panels"]]
    asked = [rule["expr"] for rule in ALERTS.values()]
    asked += [target["expr"] for targets in panels for target in targets]

    names = {name for expr in asked for name in re.findall(r"\blimner_\w+", expr)}
    assert {re.sub(r"_bucket$", "", name) for name in names} <= told
