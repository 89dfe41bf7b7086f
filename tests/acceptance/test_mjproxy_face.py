"""A client of midjourney-proxy against real processes: from a prompt to a region redrawn, every hook told."""

from __future__ import annotations

import base64
import io
import json
import urllib.request
import uuid
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENGINES = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.8
steps = 4
fast = { slots = 4 }
relaxed = { slots = 2 }
"""
ORDER = ["NOT_START", "SUBMITTED", "IN_PROGRESS", "SUCCESS"]


class Client:
    """Asks as the field's clients do; ``base`` is what they are configured with."""

    def __init__(self, house: House, receiver: Receiver) -> None:
        self.base = f"http://127.0.0.1:{house.settings.port}/mj"
        self.secret = house.token
        self.hook = receiver.url

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"mj-api-secret": self.secret, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def submit(self, what: str, **body: Any) -> str:
        found = self.ask(f"/submit/{what}", body | {"notifyHook": self.hook, "state": f"{what}:1"})
        assert found["code"] in (1, 21, 22), found
        return str(found["result"])

    def press(self, task: dict[str, Any], part: str) -> str:
        (custom_id,) = [one["customId"] for one in task["buttons"] if part in one["customId"]]
        return self.submit("action", taskId=task["id"], customId=custom_id)

    def ended(self, task_id: str) -> dict[str, Any]:
        """Poll until the task has ended."""
        found: list[dict[str, Any]] = []

        def done() -> bool:
            found[:] = self.ask("/task/list-by-condition", {"ids": [task_id]})
            return found[0]["progress"] == "100%"

        wait_until(done, what="the task's end")
        assert found[0]["status"] == "SUCCESS", found[0]["failReason"]
        return found[0]


def mask() -> str:
    data = io.BytesIO()
    image = Image.new("L", (64, 64), 0)
    image.paste(255, (0, 0, 32, 32))
    image.save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def told(receiver: Receiver, task_id: str) -> list[dict[str, Any]]:
    """What the hook was told of a task, once it was told its end."""
    wait_until(
        lambda: any(one["progress"] == "100%" for one in receiver.bodies[task_id]),
        what="the hook's end",
    )
    return receiver.bodies[task_id]


def test_a_client_of_midjourney_proxy_draws_picks_and_redraws_a_region_over_a_restart():
    with Receiver() as receiver, House(ENGINES) as house:
        house.start_all()
        house.start_beat()
        client = Client(house, receiver)

        grid = client.ended(client.submit("imagine", prompt="a fox --relax --ar 3:2"))
        assert len(grid["imageUrls"]) == 4
        assert grid["mode"] == "RELAX"
        with urllib.request.urlopen(grid["imageUrl"], timeout=30) as picture:
            assert Image.open(io.BytesIO(picture.read())).size == (grid["width"], grid["height"])

        picked = client.ended(client.press(grid, "upsample::2"))
        assert client.press(grid | {"buttons": grid["buttons"]}, "upsample::2") == picked["id"]

        window = client.press(picked, "Inpaint")
        assert client.ask(f"/task/{window}/fetch")["status"] == "MODAL"
        house.terminate("api")
        house.start_api()
        for _ in range(2):
            assert (
                client.submit("modal", taskId=window, prompt="a bear", maskBase64=mask()) == window
            )
        redrawn = client.ended(window)
        assert (redrawn["action"], redrawn["promptEn"]) == ("INPAINT", "a bear")

        for task, state in ((grid, "imagine:1"), (redrawn, "action:1")):
            bodies = told(receiver, task["id"])
            assert [ORDER.index(one["status"]) for one in bodies] == sorted(
                ORDER.index(one["status"]) for one in bodies
            )
            assert bodies[0]["status"] == "SUBMITTED"
            assert bodies[-1] == task
            assert {one["state"] for one in bodies} == {state}


def test_a_gateway_draws_through_another_gateway():
    """The driver for midjourney-proxies is a client like others, and reads all of a task."""
    with House(ENGINES) as upstream:
        upstream.start_api()
        upstream.start_worker("relaxed")
        secret = upstream.folder / "secret"
        secret.write_text(upstream.token)
        engine = f"""
        [[engine]]
        name = "mj"
        driver = "mjproxy"
        url = "http://127.0.0.1:{upstream.settings.port}"
        api_key_file = "{secret}"
        speed = "prefix"
        buttons = true
        cancel = true
        poll_s = 0.5
        fast = {{ slots = 1 }}
        relaxed = {{ slots = 1 }}
        """
        with House(engine) as house:
            house.start_api()
            house.start_worker("relaxed")
            job = drawn_by(house, house.imagine(fast=False))
            assert len(job["images"]) == 4
            for press in (
                {"buttonType": "region", "mask": mask(), "promptEn": "a bear"},
                {"buttonType": "zoom", "scale": 1.5},
                {"buttonType": "pan", "direction": "left"},
                {"buttonType": "upscale", "kind": "creative"},
            ):
                body = {"messageId": job["id"], "tag": uuid.uuid4().hex, "fast": False, "cell": 1}
                status, answer = house.ask("POST", "/draw/midjourney/button", body | press)
                assert status == 200, answer
                followed = drawn_by(house, answer["data"])
                assert followed["drawType"] == press["buttonType"]


def drawn_by(house: House, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job of the gateway's own protocol once it is done."""
    seen = [job]

    def ended() -> bool:
        seen[:] = [house.ask("GET", f"/draw/midjourney/jobs/{job['id']}")[1]]
        return bool(seen[0]["status"] > 0)

    wait_until(ended, what="the drawing's end")
    assert seen[0]["status"] == 1, seen[0]["reason"]
    return seen[0]
