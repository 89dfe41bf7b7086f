"""The first hour, as a newcomer has it: by what the README says, in a shell, in a folder of their own.

A start that fails, and is mended; the five lines to one's own ComfyUI; a picture; callbacks, listened to and received by
the README's receiver; the wrong folder, and a typo. Each command is a process, and its output is what is looked at.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.up import Up
from tests.conftest import free_port, wait_until
from tests.docs.blocks import HOME, blocks
from tests.standins.comfyui import Comfy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ADDRESS = "http://192.168.1.20:8188"


def block(name: str) -> str:
    (found,) = (one.text for one in blocks() if (one.page, one.name) == ("README.md", name))
    return found


class Newcomer:
    """Somebody at a shell, in the folder of ``up``; what they start in the background writes to its log."""

    def __init__(self, up: Up) -> None:
        self.up, self.folder = up, up.folder
        (self.folder / "limner.toml").unlink()
        programs = self.folder / ".venv/bin"
        programs.mkdir(parents=True)
        for name, line in {
            "limner": f'exec {sys.executable} -m limner "$@"',
            "flask": f'exec {sys.executable} -m flask "$@"',
            # It is there already, and the tests that run it would run these.
            "make": f'exec /usr/bin/make --dry-run --directory {HOME} "$@"',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        self.environ = up.environ | {
            "PYTHONPATH": str(HOME),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LIMNER_PORT": str(up.port),
            "LIMNER_FLOWER_PORT": str(up.flower_port),
        }

    def types(self, line: str, code: int = 0, folder: Path | None = None) -> str:
        """Type a line; return what it says, all of it, if it ends with that exit code."""
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder or self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    def runs(self, script: str, log: str) -> int:
        """Run a script whose background goes on after it; return its exit code."""
        with (self.folder / log).open("wb") as out:
            return subprocess.run(
                ["bash", "-euc", script],
                cwd=self.folder,
                env=self.environ,
                stdout=out,
                stderr=out,
                timeout=180,
            ).returncode

    def said(self, log: str) -> str:
        return (self.folder / log).read_text()


@pytest.fixture
def newcomer():
    up = Up()
    yield Newcomer(up)
    up.close()


def test_the_first_hour(newcomer, tmp_path):
    # A typo, in the command and in the settings.
    assert "draw" in newcomer.types("limner drwa 'a fox'", 2)
    wrong = (
        '[[engine]]\nname = "comfy"\ndriver = "comfyui"\nmodle = "flux-dev"\nfast = { slots = 2 }\n'
    )
    (newcomer.folder / "limner.toml").write_text(wrong)
    failed = newcomer.types("limner up", 2)
    assert failed.startswith("limner: limner.toml: engine comfy: ")
    assert failed.count("\n") == 1
    assert newcomer.up.left() == []

    # Mended, by the README's five lines as they stand.
    with Comfy(sana=True, seconds=0.02, steps=1) as comfy:
        script = block("comfyui").replace(ADDRESS, comfy.url)
        assert script.count("\n") == 5
        code = newcomer.runs(script, "five-lines.log")
        told = newcomer.said("five-lines.log")
        assert code == 0, told
        assert "comfy (comfyui) ok" in told
        # What the newcomer sees goes into a file here, so that the token is not among it.
        assert re.search(r"token +in \S+/local\.env, with the secret that signs callbacks", told)
        assert "saved lighthouse.png (1248 x 832)" in told
        with Image.open(newcomer.folder / "lighthouse.png") as picture:
            assert picture.size == (1248, 832)

        listens(newcomer)
        receives(newcomer, newcomer.up.credentials()["SECRET"])

    # Another folder.
    lost = newcomer.types("unset LIMNER_PORT; limner clients list", 1, tmp_path)
    assert lost.startswith(
        f"limner: Redis cannot be reached: No such file or directory (no `limner up` runs on {tmp_path}"
    )
    assert "start it, call this from its folder" in lost

    for process in newcomer.up.left():
        if "up" in process.cmdline():
            process.send_signal(signal.SIGTERM)
    wait_until(lambda: newcomer.up.left() == [], 60, "the end of everything")
    assert "Traceback" not in newcomer.said("five-lines.log")


def listens(newcomer: Newcomer) -> None:
    """``limner listen`` shows the callbacks of a drawing, signed, to its end."""
    port = free_port()
    heard: list[str] = []
    listen = f"limner listen --port {port} --count 2 --seconds 60"
    thread = threading.Thread(target=lambda: heard.append(newcomer.types(listen)))
    thread.start()
    wait_until(lambda: listening(port), what="the listener")
    newcomer.types(
        f"limner draw 'a fox' --no-wait --callback-url http://127.0.0.1:{port}/callbacks"
    )
    thread.join(90)
    assert re.findall(r"(\w+) +\w{8} seq (\d) ", heard[0]) == [("signed", "1"), ("signed", "2")]


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def receives(newcomer: Newcomer, secret: str) -> None:
    """The README's receiver takes a test event, and then a drawing's callbacks."""
    code = block("receiver").replace("whsec_...", secret)
    (newcomer.folder / "receiver.py").write_text(code)
    port = free_port()
    run = f"PYTHONUNBUFFERED=1 flask --app receiver run --port {port}"
    with (newcomer.folder / "receiver.log").open("wb") as log:
        flask = subprocess.Popen(
            ["bash", "-c", f"exec env {run}"],
            cwd=newcomer.folder,
            env=newcomer.environ,
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: listening(port), 60, "the receiver")
        url = f"http://127.0.0.1:{port}/callbacks"
        assert "204" in newcomer.types(f"limner callbacks try {url}")
        newcomer.types(f"limner draw 'a fox' --callback-url {url} --out fox.png")
        ended = lambda: re.search(r"^\d+ 1 100 http\S+\.png$", newcomer.said("receiver.log"), re.M)  # noqa: E731
        wait_until(ended, 60, "the last callback")
        assert " 401 " not in newcomer.said("receiver.log")
    finally:
        flask.kill()
        flask.wait()
