"""``limner up`` in a folder of its own, started again and again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from stack.stack import answers
from tests.conftest import free_port, wait_until
from tests.leftovers import processes_of

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.5
steps = 2
fast = { slots = 2 }
"""


class Up:
    """One folder in which ``limner up`` is run, again and again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="limner-up-"))
        (self.folder / "limner.toml").write_text(ENGINE)
        self.port, self.flower_port = free_port(), free_port()
        self.log = self.folder / "up.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("LIMNER_")}
        # By this its processes are known, wherever they hang in the tree.
        self.environ["UP_MARK"] = str(self.folder)

    def command(self, *options: str) -> list[str]:
        ports = ["--port", str(self.port), "--flower-port", str(self.flower_port)]
        return [sys.executable, "-m", "limner", "up", *ports, *options]

    def start(self, *options: str) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(*options), cwd=self.folder, env=self.environ, stdout=log, stderr=log
            )

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.said()
        said = self.said()
        # For a person, or as a line of the log.
        return "Limner is up." in said or '"gateway.started"' in said

    def said(self) -> str:
        return self.log.read_text()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        begun_at = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(60)
        return code, time.monotonic() - begun_at

    def left(self) -> list[psutil.Process]:
        return processes_of("UP_MARK", self.folder)

    def pid_of(self, *words: str) -> int:
        (process,) = (
            p
            for p in self.left()
            if p.ppid() == self.process.pid and set(words) <= set(p.cmdline())
        )
        return process.pid

    def healthy(self) -> bool:
        return answers("127.0.0.1", self.port, "/readyz")

    def credentials(self) -> dict[str, str]:
        """Return what the first start kept of its client: TOKEN and SECRET."""
        kept = (self.folder / "limner-data/local.env").read_text()
        return dict(re.findall(r"^(\w+)=(.+)$", kept, re.M))

    def token(self) -> str:
        return self.credentials()["TOKEN"]

    def shell(self, line: str, **environ: str) -> dict:
        said = subprocess.run(
            ["bash", "-c", line], env=self.environ | environ, capture_output=True, check=True
        )
        return json.loads(said.stdout)

    def draw(self, token: str, line: str) -> dict:
        """Ask for a job by the command ``line`` of a README or a greeting; return it when it ended."""
        job = self.shell(line, TOKEN=token)
        assert job["status"] == -2
        look = (
            f"curl -s http://127.0.0.1:{self.port}/draw/midjourney/jobs/{job['id']}"
            ' -H "token: $TOKEN"'
        )
        wait_until(lambda: self.shell(look, TOKEN=token)["status"] > 0, 60, "the end of the job")
        return self.shell(look, TOKEN=token)

    def close(self) -> None:
        """Kill what is left, and remove the folder."""
        for process in self.left():
            process.kill()
        if self.process:
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
