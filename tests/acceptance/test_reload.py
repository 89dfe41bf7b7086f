"""``limner reload`` and SIGHUP over running drawings: nothing is dropped, refused or told out of order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.acceptance.house import assert_told_in_order
from tests.acceptance.receiver import Receiver
from tests.acceptance.test_up import Up
from tests.acceptance.test_up import up as up  # the fixture
from tests.conftest import json_lines, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def engine(name: str, seconds: float, slots: int) -> str:
    return (
        f'[[engine]]\nname = "{name}"\ndriver = "rehearsal"\nseconds = {seconds}\nsteps = 8\n'
        f'ledger = "LEDGER"\nfast = {{ slots = {slots} }}\n'
    )


def write(up: Up, *engines: str, more: str = "") -> None:
    text = more + "".join(engines).replace("LEDGER", str(up.folder / "ledger"))
    (up.folder / "limner.toml").write_text(text)


def reloaded(up: Up) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "limner", "reload", "--json"]
    return subprocess.run(
        command, cwd=up.folder, env=up.environ, capture_output=True, text=True, check=False
    )


def ask(up: Up, token: str, path: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{up.port}/draw/midjourney/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"token": token, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@contextmanager
def calls_all_the_time(up: Up, token: str):
    """Make one call after the other, each on a connection of its own; none is refused or broken."""
    over, broken, made = threading.Event(), [], Counter()

    def call() -> None:
        while not over.wait(0.02):
            try:
                ask(up, token, "waiting", {})
                made["calls"] += 1
            except OSError as error:
                broken.append(repr(error))

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield
    finally:
        over.set()
        caller.join()
    assert broken == []
    assert made["calls"] > 50


def ledger(up: Up) -> list[dict]:
    return json_lines(up.folder / "ledger")


def started(up: Up) -> int:
    return sum(line["what"] == "start" for line in ledger(up))


@pytest.fixture
def sighup_as_without_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("sighup_as_without_nohup")
def test_jobs_callers_and_callbacks_notice_nothing_of_two_reloads(up):
    up.environ["LIMNER_LEASE_S"] = "4"
    write(up, engine("stage", 20, 2))
    with up.log.open("wb") as log, Receiver() as receiver:
        # Without a terminal, as a service is: there SIGHUP means to reload.
        up.process = subprocess.Popen(
            up.command("--no-flower"),
            cwd=up.folder,
            env=up.environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        wait_until(up.is_up, 90)
        token = up.token()

        def imagine() -> str:
            body = {"promptEn": "a pier", "fast": True, "tag": uuid.uuid4().hex}
            return ask(up, token, "imagine", body | {"callBackUrl": receiver.url})["id"]

        ids = [imagine() for _ in range(3)]
        wait_until(lambda: started(up) == 2, 30, "two drawings under way")
        first = up.pid_of("fast")

        with calls_all_the_time(up, token):
            write(up, engine("stage", 20, 3), engine("other", 20, 1), more="api_waits = 50\n")
            answer = reloaded(up)
            assert answer.returncode == 0, answer.stderr
            told = json.loads(answer.stdout)
            assert told["changed"] == [
                "api_waits: 2000 → 50",
                "engine other: added",
                "engine stage: fast.slots 2 → 3",
            ]
            # More than `stage` has slots, also if what it drew has ended meanwhile.
            ids += [imagine() for _ in range(4)]
            wait_until(lambda: "other" in {line["engine"] for line in ledger(up)}, 60)

            write(up, engine("stage", 20, 3), 'color = "blue"\n')
            refused = reloaded(up)
            assert refused.returncode == 1
            assert "color" in refused.stderr

            # An engine that leaves the settings finishes what it draws.
            write(up, engine("stage", 20, 4))
            up.process.send_signal(signal.SIGHUP)
            wait_until(lambda: up.said().count("gateway.reloaded") == 2, 90, "the second reload")
            ids.append(imagine())
            wait_until(lambda: all(map(receiver.ended, ids)), 120, "the end of all")

        assert first not in {p.pid for p in up.left()}
        counts = Counter((line["job"], line["what"]) for line in ledger(up))
        assert counts == {(job, what): 1 for job in ids for what in ("start", "end")}
        for job in ids:
            events = receiver.told(job)
            assert_told_in_order(events)
            assert events[-1]["status"] == 1
            assert [e["status"] for e in events].count(-1) == 1, "nothing went back to its lane"

        # A worker that is told so alone ends in order, and the supervisor starts it again.
        os.kill(up.pid_of("relaxed"), signal.SIGHUP)
        wait_until(lambda: "process.died process=relaxed exit=0" in up.said(), 30)
        assert "Traceback" not in up.said()
        assert up.stop(signal.SIGTERM)[0] == 0
        assert up.left() == []
        assert not list((up.folder / "limner-data").glob("settings-*"))
        assert not (up.folder / "limner-data/up.sock").exists()
