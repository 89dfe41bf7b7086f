"""``make deploy-check``: what it says, and when it fails."""

from __future__ import annotations

import shutil

import pytest

from tests.deploy import __main__ as deploy_check
from tests.deploy import manifests


@pytest.fixture
def with_nothing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(deploy_check, "_checks", lambda: iter([("YAML", [])]))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("PROMETHEUS_OPTIONAL", raising=False)
    monkeypatch.delenv("SYSTEMD_OPTIONAL", raising=False)


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 0),
        ({"CI": "1"}, 1),
        ({"CI": "1", "PROMETHEUS_OPTIONAL": "1"}, 1),
        ({"CI": "1", "PROMETHEUS_OPTIONAL": "1", "SYSTEMD_OPTIONAL": "1"}, 0),
    ],
)
def test_without_prometheus_or_systemd_only_ci_fails_and_it_is_said(
    with_nothing, monkeypatch, capsys, environ, status
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert deploy_check.main() == status
    said = capsys.readouterr().out
    assert "YAML: well" in said
    assert "not tried: no promtool and prometheus (" in said
    assert "not tried: no systemd-analyze (" in said


def test_what_is_wrong_is_said_and_fails(with_nothing, monkeypatch, capsys):
    monkeypatch.setattr(deploy_check, "_checks", lambda: iter([("YAML", ["a.yml: too long"])]))

    assert deploy_check.main() == 1
    assert "YAML: NOT WELL\n  a.yml: too long\n" in capsys.readouterr().out


def test_our_yaml_is_well(monkeypatch):
    # They have a test of their own, and take a while.
    monkeypatch.setattr(manifests, "check", list)
    checks = dict(deploy_check._checks())

    assert checks == {name: [] for name in ("YAML", "compose file", "manifests", "what is made")}


def test_a_tool_that_finds_a_fault_is_heard(monkeypatch):
    faults = deploy_check._run("yamllint", "--strict", "no-such-file.yml")

    assert any("no-such-file.yml" in fault for fault in faults)
