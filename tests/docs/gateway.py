"""One ``limner up`` for the blocks of all pages, and the shells that they are typed in."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from limner.__main__ import main
from limner.settings import Settings
from limner.store import Store
from tests.acceptance.up import Up
from tests.conftest import wait_until
from tests.docs.blocks import HOME

CONFIG = """
port = {port}
flower_port = {flower_port}
log_format = "text"
progress_limit_s = 3
currency = "EUR"

[faces.replicate]
models = {{ "acme/poster" = {{}}, "*" = {{}} }}

[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 2
fast = {{ slots = 4 }}
relaxed = {{ slots = 2 }}
"""
LIMIT_S = 120
#: how pages call a gateway that is somewhere else
ELSEWHERE = ("http://127.0.0.1:8000", "https://draw.example", "https://your-gateway")
#: words in capitals that a reader puts something for
PLACEHOLDER = re.compile(r"(?<!\$)\b(JOB|ID|ENGINE|CLIENT|FOLDER|URL|PID|TOKEN)\b(?!=)")


class Listening:
    """A server on a free port of this machine."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        # It would write each request to standard error.
        handler.log_message = lambda *_: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Receiver(Listening):
    """Receivers on this machine: /takes answers 204, anything else 404, which gives a callback up at once."""

    def __init__(self) -> None:
        #: what /takes was told, in order
        self.told: list[dict[str, Any]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/takes":
                    told.append(body)
                self.send_response(204 if self.path == "/takes" else 404)
                self.end_headers()

        super().__init__(Handler)


class Gateway:
    """A gateway as somebody has it who did what the README says, and a folder to type in."""

    def __init__(self, up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
        self.up, self._patch = up, monkeypatch
        self.folder, self.url = up.folder, f"http://127.0.0.1:{up.port}"
        self.token, self.secret = up.credentials()["TOKEN"], up.credentials()["SECRET"]
        self.receiver = Receiver()
        self.store = Store.of(Settings.load({"LIMNER_DATA_DIR": str(up.folder / "limner-data")}))
        self.environ = {
            **{name: value for name, value in up.environ.items() if name != "UP_MARK"},
            "GATEWAY": self.url,
            "TOKEN": self.token,
            "PYTHONPATH": str(HOME),
            "PATH": f"{self._programs()}:{os.environ['PATH']}",
        }

    def _programs(self) -> Path:
        """Return a folder with the commands that whoever installed Limner has; `make` only says what it would do."""
        folder = self.folder / "bin"
        folder.mkdir()
        for name, line in {
            "limner": f'exec {sys.executable} -m limner "$@"',
            "python": f'exec {sys.executable} "$@"',
            "make": f'exec /usr/bin/make --dry-run --directory {HOME} "$@"',
        }.items():
            (folder / name).write_text(f"#!/bin/sh\n{line}\n")
            (folder / name).chmod(0o755)
        return folder

    def close(self) -> None:
        self.store.close()
        self.receiver.close()

    def draw(self, **fields: Any) -> str:
        """Draw something and return its job's id, once it has ended."""
        words = [f"--{name.replace('_', '-')}={value}" for name, value in fields.items()]
        told = self.limner("draw", "a fox", "--json", f"--out={self.folder}/fox.png", *words)
        return str(json.loads(told)["id"])

    def told_of(self, prompt: str) -> list[dict[str, Any]]:
        """Draw it, and return what a receiver is told of it, to its end."""
        url = f"{self.receiver.url}/takes"
        job = self.limner("draw", prompt, "--no-wait", "--callback-url", url).strip()

        def told() -> list[dict[str, Any]]:
            return [body for body in self.receiver.told if body["id"] == job]

        wait_until(
            lambda: [body for body in told() if body["status"] > 0], 60, f"the end: {prompt}"
        )
        return told()

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of all clients, newest first."""
        told = json.loads(self.limner("jobs", "list", "--limit", "100", "--json"))
        return list(told["data"])

    def filled(self, text: str, **words: str) -> str:
        """Return a block's text with this gateway for the example's, and a word for each placeholder."""
        for url in ELSEWHERE:
            text = text.replace(url, self.url)
        text = text.replace("<token>", self.token).replace("lim_…", self.token)
        text = text.replace("whsec_…", self.secret).replace("whsec_...", self.secret)
        known = {"ENGINE": "stage", "CLIENT": "local", "TOKEN": self.token} | words
        known |= {"PID": str(self.up.process.pid), "FOLDER": str(self.folder / "checked")}
        return PLACEHOLDER.sub(lambda word: known.get(word[0], word[0]), text)

    def limner(self, *words: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a command of ours in this process, in the gateway's folder; return its output, which must be good."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self._here(environ or {}),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                code = main(words)
            except SystemExit as end:
                code = int(end.code or 0)
        assert code == 0, (
            f"limner {' '.join(words)}: exit code {code}\n{out.getvalue()}{err.getvalue()}"
        )
        return out.getvalue()

    @contextlib.contextmanager
    def _here(self, environ: Mapping[str, str]) -> Iterator[None]:
        def become(_file: str, command: list[str], env: dict[str, str]) -> None:
            done = subprocess.run(command, env=env, capture_output=True, text=True)
            sys.stdout.write(done.stdout + done.stderr)
            sys.exit(done.returncode)

        with self._patch.context() as patch:
            for name in [name for name in os.environ if name.startswith("LIMNER_")]:
                patch.delenv(name)
            # The folder of the settings' defaults is that in which this process began.
            here = {
                "LIMNER_CONFIG": str(self.folder / "limner.toml"),
                "LIMNER_DATA_DIR": str(self.folder / "limner-data"),
            }
            for name, value in {**here, **environ}.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr("cli.processes.os.execvpe", become)
            yield

    def shell(self, text: str, **environ: str) -> str:
        """Type a script; return what it prints. Our own commands are run in this process, which costs less."""
        typed = [line for line in text.splitlines() if line]
        if all(line.startswith(("limner ", "export ")) for line in typed):
            return self._typed([shlex.split(line, comments=True) for line in typed], environ)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _typed(self, lines: list[list[str]], environ: Mapping[str, str]) -> str:
        exported, printed = dict(environ), []
        for command, *words in lines:
            if command == "export":
                exported |= dict(word.split("=", 1) for word in words)
            else:
                printed.append(self.limner(*words, environ=exported))
        return "".join(printed)

    @contextlib.contextmanager
    def serving(self, line: str, **environ: str) -> Iterator[None]:
        """Run a server by a command that is typed in the checkout."""
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=HOME,
                env=self.environ | environ,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def program(self, command: list[str], text: str, name: str, **environ: str) -> str:
        """Run a program from a file of that name in the gateway's folder; return what it prints."""
        (self.folder / name).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [*command, name],
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def started(up: Up, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Start ``limner up`` in its folder, and return it once it greets."""
    config = CONFIG.format(port=up.port, flower_port=up.flower_port)
    (up.folder / "limner.toml").write_text(config)
    up.start("--no-flower")
    wait_until(up.is_up, 90)
    return Gateway(up, monkeypatch)
