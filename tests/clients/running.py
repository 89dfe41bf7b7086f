"""Run other people's clients, in their own environment, against a gateway of real processes.

`make clients` installs them, in an environment of their own. Where they are missing the tests are skipped,
and say so; in CI they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".clients/bin/python"
MODULES = HERE / "node_modules"
LIMIT_S = 120


class Client:
    """A client program under way; it prints JSON, a line at a time."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "", "NO_PROXY": "127.0.0.1"},
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def said(self) -> Any:
        """Return the next that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, trouble = self._process.communicate(timeout=LIMIT_S)
            pytest.fail(f"The client said no more:\n{trouble[-4000:]}")
        return json.loads(line)

    def end(self) -> None:
        """Let it end: its standard input does; it must have no complaint."""
        _, trouble = self._process.communicate("\n", timeout=LIMIT_S)
        assert self._process.returncode == 0, trouble[-4000:]


def run(script: str, *arguments: str) -> Any:
    """Return what a client says, one that ends by itself; ``.py`` runs under Python, ``.mjs`` under Node."""
    with started(script, *arguments) as client:
        said = client.said()
        client.end()
    return said


def started(script: str, *arguments: str) -> Client:
    """Start a client."""
    if script.endswith(".py"):
        needs_python()
        command = [str(PYTHON), "-I", str(HERE / script), *arguments]
    else:
        needs_node()
        command = ["node", str(HERE / script), *arguments]
    return Client(command)


def needs_python() -> None:
    """Skip the test if the Python clients are not installed."""
    if not PYTHON.exists():
        _missing("the Python clients are not installed: make clients")


def needs_node() -> None:
    """Skip the test if the Node clients are not installed."""
    if not shutil.which("node") or not MODULES.exists():
        _missing("Node or its clients are not installed: make clients")


def _missing(why: str) -> None:
    if os.environ.get("CI") and not os.environ.get("CLIENTS_OPTIONAL"):
        pytest.fail(why)
    pytest.skip(why)
