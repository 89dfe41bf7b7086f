"""Several engines at once, one of them killed in mid-draw: every job ends, with its own picture."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from PIL import Image

from stack import processes
from tests.acceptance.house import House, assert_told_in_order
from tests.acceptance.receiver import Receiver
from tests.conftest import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POOL = """
[[engine]]
name = "left"
driver = "comfyui"
url = "http://127.0.0.1:{left}"
checkpoint = "sd15.safetensors"
fast = {{ slots = 2 }}

[[engine]]
name = "right"
driver = "comfyui"
url = "http://127.0.0.1:{right}"
checkpoint = "sd15.safetensors"
fast = {{ slots = 2 }}

[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.0
steps = 3
ledger = "LEDGER"
fast = {{ slots = 1 }}
"""


@contextlib.contextmanager
def comfyui(port: int):
    """A ComfyUI stand-in in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.standins.comfyui", "--port", str(port), "--seconds", "1.5"],
        cwd=processes.HOME,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: reachable(port), what="the stand-in's start")
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(signal.SIGKILL)
        server.wait()


def reachable(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/prompt", timeout=5).close()
    except OSError:
        return False
    return True


def test_a_pool_outlives_one_of_its_engines():
    left, right = free_port(), free_port()
    with (
        comfyui(left) as victim,
        comfyui(right),
        Receiver() as receiver,
        House(POOL.format(left=left, right=right)) as house,
    ):
        house.start_api()
        house.start_worker("callbacks")
        house.start_worker("fast")
        jobs = {
            house.imagine(callBackUrl=receiver.url, promptEn=f"a lighthouse --seed {n * 100}")["id"]
            for n in range(1, 25)
        }
        wait_until(
            lambda: (
                any(house.store.jobs.get(j).engine == "left" for j in jobs)
                and sum(house.store.jobs.get(j).status == "done" for j in jobs) >= 3
            ),
            60,
            "work on the pool",
        )

        victim.send_signal(signal.SIGKILL)
        killed = time.time()

        wait_until(lambda: all(receiver.ended(j) for j in jobs), 120, "the end of all")
        pictures = set()
        for job_id in jobs:
            told = receiver.told(job_id)
            assert_told_in_order(told)
            job = told[-1]
            assert job["status"] == 1, job
            if house.store.jobs.get(job_id).finished_at.timestamp() > killed + 3:
                assert job["engine"] != "left"
            if job["engine"] != "stage":
                pictures.add(picture(job["url"]))
        drawn_there = sum(receiver.told(j)[-1]["engine"] != "stage" for j in jobs)
        assert len(pictures) == drawn_there, "every job has a picture of its own"


def picture(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return Image.open(io.BytesIO(answer.read())).tobytes()
