"""Who still runs: the processes that came from one start, wherever they hang in the tree; and their end.

``guard`` has everything that a run of tests starts ended with that run, however it ends: by a failure, by
Ctrl-C, by a time-out or by kill -9. A process of its own watches the run's; it is this file, run as a program.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

#: in the environment of all that a run starts: the run's folder
MARK = "TESTS_RUN"
#: what processes have to end by themselves once their run has ended
GRACE_S = 3.0
LOOK_S = 0.5


def guard() -> Path:
    """End with this process all that it starts from now on, and return the folder that goes too.

    The folder is where temporary files are made. An inner run, such as one of several testers, has a
    folder in its outer run's: it ends with either.
    """
    folder = Path(tempfile.mkdtemp(prefix="run-"))
    # Not the folders of failed tests, which pytest keeps for whoever looks into them.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    watchdog = subprocess.Popen(
        [sys.executable, "-I", __file__, str(folder), str(os.getpid())],
        # Without our mark, or it would end itself.
        env=os.environ | {MARK: ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Neither Ctrl-C nor a kill of the whole group reaches it.
        start_new_session=True,
    )
    # It outlives this process by design: Python would warn of a child that it had not waited for.
    atexit.register(setattr, watchdog, "returncode", 0)
    os.environ |= {MARK: str(folder), "TMPDIR": str(folder)}
    tempfile.tempdir = None  # to be read again
    return folder


def processes_of(variable: str, folder: Path) -> list[psutil.Process]:
    """Return those whose environment names ``folder`` or one below it, or servers that work there.

    The second, for Valkey: it writes its title over its environment.
    """
    found = []
    for process in psutil.process_iter():
        try:
            told = process.environ().get(variable)
            if (told and Path(told).is_relative_to(folder)) or (
                process.name() == "valkey-server" and Path(process.cwd()).is_relative_to(folder)
            ):
                found.append(process)
        except (psutil.Error, OSError):  # gone, a zombie, or not ours to look at
            continue
    return found


def watch(folder: Path, pid: int) -> None:
    """Wait until the process that started us ends, then end what is left of its run."""
    while os.getppid() == pid:
        time.sleep(LOOK_S)
    ends = time.monotonic() + GRACE_S
    while processes_of(MARK, folder) and time.monotonic() < ends:
        time.sleep(0.1)
    # Again and again, as one of them may be starting another.
    while left := processes_of(MARK, folder):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    # It ends with its run and by nothing else.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    watch(Path(sys.argv[1]), int(sys.argv[2]))
