"""How much memory this machine has, or the container that we run in; used for the embedded server's bound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PROC, CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def memory_bytes(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Return the machine's memory, or what its control group allows us of it (Linux), if that is less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min((physical, *_limits(proc, cgroups)))


def _limits(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yield the limits of our group and of those around it, of either version; a group may be out of our sight."""
    try:
        lines = proc.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if not controllers:
            root, file = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, file = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / name.lstrip("/")
        for folder in (group, *group.parents):
            # What is not a number is "max": no limit of its own.
            with contextlib.suppress(OSError, ValueError):
                yield int((folder / file).read_text(encoding="ascii"))
            if folder == root:
                break
