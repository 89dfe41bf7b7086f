"""Freeze a store of the last release: ``python -m tests.recorded.frozen``; see the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance.upgrade import COMMIT, RELEASE, unpack

HERE = Path(__file__).parent


def main() -> int:
    """Run the scene with the code of the release, and write what it leaves."""
    target = HERE / f"{RELEASE}.json"
    if target.exists():
        sys.stderr.write(f"{target.name} is left as it is\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        former = unpack(Path(folder))
        done = subprocess.run(
            [sys.executable, HERE / "scene.py", RELEASE, COMMIT],
            cwd=former,
            env=os.environ | {"PYTHONPATH": str(former)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    target.write_text(done.stdout, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
