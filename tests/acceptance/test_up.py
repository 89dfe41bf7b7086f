"""``limner up``, as an operator meets it: what it prints, what it survives, and that nothing is left."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from limner.settings import redis_socket
from stack import embedded
from stack.stack import answers
from tests.acceptance.up import ENGINE, Up
from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def up():
    up = Up()
    yield up
    up.close()


def status_of(port: int, path: str, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def lets_in(link: str) -> bool:
    """Say whether a link that was printed begins a session, as its page does with what is behind the #."""
    page, _, ticket = link.partition("#")
    line = http.client.HTTPConnection(urlsplit(page).netloc, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    line.request("POST", urlsplit(page).path, f"ticket={ticket}", form)
    answer = line.getresponse()
    line.close()
    return answer.status == 303 and "HttpOnly" in answer.headers["Set-Cookie"]


def greeted_lines(said: str) -> str:
    return re.search(r"^ *curl .*imagine(?:.*\\\n)*.*", said, re.M)[0]


def test_a_first_start_prints_all_that_is_needed_and_ctrl_c_leaves_nothing(up):
    up.start()
    wait_until(up.is_up, 90)
    assert f"http://127.0.0.1:{up.port}" in up.said()
    assert f"http://127.0.0.1:{up.flower_port}" in up.said()
    # This output is no terminal: what lets somebody in is not in it.
    assert not re.search("whsec_|lim_|enter#", up.said())
    assert "token    in " in up.said()
    assert "stage (rehearsal) ok" in up.said()
    assert f"http://127.0.0.1:{up.port}/docs" in up.said()
    token = up.token()
    link = subprocess.run(
        [sys.executable, "-m", "limner", "console", "link"],
        cwd=up.folder,
        env=up.environ | {"LIMNER_PORT": str(up.port)},
        capture_output=True,
        text=True,
    )
    assert lets_in(link.stdout.split()[0])
    # The very lines that are printed, and those of the README.
    assert up.draw(token, greeted_lines(up.said()))["status"] == 1
    readme = re.search(r"```sh\n(curl [^`]*/imagine[^`]*)```", README.read_text())[1]
    readme = readme.replace(":8000", f":{up.port}")
    assert up.draw(token, readme)["status"] == 1
    wait_until(lambda: answers("127.0.0.1", up.flower_port, "/healthcheck"), 30)

    second = subprocess.run(
        [*up.command()[:-4], "--port", str(free_port()), "--flower-port", str(free_port())],
        cwd=up.folder,
        env=up.environ,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 2
    assert f"Limner runs on {up.folder / 'limner-data'} already" in second.stderr

    code, took_s = up.stop(signal.SIGINT)
    assert code == 0
    assert took_s < 15
    assert up.left() == []
    assert "Traceback" not in up.said()

    up.start("--no-flower")
    wait_until(up.is_up, 90)
    assert token not in up.said()
    assert "limner clients rotate-token local" in up.said()
    assert up.draw(token, greeted_lines(up.said()))["status"] == 1
    assert up.stop(signal.SIGTERM)[0] == 0
    assert up.left() == []


def test_what_dies_is_started_again_and_said_so(up):
    up.start("--no-flower")
    wait_until(up.is_up, 90)
    token = up.token()
    (server,) = (p.pid for p in up.left() if p.name() == "valkey-server")
    for name, pid in (("api", up.pid_of("api.wsgi:app")), ("server", server)):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda name=name: f"process.restarted process={name}" in up.said(), 30)
        assert f"process.died process={name} exit=SIGKILL" in up.said()
    wait_until(up.healthy, 60)
    assert up.draw(token, greeted_lines(up.said()))["status"] == 1


def test_nothing_outlives_a_kill_9_of_the_whole(up):
    up.start()
    wait_until(up.is_up, 90)
    assert len(up.left()) >= 9  # itself, its watchdog, a server, gunicorn's two, three workers, …
    up.process.kill()
    up.process.wait()
    wait_until(lambda: not up.left(), 30, "the end of every process")


def test_others_on_the_machine_and_behind_it_see_nothing(up):
    data = up.folder / "limner-data"
    data.mkdir()
    data.chmod(0o755)
    up.start()
    wait_until(up.is_up, 90)
    assert "folder.closed" in up.said()
    assert up.draw(up.token(), greeted_lines(up.said()))["status"] == 1

    exposed = [p for p in (data, *data.rglob("*")) if p.exists() and p.stat().st_mode & 0o077]
    assert exposed == []
    if sys.platform == "linux":
        for process in up.left():
            status = Path(f"/proc/{process.pid}/status").read_text()
            assert "Umask:\t0077" in status, process.cmdline()

    wait_until(lambda: answers("127.0.0.1", up.flower_port, "/healthcheck"), 30)
    # Flower without a password, as a proxy or a page with a name of its own would find it.
    for port, path in ((up.flower_port, "/"), (up.flower_port, "/metrics"), (up.port, "/metrics")):
        asked = {host: status_of(port, path, host) for host in ("localhost", "draw.example")}
        assert asked == {"localhost": 200, "draw.example": 403}, path


def test_a_first_start_that_fails_costs_nothing(up):
    wrong = (
        (ENGINE.replace("rehearsal", "no-such-driver"), "no-such-driver"),
        (ENGINE.replace("steps", "stepps"), "engine stage: stepps: rehearsal has no such option"),
    )
    for text, why in wrong:
        (up.folder / "limner.toml").write_text(text)
        up.start("--no-flower")
        assert up.process.wait(90) == 2
        assert why in up.said()
        assert up.said().count("\n") == 1
        assert up.left() == []

    # One that starts its server, and fails behind it.
    (up.folder / "limner.toml").write_text(ENGINE)
    up.environ["LIMNER_IMAGE_STORE"] = "teleport://bucket"
    up.start("--no-flower")
    assert up.process.wait(90) == 2
    assert "LIMNER_IMAGE_STORE" in up.said()
    assert "lim_" not in up.said()
    del up.environ["LIMNER_IMAGE_STORE"]

    up.start("--no-flower")
    wait_until(up.is_up, 90)
    assert up.draw(up.token(), greeted_lines(up.said()))["status"] == 1


def test_a_redis_that_would_lose_jobs_is_warned_of_and_one_that_is_not_there_refused(up):
    (up.folder / "other").mkdir()
    options = embedded.command(up.folder / "other")
    options[options.index("--appendonly") + 1] = "no"
    options[options.index("--maxmemory-policy") + 1] = "allkeys-lru"
    server = subprocess.Popen(options, stdout=subprocess.DEVNULL, env=up.environ)
    try:
        up.environ["LIMNER_REDIS_URL"] = redis_socket.socket_url(up.folder / "other")
        up.start("--no-flower")
        wait_until(up.is_up, 90)
        assert "redis.unsafe" in up.said()
        assert "appendonly yes" in up.said()
        assert "noeviction" in up.said()
        up.stop()
    finally:
        server.kill()
        server.wait()
    up.start("--no-flower")
    assert up.process.wait(60) == 1
    assert "Redis does not answer at unix://" in up.said()
