"""The systemd units of deploy/: read, and verified by systemd itself with a program in place of the installed one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy/systemd"
COMMON = FOLDER / "limner-.service.d/common.conf"
PROGRAM = "/opt/limner/bin/limner"


def files() -> list[Path]:
    """Return the files of all units."""
    return sorted(path for path in FOLDER.iterdir() if path.is_file())


def values(path: Path, name: str) -> list[str]:
    """Return what a unit sets, or else what is set for all of them; lists in their order."""
    found = _values(path, name)
    return found or _values(COMMON, name)


def check() -> list[str]:
    """Return what ``systemd-analyze verify`` says of the units."""
    with tempfile.TemporaryDirectory(prefix="limner-units-") as name:
        folder = Path(name) / "units"
        shutil.copytree(FOLDER, folder)
        for path in folder.glob("*.service"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(PROGRAM, shutil.which("true") or "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", *(path.name.replace("@.", "@1.") for path in files())],
            # With the system's own behind them.
            env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    said = (done.stdout + done.stderr).splitlines()
    return [line for line in said if "limner" in line] or (
        ["failed", *said] if done.returncode else []
    )


def _values(path: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", path.read_text(encoding="utf-8"), re.M)
