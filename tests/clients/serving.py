"""Run other people's servers, in the clients' environment, on free ports of loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import requests

from tests.clients.running import PYTHON, needs_python

#: how long one may take until it answers, on a machine with much else to do
START_S = 120.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def serving(
    arguments: Sequence[str], folder: Path, alive: str, environ: Mapping[str, str]
) -> Iterator[None]:
    """Run Python with these arguments in ``folder`` until the address ``alive`` answers, and then until the end."""
    needs_python()
    # Such servers start others by the name of "python".
    path = f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PYTHON, *arguments],
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": "", "PATH": path, "HOME": str(folder), **environ},
            start_new_session=True,
        )
    try:
        _wait_for(alive, process, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _wait_for(alive: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(alive, timeout=5).ok:
                return
        time.sleep(0.1)
    pytest.fail(f"The server did not start:\n{log.read_text(errors='replace')[-4000:]}")
