"""A whole Limner of real processes in a folder of its own, to be killed in part or in whole."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from limner.settings import Settings
from limner.store import Store
from stack import embedded, processes
from stack.stack import answers
from tests.conftest import answers as redis_answers
from tests.conftest import free_port, json_lines, wait_until


class House:
    """Starts Limner's processes one by one, by the command lines of ``stack.processes``."""

    def __init__(self, engines: str, **settings: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="limner-house-"))
        self.ledger = self.folder / "ledger"
        self.ledger.touch()
        self.config = self.folder / "limner.toml"
        self._lines: dict[str, Any] = {
            "data_dir": f"{self.folder}/data",
            "port": free_port(),
            "flower_port": free_port(),
            "lease_s": 4,
            "tick_s": 1,
            **settings,
        }
        self._engines_table = engines.replace("LEDGER", str(self.ledger))
        self.write()
        #: without settings of ours
        self.plain = {k: v for k, v in os.environ.items() if not k.startswith("LIMNER_")}
        environ = self.plain | {"LIMNER_CONFIG": str(self.config)}
        self.settings = Settings.load(environ)
        self.environ = processes.environment(self.settings, environ)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started = 0
        #: where processes write that are started from here on; None: each to a file of its own
        self.output: Path | None = None

    def __enter__(self) -> House:
        self.settings.data_dir.mkdir()
        if not self.settings.redis_url:
            self.start_redis()
        self.store = Store.of(self.settings)
        wait_until(lambda: redis_answers(self.store), what="the server")
        self.token = self.store.clients.add("ann", callback_allow="127.0.0.1:*").token
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            # pytest shows this with the failure: what the processes had to say.
            for path in sorted(self.folder.glob("*.log")):
                sys.stdout.write(f"--- {path.name}\n{self.log(path.stem)[-20000:]}\n")
        self.store.close()
        for name in list(self.running):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, **settings: Any) -> None:
        """Write the file of settings, with these changed; None: left out."""
        self._lines |= settings
        lines = {name: value for name, value in self._lines.items() if value is not None}
        self.config.write_text(
            "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())
            + self._engines_table,
            encoding="utf-8",
        )

    def start_redis(self) -> None:
        self._start("redis", embedded.command(self.settings.data_dir))

    def start_api(self) -> None:
        self._start("api", processes.api(self.settings))
        self._await_api()

    def start_api_by_its_command(self, *options: str) -> None:
        """Start ``limner api`` as a service does: in our folder, with all that it is told in the file."""
        command = [sys.executable, "-m", "limner", "api", *options]
        self._start("api", command, folder=self.folder, environ=self.plain)
        self._await_api()

    def _await_api(self) -> None:
        wait_until(
            lambda: answers("127.0.0.1", self.settings.port, "/healthz"), what="the API's start"
        )

    def start_worker(self, queue: str) -> str:
        """Start one worker and return its name."""
        self.started += 1
        name = f"{queue}-{self.started}"
        self._start(name, processes.worker(queue, self.settings, str(self.started)))
        return name

    def wait_for_engines(self) -> None:
        """Wait until a worker has told which engines there are: what names one is refused before."""
        wait_until(self._engines, what="a worker's engines")

    def _engines(self) -> bool:
        return bool(self.store.engines.choices("ann"))

    def start_beat(self) -> None:
        self._start("beat", processes.beat(self.settings))

    def start_flower(self) -> None:
        self._start("flower", processes.flower(self.settings))
        wait_until(
            lambda: answers("127.0.0.1", self.settings.flower_port, "/healthcheck"),
            what="Flower's start",
        )

    def start_all(self) -> None:
        self.start_api()
        for queue in processes.QUEUES:
            self.start_worker(queue)

    def kill(self, name: str) -> None:
        """Kill a process and all it started with -9, without a word."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def terminate(self, name: str) -> float:
        """Ask a process to end; return how many seconds that took."""
        process = self.running.pop(name)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return time.monotonic() - began

    def signalled(self, name: str, number: int, limit_s: float = 30) -> int:
        """Send a process a signal that ends it; return its exit code."""
        process = self.running[name]
        os.kill(process.pid, number)
        code = process.wait(limit_s)
        del self.running[name]
        return code

    def imagine(self, **fields: Any) -> dict[str, Any]:
        """POST one job through the API and return the answer."""
        body = {"promptEn": "a lighthouse", "fast": True, "tag": uuid.uuid4().hex} | fields
        status, answer = self.ask("POST", "/draw/midjourney/imagine", body)
        assert status == 202, answer
        return answer

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.settings.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"token": self.token, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def flower(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.settings.flower_port}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def ready(self) -> bool:
        """Whether every lane has a worker, and all that the API needs answers."""
        return self.ask("GET", "/readyz")[0] == 200

    def drawn(self) -> list[dict[str, Any]]:
        """What the rehearsal engine noted: its starts and ends, in order of time."""
        return sorted(json_lines(self.ledger), key=lambda line: line["at"])

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _start(
        self,
        name: str,
        command: list[str],
        folder: Path = processes.HOME,
        environ: dict[str, str] | None = None,
    ) -> None:
        output = self.output or self.folder / f"{name}.log"
        with output.open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                cwd=folder,
                env=self.environ if environ is None else environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def most_at_once(ledger: list[dict[str, Any]]) -> int:
    """The most drawings that were on the engine at one time."""
    now = most = 0
    for line in ledger:
        now += 1 if line["what"] == "start" else -1
        most = max(most, now)
    return most


def assert_told_in_order(events: list[dict[str, Any]]) -> None:
    """−1 first, seq rising, percent rising until the job waits again, one end, and that last."""
    assert events, "nothing was told"
    statuses = [event["status"] for event in events]
    seqs = [event["seq"] for event in events]
    assert statuses[0] == -1, statuses
    assert seqs == sorted(set(seqs)), seqs
    assert statuses[-1] in (1, 2), statuses
    assert not {1, 2} & set(statuses[:-1]), statuses
    for before, after in itertools.pairwise(events):
        if before["status"] == after["status"] == 0:
            assert before["progress"] <= after["progress"]
