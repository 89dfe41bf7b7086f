"""The short soak: a minute of kills, freezes and restarts, as ``make soak`` does for five."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60
#: kept when the run is over: what this very commit did
RESULT = Path(__file__).parents[2] / "build" / f"soak-{SECONDS}.json"


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_promise_holds_while_everything_is_killed():
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.soak", "--seconds", str(SECONDS), "--json", str(RESULT)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    marks = json.loads(RESULT.read_text(encoding="utf-8"))
    assert marks["grader"]["events"] > 100
    assert sum(marks["chaos"].values()) > 10
