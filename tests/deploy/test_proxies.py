"""Limner behind nginx and behind Caddy, by the files of deploy/: what passes, how long, and what is kept inside.

One API of real processes, and both proxies in front of it. Times are scaled: a stream that lives longer than a proxy
is patient says something often enough, whatever the figures are. ``tests/acceptance/test_proxies_in_full.py`` takes the
time that it takes.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import urllib3
from PIL import Image

from api import body, waiting
from api.console import live
from api.faces.openai.images import WAIT_MOST_S as IMAGES_S
from api.faces.openai.streaming import WAIT_MOST_S as STREAMING_S
from api.faces.sdapi.drawing import WAIT_MOST_S as TXT2IMG_S
from limner.settings import Settings
from schemas.limner.look import WAIT_MOST_S as LOOK_S
from schemas.mcp.arguments import WAIT_MOST_S as MCP_S
from stack import processes
from stack.stack import answers
from tests.acceptance.house import House
from tests.conftest import free_port, wait_until
from tests.deploy import fronts
from tests.deploy.fronts import IMAGINE, KINDS, NAME, Front, Nginx, ask, waiting_job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FLOWER_AUTH = "ops:opensesame"
METRICS_TOKEN = "for-prometheus-alone"
#: seconds that an impatient nginx waits for an upstream
PATIENCE_S = 1


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """An API whose idle streams say three times a second that they live, and Flower; nothing draws."""
    with House(
        "",
        public_url=f"https://{NAME}/limner",
        metrics_token=METRICS_TOKEN,
        flower_auth=FLOWER_AUTH,
    ) as house:
        house.environ["FLOWER_URL_PREFIX"] = "flower"
        command = processes.api(house.settings)
        command[command.index("api.wsgi:app")] = "tests.deploy.hasty:app"
        house._start("api", command)
        port = house.settings.port
        wait_until(lambda: answers("127.0.0.1", port, "/healthz"), what="the API's start")
        house._start("flower", processes.flower(house.settings))
        door = house.settings.flower_port
        wait_until(lambda: answers("127.0.0.1", door, "/flower/healthcheck"), what="Flower")
        yield house


@pytest.fixture(scope="module", params=KINDS)
def front(request, house, tmp_path_factory) -> Iterator[Front]:
    """Each proxy by its file as it stands."""
    folder = tmp_path_factory.mktemp(request.param) / "front"
    made = KINDS[request.param](folder, house.settings.port, house.settings.flower_port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def impatient(house, tmp_path_factory) -> Iterator[Front]:
    """nginx, which loses its patience after a second."""
    folder = tmp_path_factory.mktemp("impatient") / "front"
    words = {"proxy_read_timeout 3660s": f"proxy_read_timeout {PATIENCE_S}s"}
    made = Nginx(folder, house.settings.port, house.settings.flower_port, words)
    yield made
    made.close()


def noise(side_px: int) -> bytes:
    """A picture that does not shrink: three bytes a pixel."""
    picture = Image.frombytes("RGB", (side_px, side_px), os.urandom(side_px * side_px * 3))
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=0)
    return file.getvalue()


def test_nine_megabytes_of_pictures_in_a_body_pass(house, front):
    pictures = [base64.b64encode(noise(1024)).decode() for _ in range(3)]
    assert sum(map(len, pictures)) > 9 * 2**20

    job = waiting_job(house, front, imageList=pictures, iw=1)

    assert job["status"] == -2
    assert house.ask("GET", f"/draw/midjourney/jobs/{job['id']}")[0] == 200


def test_a_body_that_is_too_large_is_refused_in_json_before_all_of_it_is_sent(house, front):
    head = [
        *(f"POST {IMAGINE} HTTP/1.1", f"Host: {NAME}", f"token: {house.token}"),
        *("Content-Type: application/json", f"Content-Length: {body.BODY_MAX_BYTES + 1}", "\r\n"),
    ]
    with front.line() as line:
        line.sendall("\r\n".join(head).encode())
        sent, told = 0, b""
        # Caddy answers a caller that goes on sending, and not one that stops in the middle.
        while sent < 10 * 2**20 and b"}" not in told:
            sent += line.send(b" " * 65536)
            line.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                told += line.recv(65536)
            line.settimeout(60)

    assert told.startswith(b"HTTP/1.1 413 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["code"] == "body_too_large"


def test_a_long_poll_is_answered_with_the_job(house, front):
    job = waiting_job(house, front)

    answer = ask(front, "GET", f"/draw/midjourney/jobs/{job['id']}?wait=2", house.token)

    assert (answer.status, answer.json()["id"]) == (200, job["id"])


def test_nginx_is_more_patient_than_the_longest_answer_is_held():
    found = re.findall(r"proxy_read_timeout (\d+)s;", fronts.NGINX.read_text())
    found += re.findall(r"proxy_read_timeout (\d+)s;", fronts.NGINX_PATH.read_text())

    assert len(found) == 2
    assert min(map(int, found)) > max(LOOK_S, MCP_S, STREAMING_S, IMAGES_S, TXT2IMG_S)
    # And streams tell more often that they live than a proxy of others, left as it came, waits.
    assert max(waiting.HEARTBEAT_S, live.BEAT_S) * 3 < 60


def test_an_idle_connection_ends_at_the_proxy_and_not_under_a_request_at_the_api():
    kept_s = Settings.load({"LIMNER_CONFIG": os.devnull}).api_keepalive_s

    for file in (fronts.NGINX, fronts.CADDY, fronts.CADDY_PATH):
        (proxy_s,) = re.findall(r"\bkeepalive(?:_timeout)? (\d+)s", file.read_text())
        assert int(proxy_s) < kept_s


def test_what_a_proxy_gives_up_is_told_in_json_and_when_to_come_again(house, impatient):
    path = f"/draw/midjourney/jobs/{waiting_job(house, impatient)['id']}?wait=10"

    for prefix, port in sites(impatient):
        answer = ask(impatient, "GET", f"{prefix}{path}", house.token, port=port)
        away(answer)


def sites(front: Front) -> tuple[tuple[str, int], ...]:
    """The path and the port of Limner's own site and of another one, that has it under a path."""
    return ("", front.port), ("/limner", front.path_port)


