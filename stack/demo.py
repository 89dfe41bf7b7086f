"""``limner demo``: make two drawings on a stack of its own, and show every callback as it arrives.

It is a caller like any other: it uses its token and the HTTP API, and nothing else. It leaves two
pictures in the current folder, and no process or temporary folder.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from limner import log
from limner.console import BOLD, DIM, GREEN, RED, CallHandler, Console, bar
from limner.errors import LimnerError
from limner.settings import ENV_PREFIX, Settings
from limner.store import Store
from stack.receiver import WORDS, ReceivedCallback, Receiver
from stack.stack import Stack, StartFailed, StopAsked

LIMIT_S = 180.0
REQUEST_S = 15.0
#: lines of the processes' output, shown after a failure
LAST_LINES = 20

#: the longest line of the board
LINE_WIDTH = 80

#: it connects to this machine only, so proxies in the environment are ignored
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

PROMPTS = {
    "fast": "a lighthouse on a cliff at dusk, waves below",
    "relaxed": "a fox in a snowy forest under the northern lights",
}


#: takes one thing that happened, as a JSON object
Report = Callable[[Mapping[str, Any]], None]


def _nothing(_happened: Mapping[str, Any]) -> None:
    """Report to nobody."""


class DemoFailed(LimnerError):
    """The demo failed."""


@dataclass(slots=True)
class DemoJob:
    """One of the two jobs, as known from its callbacks."""

    lane: str
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    job: dict[str, Any] = field(default_factory=dict)
    callbacks: int = 0

    @property
    def status(self) -> int:
        return int(self.job.get("status", -2))

    @property
    def ended(self) -> bool:
        return self.status in (1, 2)

    def hear(self, told: ReceivedCallback) -> None:
        """Take in one callback.

        Raises:
            DemoFailed: it breaks a promise (unsigned, out of order, after the end), or the job failed.
        """
        if not told.signed:
            raise DemoFailed(f"{self.lane}: a callback had a wrong signature")
        if self.ended or told.job["seq"] <= self.job.get("seq", 0):
            raise DemoFailed(f"{self.lane}: a callback came out of order")
        self.job = dict(told.job)
        self.callbacks += 1
        if self.status == 2:
            raise DemoFailed(f"{self.lane}: the drawing failed: {self.job.get('reason')}")


def show(console: Console, report: Report = _nothing) -> int:
    """Run the demo and return its exit code; ``report`` gets each callback and picture as JSON."""
    # Resolved: a symbolic link in the path may be shorter than its target.
    folder = Path(tempfile.mkdtemp(prefix="limner-demo-")).resolve()
    told: list[tuple[str, str]] = []
    try:
        _run(console, folder, told, report)
    except StopAsked:
        console.say("\nStopped. Nothing is left running.")
        return 130
    except LimnerError as error:
        report({"failed": error.message})
        console.say(f"\n{console.paint(RED, 'The demo failed:')} {error.message}")
        culprit = error.process if isinstance(error, StartFailed) else None
        lines = [f"  {name:9} | {line}" for name, line in told if culprit in (None, name)]
        for line in lines[-LAST_LINES:]:
            console.say(line)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.say(
        f"\nNext: {console.paint(BOLD, 'make up')} starts a gateway that keeps running, "
        "and prints a curl line to paste."
    )
    return 0


def _run(console: Console, folder: Path, told: list[tuple[str, str]], report: Report) -> None:
    def say(name: str, line: str) -> None:
        if line and not over:
            told.append((name, line))

    over = False
    log.set_up("text", "info", CallHandler(partial(say, "limner")))
    deadline = time.monotonic() + LIMIT_S
    environ = _environment(folder)
    settings = Settings.load(environ)
    console.say(console.paint(BOLD, "Limner") + " draws two pictures and reports each step.\n")
    with Stack(settings, say, flower=False, environ=environ) as stack:
        try:
            begun_at = time.monotonic()
            stack.start()
            took_s = time.monotonic() - begun_at
            console.say(f"  started  server, workers, API: {took_s:.1f} s\n")
            _draw(console, stack, deadline, report)
        finally:
            over = True  # how the others stop says nothing about the cause


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment without any settings of the operator's own gateway."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ENV_PREFIX)}
    return environ | {
        ENV_PREFIX + "CONFIG": os.devnull,
        ENV_PREFIX + "DATA_DIR": str(folder / "data"),
        ENV_PREFIX + "PORT": str(free_port()),
        ENV_PREFIX + "LOG_FORMAT": "text",
    }


def _draw(console: Console, stack: Stack, deadline: float, report: Report) -> None:
    token, secret = _client(stack.store)
    base_url = stack.settings.base_url
    drawings = [DemoJob(lane) for lane in PROMPTS]
    with Receiver((secret,)) as receiver:
        for drawing in drawings:
            console.say(f"  {drawing.lane:8} {PROMPTS[drawing.lane]}")
            _submit(base_url, token, receiver.url, drawing)
        console.say()
        _follow(Board(console, drawings, report), stack, receiver, drawings, deadline)
    console.say()
    for drawing in drawings:
        path = Path(f"limner-demo-{drawing.lane}.png").absolute()
        picture = _fetch(drawing.job["url"])
        try:
            path.write_bytes(picture)
        except OSError as error:
            raise DemoFailed(f"cannot write {path}: {error.strerror}") from error
        report({"lane": drawing.lane, "picture": str(path)})
        size = f"{drawing.job['width']} x {drawing.job['height']}"
        console.say(f"  {drawing.lane:8} {path}  {console.paint(DIM, size)}")


def _client(store: Store) -> tuple[str, str]:
    made = store.clients.add("demo", callback_allow="127.0.0.1:*")
    return made.token, made.client.secrets[0]


def _submit(base_url: str, token: str, callback_url: str, drawing: DemoJob) -> None:
    body = {
        "promptEn": PROMPTS[drawing.lane],
        "fast": drawing.lane == "fast",
        "tag": drawing.tag,
        "callBackUrl": callback_url,
    }
    request = urllib.request.Request(
        f"{base_url}/draw/midjourney/imagine",
        data=json.dumps(body).encode(),
        headers={"token": token, "content-type": "application/json"},
    )
    _fetch(request)


def _follow(
    board: Board,
    stack: Stack,
    receiver: Receiver,
    drawings: list[DemoJob],
    deadline: float,
) -> None:
    by_tag = {drawing.tag: drawing for drawing in drawings}
    while not all(drawing.ended for drawing in drawings):
        stack.check()
        if time.monotonic() > deadline:
            raise DemoFailed(f"it was not done within {LIMIT_S:g} s")
        try:
            told = receiver.told.get(timeout=0.1)
        except queue.Empty:
            continue
        drawing = by_tag.get(told.job.get("tag", ""))
        if drawing is None:
            raise DemoFailed("a callback came for a job that nobody asked for")
        drawing.hear(told)
        board.show(drawing)


class Board:
    """One line per drawing: updated in place on a terminal, a new one per callback elsewhere."""

    def __init__(
        self, console: Console, drawings: list[DemoJob], report: Report = _nothing
    ) -> None:
        self._console = console
        self._report = report
        self._drawings = drawings
        # A line that wraps could not be overwritten.
        self._moves = console.is_terminal and shutil.get_terminal_size().columns >= LINE_WIDTH
        if self._moves:
            for drawing in drawings:
                console.say(self._line(drawing))

    def show(self, drawing: DemoJob) -> None:
        """Show what a callback changed."""
        self._report({"lane": drawing.lane, "callback": drawing.callbacks, "job": drawing.job})
        if not self._moves:
            self._console.say(self._line(drawing))
            return
        lines = "".join(f"\r\x1b[2K{self._line(each)}\n" for each in self._drawings)
        self._console.write(f"\x1b[{len(self._drawings)}A{lines}")

    def _line(self, drawing: DemoJob) -> str:
        console, percent = self._console, int(drawing.job.get("progress", 0))
        state = f"{drawing.status:2} {WORDS[drawing.status]:9}"
        meter = ""
        if self._moves:
            state = console.paint(GREEN if drawing.ended else BOLD, state)
            meter = console.paint(GREEN if drawing.ended else DIM, bar(percent, 24)) + "  "
        heard = ""
        if drawing.callbacks:
            heard = console.paint(DIM, f"callback {drawing.callbacks}, signed")
        return f"  {drawing.lane:8} {state}  {meter}{percent:3} %  {heard}".rstrip()


def _fetch(request: str | urllib.request.Request) -> bytes:
    try:
        with _DIRECT.open(request, timeout=REQUEST_S) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        text = error.read(500).decode(errors="replace")
        raise DemoFailed(f"{error.url} answered {error.code}: {text}") from error
    except OSError as error:
        raise DemoFailed(f"the API cannot be reached: {error}") from error


def free_port() -> int:
    """Return a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
