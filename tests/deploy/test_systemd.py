"""The systemd units: one for each kind of process, each with the time that its end takes, and all hardened."""

from __future__ import annotations

import os
import shlex
import shutil

import pytest

from cli import parser
from limner.settings import Settings
from stack import processes
from stack.lineup import GRACE_S, HANDS
from stack.processes import API_GRACE_S, QUEUES
from tests.deploy import units
from tests.deploy.units import COMMON, values

SERVICES = [path for path in units.files() if path.suffix == ".service"]
#: what has to be in the lines that all units share
HARDENED = {
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "UMask": "0077",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "CapabilityBoundingSet": "",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallFilter": "@system-service",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "ProtectKernelTunables": "yes",
}


def each():
    return pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)


def test_every_process_has_a_unit_that_runs_a_command_that_there_is():
    started = {}
    for path in SERVICES:
        program, *words = shlex.split(values(path, "ExecStart")[0])
        assert program == units.PROGRAM
        parser.parse(words)
        started[path.name] = words
    workers = {f"limner-{queue}@.service": ["worker", queue, "--name", "%i"] for queue in QUEUES}

    alone = {f"limner-{name}.service": [name] for name in ("api", "beat", "flower", "up")}
    assert started == {**workers, **alone}


@each()
def test_a_unit_shares_the_lines_of_all_and_has_their_account(path):
    """systemd adds the folder ``limner-.service.d`` to names that begin so, up to their last dash."""
    stem = path.name.removesuffix(".service").removesuffix("@")

    assert stem.rpartition("-")[0] + "-" == COMMON.parent.name.removesuffix(".service.d")
    assert values(path, "User") == ["limner"]


@each()
def test_a_process_is_started_again_unless_its_settings_are_wrong(path):
    assert values(path, "Restart") == ["always"]
    assert values(path, "RestartPreventExitStatus") == ["2"]
    assert values(path, "StartLimitIntervalSec") == ["0"]


@each()
def test_a_process_is_given_the_time_that_its_end_takes(path):
    needed_s = GRACE_S[HANDS]
    if path.name == "limner-api.service":
        needed_s = API_GRACE_S + Settings.load({"LIMNER_CONFIG": os.devnull}).api_drain_s
    if path.name == "limner-up.service":
        needed_s = sum(GRACE_S.values())

    assert values(path, "KillMode") == ["mixed"]
    assert int(values(path, "TimeoutStopSec")[0]) > needed_s


def test_the_api_can_tell_systemd_that_it_listens():
    """gunicorn says it on the socket that systemd names to it."""
    assert values(units.FOLDER / "limner-api.service", "Type") == ["notify"]

    environ = processes.environment(
        Settings.load({"LIMNER_CONFIG": os.devnull}), {"NOTIFY_SOCKET": "/run/notify"}
    )
    assert environ["NOTIFY_SOCKET"] == "/run/notify"


def test_one_target_stops_what_runs_and_not_what_runs_alone():
    parts = {path.name for path in SERVICES if values(path, "PartOf") == ["limner.target"]}

    assert parts == {path.name for path in SERVICES} - {"limner-up.service"}
    assert values(units.FOLDER / "limner-up.service", "Conflicts") == ["limner.target"]


def test_no_process_can_write_more_than_its_data_or_gain_rights():
    for name, value in HARDENED.items():
        assert values(COMMON, name) == [value], name
    assert values(COMMON, "StateDirectory") == ["limner"]
    assert values(COMMON, "StateDirectoryMode") == ["0700"]


def test_systemd_finds_no_fault_and_names_one_that_there_is(monkeypatch, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: make deploy-check says so, too")
    assert units.check() == []

    folder = tmp_path / "units"
    shutil.copytree(units.FOLDER, folder)
    (folder / COMMON.relative_to(units.FOLDER)).write_text("[Service]\nRestarts=always\n")
    monkeypatch.setattr(units, "FOLDER", folder)
    assert any("Restarts" in fault for fault in units.check())