def away(answer: Any) -> None:
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["code"] == "not_ready"


def test_a_stream_outlives_a_proxys_patience_and_tells_at_once(house, impatient):
    streams_as_told(house, impatient, PATIENCE_S * 3)


def test_a_stream_tells_at_once(house, front):
    streams_as_told(house, front, 0)


def streams_as_told(house: House, front: Front, silent_s: float) -> None:
    """Read a stream of a job to which nothing happens for so long, and that is cancelled then."""
    path = f"/draw/midjourney/jobs/{waiting_job(house, front)['id']}"
    ends = time.monotonic() + silent_s
    answer = ask(front, "GET", f"{path}/events", house.token, preload_content=False)
    lines = (line.decode().strip() for line in answer)
    assert next(lines) == "retry: 2000"
    beats = sum(1 for line in until(lines, ends) if line == ": no news")

    assert ask(front, "DELETE", path, house.token).status == 200

    assert beats >= 1
    told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert told[-1]["reasonCode"] == "cancelled"


def until(lines: Iterator[str], ends: float) -> Iterator[str]:
    """Yield a stream's lines up to the first keep-alive after that time."""
    for line in lines:
        yield line
        if line == ": no news" and time.monotonic() > ends:
            return


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6Detrics",
        "/x/../metrics",
        "/./metrics",
        "/metrics?a",
    ],
)
def test_metrics_are_refused_from_outside_even_with_the_token(house, front, path):
    answer = ask(
        front, "GET", path, headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, redirect=False
    )

    assert answer.status in (403, 404)
    assert b"limner_" not in answer.data


def test_a_header_of_a_caller_leads_past_no_rule(house, front):
    """gunicorn believes a proxy on this machine what the path is; callers say nothing by it."""
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}", "SCRIPT_NAME": "/x"}

    answer = ask(front, "GET", "/x/metrics", headers=headers)

    assert (answer.status, answer.json()["code"]) == (404, "not_found")


def test_prometheus_on_the_machine_reads_them(house):
    pool = urllib3.HTTPConnectionPool("127.0.0.1", house.settings.port)
    answer = pool.request("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})

    assert answer.status == 200
    assert b"limner_redis_up 1" in answer.data


def test_the_console_and_flower_are_there(house, front):
    for port in (front.port, front.path_port):
        page = ask(front, "GET", "/limner/console/enter", port=port)
        assert page.status == 200
        assets = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.data.decode())
        assert {asset.rpartition(".")[2] for asset in assets} == {"js", "css"}
        for asset in assets:
            path = urljoin("/limner/console/enter", asset)
            assert path.startswith("/limner/")
            assert ask(front, "GET", path, port=port).status == 200
        word = urllib3.make_headers(basic_auth=FLOWER_AUTH)
        assert ask(front, "GET", "/flower/", port=port).status == 401
        page = ask(front, "GET", "/flower/", port=port, headers=word)
        assert page.status == 200
        (style, *_) = re.findall(r'href="(/flower/static/[^"]+\.css[^"]*)"', page.data.decode())
        assert ask(front, "GET", style, port=port, headers=word).status == 200


def test_under_a_path_metrics_are_refused_as_well(house, front):
    for path in ("/limner/metrics", "/limner//metrics", "/limner/%6Detrics"):
        word = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        answer = ask(front, "GET", path, port=front.path_port, headers=word)
        assert (answer.status, answer.json()["code"]) == (403, "not_for_strangers")


def test_a_secret_after_a_question_mark_is_not_in_the_log(house, front):
    if not isinstance(front, Nginx):
        pytest.skip("Caddy logs no requests unless it is told to")
    for prefix, port in sites(front):
        ask(front, "GET", f"{prefix}/console/enter?ticket=lim_secret", port=port)
        ask(front, "GET", "/elsewhere", port=port)

    for log in (front.folder / "access", front.folder / "site"):
        wait_until(lambda log=log: "/elsewhere" in log.read_text(), what="the line in the log")
        assert "secret" not in log.read_text()
    assert "/console/enter" in (front.folder / "access").read_text()


def test_what_comes_by_http_is_sent_to_https(house, front):
    if not isinstance(front, Nginx):
        pytest.skip("Caddy does it by itself, on port 80 alone")
    pool = urllib3.HTTPConnectionPool("127.0.0.1", front.plain_port)
    answer = pool.request("GET", "/docs?a=b", headers={"Host": NAME}, redirect=False)

    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/docs?a=b")


@pytest.mark.parametrize(
    ("kind", "words"), [("nginx", {}), ("caddy", {"try_duration 10s": "try_duration 1s"})]
)
def test_while_the_api_is_away_callers_get_json_and_when_to_come_again(tmp_path, kind, words):
    front = KINDS[kind](tmp_path / "front", free_port(), free_port(), words)
    try:
        for prefix, port in sites(front):
            away(ask(front, "GET", f"{prefix}/healthz", port=port))
    finally:
        front.close()
