"""A server whose clock a test sets, by libfaketime; its monotonic clock runs on, as in real life."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

from stack import embedded


def library() -> Path | None:
    """Return the library to load into the server; None where the wheel carries none for the machine."""
    spec = importlib.util.find_spec("libfaketime")
    if not spec or not spec.origin or os.uname().machine != "x86_64":
        return None
    return next(Path(spec.origin).parent.rglob("libfaketime.so.1"), None)


def set_clock(folder: Path, seconds: int) -> None:
    """Set the clock of the server of that folder so far ahead of ours (or behind)."""
    partial = folder / "clock.part"
    partial.write_text(f"{seconds:+d}s\n")
    partial.replace(folder / "clock")


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the embedded server of a folder, with the clock that was set for it, and further options."""
    clock = folder / "clock"
    if not clock.exists():
        set_clock(folder, 0)
    environ = os.environ | {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return subprocess.Popen(
        [*embedded.command(folder), *options],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,
    )
