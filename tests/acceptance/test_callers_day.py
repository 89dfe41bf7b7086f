"""A caller's day against real processes: every answer and every callback of it checked."""

from __future__ import annotations

import io
import urllib.request
import uuid

import pytest
from PIL import Image

from tests.acceptance.house import House, assert_told_in_order
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.8
steps = 4
fast = { slots = 4 }
relaxed = { slots = 2 }
"""
API = "/draw/midjourney"


class Day:
    """One caller, its receiver, and what it asks."""

    def __init__(self, house: House, receiver: Receiver) -> None:
        self.house = house
        self.receiver = receiver
        self.jobs: list[str] = []

    def ask(self, method, path, body=None, status=200):
        said, answer = self.house.ask(method, API + path, body)
        assert said == status, (method, path, said, answer)
        return answer

    def imagine(self, **fields):
        body = {"promptEn": "a lighthouse at dusk", "fast": True, "tag": uuid.uuid4().hex}
        body |= {"callBackUrl": self.receiver.url} | fields
        return self.noted(self.ask("POST", "/imagine", body, status=202))

    def press(self, parent, button):
        body = {"buttonType": button, "messageId": parent["id"], "tag": uuid.uuid4().hex}
        body |= {"fast": False, "callBackUrl": self.receiver.url, "extra": button}
        answer = self.ask("POST", "/button", body)
        assert (answer["statusCode"], answer["message"]) == (0, "success")
        assert (answer["data"]["drawType"], answer["data"]["extra"]) == (button, button)
        return self.noted(answer["data"])

    def noted(self, job):
        self.jobs.append(job["id"])
        return job

    def ended(self, job):
        """Wait for the job's end, as a caller does who looks; its callbacks tell the same."""
        while job["status"] < 1:
            job = self.ask("GET", f"/jobs/{job['id']}?wait=30&seq={job['seq']}")
        wait_until(lambda: self.receiver.ended(job["id"]), what="the callback of the end")
        assert told_as_shown(self.receiver.told(job["id"])[-1], job)
        return job

    def told(self, job):
        return [one["status"] for one in self.receiver.told(job["id"])]


def told_as_shown(event, job):
    """Marks may have come since."""
    marks = {f"{letter}{place}" for letter in "uv" for place in range(1, 5)} | {"r"}
    return {k: v for k, v in event.items() if k not in marks} == {
        k: v for k, v in job.items() if k not in marks
    }


def picture(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return Image.open(io.BytesIO(answer.read())).copy()


@pytest.fixture
def day():
    with Receiver() as receiver, House(ENGINES) as house:
        house.start_all()
        house.start_beat()
        yield Day(house, receiver)


def test_a_callers_day(day):
    # Imagine, and hear of it in order.
    job = day.ended(day.imagine(ar="3:2"))
    assert (job["status"], job["progress"], len(job["images"])) == (1, 100, 4)
    assert_told_in_order(day.receiver.told(job["id"]))

    # Pick a cell: done at once, told once, and not twice.
    picked = day.press(job, "u2")
    assert (picked["status"], picked["images"]) == (1, [])
    day.ended(picked)
    assert day.told(picked) == [1]
    assert picture(picked["url"]) == picture(job["images"][1]["url"])
    again = {"buttonType": "u2", "messageId": job["id"], "tag": uuid.uuid4().hex, "fast": True}
    assert day.ask("POST", "/button", again, status=409)["statusCode"] == 409

    # Vary a cell, and draw the whole again.
    varied, redrawn = (day.ended(day.press(job, button)) for button in ("v3", "r"))
    for made in (varied, redrawn):
        assert (made["status"], made["promptEn"], made["ar"]) == (1, job["promptEn"], "3:2")
        assert_told_in_order(day.receiver.told(made["id"]))
        assert made["url"] != job["url"]
    shown = day.ask("GET", f"/jobs/{job['id']}")
    assert [shown[mark] for mark in ("u1", "u2", "v3", "r")] == [0, 1, 1, 1]

    # Cancel one; it has failed, so it can be submitted again, and its twin is drawn.
    wanted = day.imagine(promptEn="a ship", fast=False)
    cancelled = day.ask("DELETE", f"/jobs/{wanted['id']}")
    assert (cancelled["status"], cancelled["reasonCode"]) == (2, "cancelled")
    assert day.ask("DELETE", f"/jobs/{wanted['id']}") == cancelled
    day.ended(cancelled)
    assert day.told(cancelled)[-1] == 2
    twin = day.ask("POST", "/refresh", {"tag": wanted["tag"]})["data"]
    twin = day.ended(day.noted(twin))
    assert (twin["status"], twin["promptEn"], twin["tag"]) == (1, "a ship", wanted["tag"])
    assert day.ask("POST", "/refresh", {"tag": wanted["tag"]}, status=409)
    assert day.ask("GET", f"/find/by/{wanted['tag']}")["id"] == twin["id"]
    assert day.ask("DELETE", f"/jobs/{twin['id']}", status=409)

    # One that fails by itself, and its twin, which fails too.
    broken = day.ended(day.imagine(imageList=["http://127.0.0.1:9/none.png"]))
    assert (broken["status"], broken["reasonCode"]) == (2, "reference")
    second = day.ask("POST", "/refresh", {"tag": broken["tag"]})["data"]
    assert day.ended(day.noted(second))["status"] == 2

    # Thumbnails are the same picture, longest side 512.
    grid = picture(job["url"])
    small = picture(job["url"] + "?x-oss-process=style/scale512")
    assert max(small.size) == 512 < max(grid.size)

    # The list shows the day, newest first; nothing waits or is drawn any more.
    listed, cursor = [], ""
    while cursor is not None:
        page = day.ask("GET", f"/jobs?limit=3&cursor={cursor}")
        listed += [one["id"] for one in page["data"]]
        cursor = page["cursor"]
    assert listed == day.jobs[::-1]
    assert day.ask("POST", "/waiting") == day.ask("POST", "/pending") == {"data": 0}

    # What was told can be looked at, and told once more.
    callbacks = day.ask("GET", f"/jobs/{job['id']}/callbacks")
    assert {one["state"] for one in callbacks["data"]} <= {"delivered", "dropped"}
    assert callbacks["data"][-1]["attempts"][-1]["status"] == 204
    ids = list(day.receiver.ids[job["id"]])
    assert day.ask("POST", f"/jobs/{job['id']}/callbacks/resend") == {"data": 1}
    wait_until(lambda: len(day.receiver.ids[job["id"]]) > len(ids), what="the end once more")
    assert day.receiver.ids[job["id"]][-1] == callbacks["data"][-1]["id"]
