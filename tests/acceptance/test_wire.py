"""The wire from a caller's side: real HTTP in, real callbacks out, everything between as it runs."""

from __future__ import annotations

import base64
import io
import json
import threading
import urllib.request
import uuid
from collections.abc import Iterator

import pytest
from PIL import Image
from standardwebhooks.webhooks import Webhook

from tests.acceptance.house import House, assert_told_in_order
from tests.callback_doubles import Heard, Receiver
from tests.conftest import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 1.5
steps = 4
ledger = "LEDGER"
fast = { slots = 2 }
relaxed = { slots = 1 }
"""
JOB_SHAPE = {
    *("id", "messageId", "tag", "status", "progress", "prompt", "promptEn", "finalPrompt"),
    *("fast", "drawType", "ar", "arRequested", "url", "width", "height", "images"),
    *("u1", "u2", "u3", "u4", "r", "v1", "v2", "v3", "v4", "reason", "reasonCode"),
    *("engine", "position", "extra", "createdAt", "startedAt", "finishedAt", "seq"),
}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House(STAGE) as house:
        house.secret = house.store.clients.get("ann").secrets[0]
        house.stranger = house.store.clients.add("bob").token
        house.start_all()
        yield house


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def bodies(receiver: Receiver, job_id: str) -> list[dict]:
    heard = [json.loads(post.body) for post in list(receiver.heard) if post.job == job_id]
    return sorted(heard, key=lambda body: body["seq"])


def wait_for_the_end(receiver: Receiver, job_id: str) -> list[dict]:
    wait_until(
        lambda: (told := bodies(receiver, job_id)) and told[-1]["status"] in (1, 2),
        what="the terminal callback",
    )
    return bodies(receiver, job_id)


def ask_as(house: House, token: str, path: str) -> int:
    house.token, own = token, house.token
    try:
        return house.ask("GET", path)[0]
    finally:
        house.token = own


def data_url(side: int = 64) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (20, 90, 160)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def test_an_imagine_request_is_told_from_submitted_to_done_with_signatures_that_verify(
    house, receiver
):
    tag = uuid.uuid4().hex
    answer = house.imagine(
        prompt="灯塔", tag=tag, ar="16:9", chaos=5, extra="for me", callBackUrl=receiver.url
    )
    told = wait_for_the_end(receiver, answer["id"])

    assert answer.keys() >= JOB_SHAPE
    assert (answer["status"], answer["tag"], answer["seq"]) == (-2, tag, 0)
    statuses = [body["status"] for body in told]
    assert (statuses[0], statuses[-1]) == (-1, 1)
    assert set(statuses[1:-1]) == {0}
    assert [body["seq"] for body in told] == list(range(1, len(told) + 1))
    assert_told_in_order(told)
    for body in told:
        assert body.keys() == answer.keys()
        assert (body["id"], body["tag"], body["extra"]) == (answer["id"], tag, "for me")
        assert body["finalPrompt"] == "a lighthouse --ar 7:4 --chaos 5"

    webhook = Webhook(house.secret)
    posts = [post for post in receiver.heard if post.job == answer["id"]]
    for post in posts:
        assert webhook.verify(post.body, post.headers)["id"] == answer["id"]
    identities = [post.headers["webhook-id"] for post in posts]
    assert len(set(identities)) == len(identities)

    end = told[-1]
    assert (end["ar"], end["arRequested"]) == ("7:4", "16:9")
    assert (end["width"], end["height"], len(end["images"])) == (1344, 768, 4)
    for picture in (end, *end["images"]):
        with urllib.request.urlopen(picture["url"], timeout=10) as response:
            drawn = Image.open(io.BytesIO(response.read()))
        assert drawn.size == (picture["width"], picture["height"])


def test_a_look_up_never_shows_less_than_a_callback_has_told(house):
    seen: list[tuple[dict, dict]] = []
    lock = threading.Lock()

    def look(post: Heard, _before: int) -> tuple[int, dict]:
        body = json.loads(post.body)
        shown = house.ask("GET", f"/draw/midjourney/jobs/{body['id']}")[1]
        with lock:
            seen.append((body, shown))
        return 204, {"Content-Length": "0"}

    with Receiver(look) as receiver:
        ids = [house.imagine(callBackUrl=receiver.url)["id"] for _ in range(3)]
        for job_id in ids:
            wait_for_the_end(receiver, job_id)
        wait_until(lambda: len(seen) == len(receiver.heard), what="every look-up")

    rank = {-2: 0, -1: 1, 0: 2, 1: 3, 2: 3}
    assert {body["id"] for body, _ in seen} == set(ids)
    for told, shown in seen:
        assert shown["seq"] >= told["seq"]
        assert rank[shown["status"]] >= rank[told["status"]]
        assert shown["progress"] >= told["progress"]


def test_jobs_are_found_by_tag_counted_and_listed_and_only_by_their_client(house, receiver):
    tag = uuid.uuid4().hex
    running = [house.imagine(fast=True, callBackUrl=receiver.url)["id"] for _ in range(2)]
    wait_until(
        lambda: house.ask("POST", "/draw/midjourney/pending")[1] == {"data": 2},
        what="two running jobs",
    )
    waiting = house.imagine(tag=tag, callBackUrl=receiver.url)
    assert waiting["position"] == 1
    assert house.ask("POST", "/draw/midjourney/waiting")[1] == {"data": 1}
    dashed = str(uuid.UUID(tag))
    for form in (tag, dashed):
        assert house.ask("GET", f"/draw/midjourney/find/by/{form}")[1]["id"] == waiting["id"]
    listed = house.ask("GET", f"/draw/midjourney/jobs?tag={tag}")[1]
    assert [job["id"] for job in listed["data"]] == [waiting["id"]]
    newest = house.ask("GET", "/draw/midjourney/jobs?limit=3")[1]["data"]
    assert newest[0]["id"] == waiting["id"]
    assert {job["id"] for job in newest[1:]} == set(running)

    for path in (f"jobs/{waiting['id']}", f"find/by/{tag}"):
        assert ask_as(house, house.stranger, f"/draw/midjourney/{path}") == 404
        assert ask_as(house, "lim_nobody", f"/draw/midjourney/{path}") == 401
    for job_id in (*running, waiting["id"]):
        wait_for_the_end(receiver, job_id)
    assert house.ask("POST", "/draw/midjourney/pending")[1] == {"data": 0}


def test_a_callback_to_a_private_address_is_never_dialled_and_its_failure_can_be_seen(
    house, receiver
):
    """Bob may not reach loopback: his receiver hears nothing, and the attempts say why."""
    house.token, own = house.stranger, house.token
    # In a request of his it would be refused at once.
    house.store.clients.change("bob", callback_url=receiver.url)
    try:
        job = house.imagine()
        wait_until(
            lambda: house.ask("GET", f"/draw/midjourney/jobs/{job['id']}")[1]["status"] == 1,
            what="the drawing's end",
        )
    finally:
        house.token = own

    def attempts():
        return house.store.outbox.told(job["id"]).attempts

    wait_until(attempts, what="an attempt")
    assert {attempt["error"] for attempt in attempts()} == {"not_allowed"}
    assert bodies(receiver, job["id"]) == []
    told = house.store.outbox.told(job["id"])
    assert told.dead or told.pending, "what was not told is kept"


def test_a_reference_image_as_a_data_url_reaches_the_drawing(house, receiver):
    job = house.imagine(imageList=[data_url()], iw=1, callBackUrl=receiver.url)

    end = wait_for_the_end(receiver, job["id"])[-1]

    assert (end["status"], end["reasonCode"]) == (1, None)


def test_a_drawing_of_the_gateways_own_is_drawn_from_by_its_address(house, receiver):
    first = house.imagine(callBackUrl=receiver.url)
    drawing = wait_for_the_end(receiver, first["id"])[-1]["url"]
    assert f":{house.settings.port}/" in drawing

    job = house.imagine(imageList=[drawing], iw=1, callBackUrl=receiver.url)

    end = wait_for_the_end(receiver, job["id"])[-1]
    assert (end["status"], end["reasonCode"]) == (1, None)


def test_a_picture_that_was_sent_broken_is_refused_and_one_that_cannot_be_had_ends_its_job(
    house, receiver
):
    broken = "data:image/png;base64," + base64.b64encode(b"no picture at all").decode()
    body = {"promptEn": "a pier", "fast": True, "tag": "0" * 32, "imageList": [data_url(), broken]}
    status, refused = house.ask("POST", "/draw/midjourney/imagine", body)
    assert status == 422
    assert refused["errors"]["imageList"][0].startswith("Image 2 cannot be read")

    nowhere = "http://127.0.0.1:9/none.png"
    job = house.imagine(imageList=[data_url(), nowhere], iw=1, callBackUrl=receiver.url)

    end = wait_for_the_end(receiver, job["id"])[-1]
    assert (end["status"], end["reasonCode"]) == (2, "reference")
    assert "image 2" in end["reason"]
    starts = [line["job"] for line in house.drawn() if line["what"] == "start"]
    assert job["id"] not in starts, "nothing was handed to the engine"
