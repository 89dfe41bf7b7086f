"""The short soak: a minute of kills, freezes and restarts, as ``make soak`` does for five."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SECONDS = 60


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_promise_holds_while_everything_is_killed(tmp_path):
    result = tmp_path / "soak.json"
    command = [sys.executable, "-m", "tests.soak", "--seconds", str(SECONDS), "--json", str(result)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    marks = json.loads(result.read_text())
    assert marks["grader"]["events"] > 100
    assert sum(marks["chaos"].values()) > 10
