"""Who still runs: the processes that came from one start, wherever they hang in the tree."""

from __future__ import annotations

from pathlib import Path

import psutil


def processes_of(variable: str, folder: Path) -> list[psutil.Process]:
    """Return those whose environment says ``variable=folder``, or who work below ``folder``.

    The second, for Valkey: it writes its title over its environment.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == str(folder) or (
                process.name() == "valkey-server" and Path(process.cwd()).is_relative_to(folder)
            ):
                found.append(process)
        except (psutil.Error, OSError):  # gone, a zombie, or not ours to look at
            continue
    return found
