"""Many open pages at one API process: no thread for any, and all are told."""

from __future__ import annotations

import http.client
import resource
from contextlib import ExitStack

import psutil
import pytest

from tests.acceptance.house import House
from tests.api.console.browsing import frames
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGES = 200


@pytest.fixture
def room_for_sockets():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def threads_of(house: House) -> int:
    """Threads of the API's processes, together."""
    master = psutil.Process(house.running["api"].pid)
    return sum(one.num_threads() for one in (master, *master.children(recursive=True)))


def session_of(house: House) -> dict[str, str]:
    """The headers of a page that has entered."""
    address = ("127.0.0.1", house.settings.port)
    line = http.client.HTTPConnection(*address, timeout=30)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    line.request("POST", "/console/enter", f"token={house.token}", form)
    cookie = line.getresponse().headers["Set-Cookie"].split(";")[0]
    line.close()
    line = http.client.HTTPConnection(*address, timeout=30)
    line.request("GET", "/console/draw", headers={"Cookie": cookie})
    key = line.getresponse().read().decode().partition('data-csrf="')[2][:64]
    line.close()
    return {"Cookie": cookie, "X-Limner-Csrf": key, "Sec-Fetch-Site": "same-origin"}


def test_two_hundred_open_pages_cost_no_thread_each_and_all_are_told(house, room_for_sockets):
    headers = session_of(house)
    before = threads_of(house)
    with ExitStack() as lines:
        streams = []
        for _ in range(PAGES):
            line = http.client.HTTPConnection("127.0.0.1", house.settings.port, timeout=60)
            lines.callback(line.close)
            line.request("GET", "/console/live", headers=headers)
            streams.append(line.getresponse())
        assert {stream.status for stream in streams} == {200}
        # Greenlets wait; the threads that there are do pictures.
        assert threads_of(house) - before < 20

        job = house.imagine(promptEn="a mill")

        for stream in streams:
            assert told(stream, job["id"])
    wait_until(lambda: house.ask("GET", "/draw/midjourney/jobs")[0] == 200, what="an answer")


def told(stream: http.client.HTTPResponse, job_id: str) -> bool:
    """Read until the job is told."""
    rest = ""
    while piece := stream.read1(65536):
        rest += piece.decode()
        if any(name == "job" and data["id"] == job_id for name, data in frames(rest)):
            return True
    return False
