"""Where operators run it: without a terminal or an output, behind a prefix, as a user with few rights."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from stack.stack import answers
from tests.acceptance.house import House
from tests.acceptance.test_up import Up
from tests.acceptance.test_up import up as up  # a fixture
from tests.conftest import answers as redis_answers
from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.3
fast = { slots = 2 }
"""


def start(up: Up, redirection: str, *before: str) -> None:
    """Start `limner up` by a shell whose only command it becomes."""
    command = shlex.join([*before, *up.command("--no-flower")])
    up.process = subprocess.Popen(
        ["bash", "-c", f"exec {command} {redirection}"],
        cwd=up.folder,
        env=up.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def draws(up: Up) -> bool:
    made = subprocess.run(
        [sys.executable, "-m", "limner", "clients", "add", f"c{free_port()}"],
        cwd=up.folder,
        env=up.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    token = re.search(r"lim_[\w-]+", made.stdout)[0]
    line = (
        f"curl -s http://127.0.0.1:{up.port}/draw/midjourney/imagine -H 'token: {token}' "
        "-H 'content-type: application/json' "
        f"""-d '{{"promptEn": "a pier", "fast": true, "tag": "{"0a" * 16}"}}'"""
    )
    return up.draw(token, line)["status"] == 1


@pytest.mark.parametrize(
    "redirection",
    [
        ">&- 2>&-",
        "<&- >&- 2>&-",
        pytest.param(
            ">/dev/full 2>&1",
            marks=pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux"),
        ),
        "> >(head -1 >/dev/null) 2>&1",
        # Nobody ever empties this one: it is full after 64 KB.
        "> >(exec sleep 1000) 2>&1",
    ],
    ids=["closed", "all closed", "full disk", "head", "not read"],
)
def test_it_goes_on_whatever_becomes_of_its_output(up, redirection):
    up.environ["LIMNER_LOG_LEVEL"] = "debug"
    start(up, redirection)
    wait_until(up.healthy, 90, "the start")

    assert draws(up)
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    left = [p for p in up.left() if p.name() not in ("head", "sleep", "bash")]
    assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_under_nohup_no_process_ends_when_the_terminal_goes(up):
    up.process = subprocess.Popen(
        ["nohup", *up.command()],
        cwd=up.folder,
        env=up.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(up.healthy, 90, "the start")
    wait_until(lambda: answers("127.0.0.1", up.flower_port, "/healthcheck"), 60, "Flower")

    wait_until(lambda: not heeding_hangups(up), 60, "that all ignore a hang-up")
    before = lasting(up)
    assert len(before) >= 7, "supervisor, watchdog, server, workers, API with its own, beat, Flower"
    for process in up.left():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGHUP)
    assert draws(up)
    assert before <= lasting(up)
    assert up.process.poll() is None


def lasting(up: Up) -> set[int]:
    """The supervisor, what it started, and the API's own: the rest comes and goes (a rewrite of Redis's
    log, a look at the machine)."""
    parents = {up.process.pid, up.pid_of("gunicorn")}
    return {p.pid for p in up.left() if p.pid in parents or p.ppid() in parents}


def heeding_hangups(up: Up) -> list[str]:
    """The processes that would do something at SIGHUP."""
    heeding = []
    for process in up.left():
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        ignored = int(re.search(r"SigIgn:\s*(\w+)", status)[1], 16)
        if not ignored >> (signal.SIGHUP - 1) & 1:
            with contextlib.suppress(psutil.NoSuchProcess):
                heeding.append(" ".join(process.cmdline()))
    return heeding


def test_flower_is_well_under_its_prefix(tmp_path):
    port = free_port()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("LIMNER_")} | {
        "LIMNER_FLOWER_PORT": str(port),
        "LIMNER_DATA_DIR": str(tmp_path),
        "FLOWER_URL_PREFIX": "watch",
        # What a Service called flower gives.
        "FLOWER_PORT": "tcp://10.96.0.15:5555",
        "FLOWER_SERVICE_HOST": "10.96.0.15",
    }
    command = [sys.executable, "-m", "limner", "flower"]
    # There is no Redis: it waits for one, and is well itself.
    with (tmp_path / "log").open("wb") as log:
        flower = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers("127.0.0.1", port, "/watch/healthcheck"), 60, "Flower")
        assert not answers("127.0.0.1", port, "/healthcheck")
        check = [*command, "--check"]
        asked = subprocess.run(check, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert (asked.returncode, asked.stdout) == (0, "well\n")
    finally:
        flower.kill()
        flower.wait()
    said = (tmp_path / "log").read_text()
    assert said.count("environment.ignored") == 1
    assert all(json.loads(line)["event"] for line in said.splitlines())


def acl_of_the_docs() -> list[str]:
    line = re.search(r"<!-- acl -->\n```text\n(ACL SETUSER .+)\n```", OPERATIONS.read_text())[1]
    return line.replace("PASSWORD", "s3cret").split()


def test_a_user_with_the_rights_that_the_docs_name_is_enough(up):
    (up.folder / "redis").mkdir()
    server = subprocess.Popen(
        embedded.command(up.folder / "redis"), stdout=subprocess.DEVNULL, env=up.environ
    )
    admin = Store(redis_socket.socket_url(up.folder / "redis"))
    try:
        wait_until(lambda: redis_answers(admin), what="the server")
        admin.redis.execute_command(*acl_of_the_docs())
        socket_path = redis_socket.socket_path(up.folder / "redis")
        up.environ["LIMNER_REDIS_URL"] = f"unix://limner:s3cret@{socket_path}"
        up.environ["FLOWER_UNAUTHENTICATED_API"] = "true"
        up.environ["LIMNER_LOG_FORMAT"] = "json"
        (up.folder / "limner.toml").write_text(ENGINE)
        up.start()
        wait_until(up.is_up, 90, "the start")
        assert draws(up)
        lengths = f"curl -s http://127.0.0.1:{up.flower_port}/api/queues/length"
        wait_until(lambda: answers("127.0.0.1", up.flower_port, "/api/queues/length"), 60)
        assert {q["messages"] for q in up.shell(lengths)["active_queues"]} == {0}
        workers = f"curl -s 'http://127.0.0.1:{up.flower_port}/api/workers?refresh=1'"
        wait_until(lambda: len(up.shell(workers)) >= 2, 60, "that Flower knows the workers")
        doctor = subprocess.run(
            [sys.executable, "-m", "limner", "doctor"],
            cwd=up.folder,
            env=up.environ,
            capture_output=True,
            text=True,
        )
        assert (doctor.returncode, doctor.stderr) == (0, "")
        assert up.stop()[0] == 0
        # Valkey keeps what it has forbidden.
        assert admin.redis.execute_command("ACL", "LOG") == []
        assert "Traceback" not in up.said()
    finally:
        admin.close()
        server.kill()
        server.wait()


def test_a_redis_that_goes_away_is_told_in_json_and_without_a_traceback():
    with House(ENGINE, flower_auth="ops:opensesame") as house:
        house.start_all()
        house.start_beat()
        house.start_flower()
        wait_until(lambda: house.ask("GET", "/readyz")[0] == 200, 60, "the workers")

        house.kill("redis")
        told = ("api", "beat", "flower", "fast-1", "relaxed-2", "callbacks-3")
        # Whether it says so depends on whether anybody asks it.
        wait_until(lambda: house.ask("GET", "/readyz")[0] == 503, 60, "the outage")
        for name in told:
            wait_until(lambda name=name: missed(house, name), 60, f"what {name} says of it")
        house.start_redis()
        wait_until(lambda: house.ask("GET", "/readyz")[0] == 200, 60, "the server")
        job = house.imagine()["id"]
        wait_until(
            lambda: house.ask("GET", f"/draw/midjourney/jobs/{job}")[1]["status"] == 1,
            90,
            "a drawing afterwards",
        )

        for name in told:
            for line in house.log(name).splitlines():
                said = json.loads(line)
                assert "traceback" not in said, line
                assert 'File "' not in line, line


def missed(house: House, name: str) -> bool:
    # A server that is dying may still take a connection, and drop it.
    words = r"[Rr]efused|[Rr]eset|[Cc]losed|[Ll]ost|No such file|cannot be reached"
    return re.search(words, house.log(name)) is not None


def test_a_process_does_not_start_on_a_redis_that_will_not_serve_it(up):
    (up.folder / "redis").mkdir()
    command = [*embedded.command(up.folder / "redis"), "--requirepass", "s3cret"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=up.environ)
    path = redis_socket.socket_path(up.folder / "redis")
    try:
        wait_until(path.exists, what="the server")
        up.environ["LIMNER_REDIS_URL"] = f"unix://:hidden@{path}"
        for process in (["up"], ["api"], ["worker", "fast"], ["beat"], ["flower"], ["job", "x"]):
            ended = subprocess.run(
                [sys.executable, "-m", "limner", *process],
                cwd=up.folder,
                env=up.environ,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert ended.returncode == 2, ended
            assert ended.stderr.startswith("limner: LIMNER_REDIS_URL: Redis does not serve")
            assert ended.stderr.count("\n") == 1
            assert "hidden" not in ended.stderr + ended.stdout
    finally:
        server.kill()
        server.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="opens a pipe from both ends")
def test_single_processes_go_on_while_nobody_reads_their_output():
    with House(ENGINE, log_level="debug") as house:
        house.output = house.folder / "fifo"
        os.mkfifo(house.output)
        fifo = os.open(house.output, os.O_RDWR | os.O_NONBLOCK)
        try:
            # Full before any of them has begun: their first line would be one too many.
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(fifo, b"x" * 4096)
            house.start_all()
            house.start_beat()
            house.start_flower()
            job = house.imagine()
            where = f"/draw/midjourney/jobs/{job['id']}"
            wait_until(lambda: house.ask("GET", where)[1]["status"] == 1, 60, "the drawing")
        finally:
            house.output = None
            os.close(fifo)
