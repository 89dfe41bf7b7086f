"""Clients of the web UI's API, as they behave, against a real gateway: Open WebUI and SillyTavern.

Neither can be installed for a test. What they send, in which order, and what they read of the answers is written
down here after their code.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.house import House
from tests.conftest import wait_until

pytestmark = pytest.mark.slow

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.0
fast = { slots = 4 }
relaxed = { slots = 2 }
"""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(ENGINE) as house:
        house.start_api()
        house.start_worker("fast")
        house.wait_for_engines()
        yield house


class WebClient:
    """Asks as they do: HTTP Basic, one connection a request."""

    def __init__(self, house: House) -> None:
        self._port = house.settings.port
        self._basic = base64.b64encode(f"user:{house.token}".encode()).decode()

    def begin(self, method: str, path: str, body: Any = None) -> http.client.HTTPConnection:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Basic {self._basic}", "Content-Type": "application/json"}
        link.request(method, path, None if body is None else json.dumps(body), headers)
        return link

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        link = self.begin(method, path, body)
        try:
            answer = link.getresponse()
            assert answer.status == 200, answer.read()
            assert answer.headers["Content-Type"] == "application/json"
            return json.loads(answer.read())
        finally:
            link.close()


def image(text: str) -> Image.Image:
    assert not text.startswith("data:")
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def test_open_webui_chooses_a_model_and_draws(house):
    client = WebClient(house)

    model = client.ask("GET", "/sdapi/v1/options")["sd_model_checkpoint"]
    titles = {one["title"]: one["model_name"] for one in client.ask("GET", "/sdapi/v1/sd-models")}
    assert model in titles
    options = client.ask("GET", "/sdapi/v1/options") | {"sd_model_checkpoint": "stage"}
    client.ask("POST", "/sdapi/v1/options", options)
    answer = client.ask(
        "POST",
        "/sdapi/v1/txt2img",
        {
            "prompt": "a hill",
            "batch_size": 2,
            "width": 512,
            "height": 384,
            "steps": 30,
            "negative_prompt": "boats",
            "cfg_scale": 7.5,
            "sampler_name": "Euler a",
            "scheduler": "Karras",
        },
    )

    assert [image(one).size for one in answer["images"]] == [(512, 384)] * 2
    assert client.ask("GET", "/sdapi/v1/options")["sd_model_checkpoint"] == "stage"
    # It keeps this as the picture's description.
    assert json.loads(answer["info"])["prompt"] == "a hill"


def sillytavern(**more: Any) -> dict[str, Any]:
    return {
        "url": "http://gateway",
        "auth": "user:token",
        "negative_prompt": "",
        "sampler_name": "Automatic",
        "scheduler": "automatic",
        "steps": 20,
        "cfg_scale": 7,
        "width": 512,
        "height": 768,
        "seed": -1,
        "override_settings": {"CLIP_stop_at_last_layers": 1},
        "override_settings_restore_afterwards": True,
        "clip_skip": 1,
        "save_images": True,
        "send_images": True,
        "do_not_save_grid": False,
        "do_not_save_samples": False,
        **more,
    }


def test_sillytavern_fills_its_menus_and_draws_while_it_looks_at_progress(house):
    client = WebClient(house)
    client.ask("GET", "/internal/ping")
    for menu in ("samplers", "schedulers", "upscalers"):
        assert [one["name"] for one in client.ask("GET", f"/sdapi/v1/{menu}")]
    client.ask("GET", "/sdapi/v1/latent-upscale-modes")

    seen: list[dict[str, Any]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            seen.append(client.ask("GET", "/sdapi/v1/progress?skip_current_image=false"))
            ended.wait(0.1)

    looks = threading.Thread(target=look)
    looks.start()
    answer = client.ask("POST", "/sdapi/v1/txt2img", sillytavern(prompt="a hill [[seconds 8]]"))
    ended.set()
    looks.join()

    assert image(answer["images"][0]).size == (512, 768)
    assert any(0 < one["progress"] < 1 for one in seen)
    assert any(one["current_image"] for one in seen)
    assert client.ask("GET", "/sdapi/v1/progress")["state"]["job_count"] == 0


@pytest.mark.parametrize("interrupts", [True, False])
def test_sillytavern_stops_by_hanging_up_and_by_interrupting(house, interrupts):
    client = WebClient(house)
    body = sillytavern(prompt="a dale [[seconds 600]]")
    link = client.begin("POST", "/sdapi/v1/txt2img", body)

    def shown() -> dict[str, Any]:
        return client.ask("GET", "/sdapi/v1/progress")["state"]

    wait_until(lambda: shown()["job"], what="a job under way")
    job = shown()["job"]
    link.close()
    if interrupts:
        client.ask("POST", "/sdapi/v1/interrupt")

    def reason() -> str | None:
        return house.ask("GET", f"/draw/midjourney/jobs/{job}")[1]["reasonCode"]

    wait_until(lambda: reason() == "cancelled", what="the job's end")
