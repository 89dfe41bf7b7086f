"""The clients that are run are the ones that the locks name."""

from __future__ import annotations

import json
import re

import pytest

from tests.clients.running import HERE, run

pytestmark = pytest.mark.slow

LOCK = HERE.parents[1] / "requirements/clients.txt"


def test_the_python_clients_are_the_locked_ones():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", LOCK.read_text(), re.M))

    found = run("versions.py")

    assert {name: pinned[name] for name in found} == found


def test_the_node_clients_are_the_locked_ones():
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]

    found = run("versions.mjs")

    assert {name: lock[f"node_modules/{name}"]["version"] for name in found} == found


def test_no_lock_names_a_registry():
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()
