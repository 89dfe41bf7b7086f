"""Callbacks per second compared with a bare ``requests.Session``, as ``tests.callbacks_bench`` reports."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.place import Figure, figure, say
from stack import processes

ROUNDS = 5


def measure() -> list[Figure]:
    """Measure delivering callbacks."""
    ratios = []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="limner-bench-") as folder:
            result = Path(folder) / "result.json"
            subprocess.run(
                [sys.executable, "-m", "tests.callbacks_bench", "--json", str(result)],
                cwd=processes.HOME,
                # It exits with 1 if it misses its own bounds; ours are in the table.
                check=False,
                stdout=subprocess.DEVNULL,
                timeout=300,
            )
            told = json.loads(result.read_text())
        ratios.append(float(told["ratio"]))
        say(f"callbacks {number + 1}/{ROUNDS}: {ratios[-1]:.2f}")
    return [figure("callbacks_vs_session", ratios, ">= 0.6")]
