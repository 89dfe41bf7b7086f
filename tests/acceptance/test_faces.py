"""Forty clients that speak all protocols at once, on four slots: fair, ordered, and nothing crossed."""

from __future__ import annotations

import itertools
import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from limner.faces import FACES
from limner.request import Lane
from tests.acceptance.house import House
from tests.acceptance.receiver import Receiver
from tests.conftest import wait_until
from workers.gate import WITHOUT_SLOT_MAX

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENGINE = """
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = 0.2
steps = 2
ledger = "LEDGER"
fast = { slots = 4 }
"""
CLIENTS, EACH, AT_ONCE = 40, 2, 8
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


@dataclass
class Asker:
    """A client of the gateway that speaks one protocol."""

    base: str
    name: str
    token: str
    face: str

    def ask(self, path: str, body: Any = None, **headers: str) -> dict:
        request = urllib.request.Request(
            self.base + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.token}",
                **headers,
            },
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read().decode()
        # Of a stream of events, the last one.
        found: dict = json.loads(text.rpartition("data: ")[2])
        return found

    def until(self, look: Callable[[], dict], over: Callable[[dict], bool]) -> dict:
        for _ in range(600):
            if over(found := look()):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{self.name} still waits for {found}")


def limner(asker: Asker, words: str) -> list[str]:
    tag = f"{abs(hash(words)) % 16**8:032x}"
    body = {"promptEn": words, "fast": True, "tag": tag}
    job = asker.ask("/draw/midjourney/imagine", body)["id"]
    path = f"/draw/midjourney/jobs/{job}?wait=5"
    done = asker.until(lambda: asker.ask(path), lambda job: job["status"] > 0)
    return [image["url"] for image in done["images"]]


def mjproxy(asker: Asker, words: str) -> list[str]:
    said = asker.ask("/mj-fast/mj/submit/imagine", {"prompt": words, "notifyHook": ""})
    assert said["code"] in (1, 22)
    path = f"/mj/task/{said['result']}/fetch"
    done = asker.until(lambda: asker.ask(path), lambda task: task["progress"] == "100%")
    assert done["status"] == "SUCCESS"
    return [image["url"] for image in done["imageUrls"]]


def openai(asker: Asker, words: str) -> list[str]:
    body = {"model": "dall-e-3", "prompt": words, "n": 4, "response_format": "url"}
    return [one["url"] for one in asker.ask("/v1/images/generations", body)["data"]]


def replicate(asker: Asker, words: str) -> list[str]:
    body = {"input": {"prompt": words, "num_outputs": 4}}
    made = asker.ask("/v1/models/acme/art/predictions", body, Prefer="wait=5")
    path = f"/v1/predictions/{made['id']}"
    done = asker.until(lambda: asker.ask(path), lambda one: one["status"] == "succeeded")
    return list(done["output"])


def mcp(asker: Asker, words: str) -> list[str]:
    call = {"name": "imagine", "arguments": {"prompt": words, "wait_s": 60}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    content = asker.ask("/mcp", body, **MCP)["result"]["content"]
    # The grid comes after its cells.
    return [one["uri"] for one in content if one["type"] == "resource_link"][:4]


def sdapi(asker: Asker, words: str) -> list[str]:
    body = {"prompt": words, "batch_size": 4, "width": 512, "height": 512}
    assert len(asker.ask("/sdapi/v1/txt2img", body)["images"]) >= 4
    return []


SPEAKS: dict[str, Callable[[Asker, str], list[str]]] = {
    each.__name__: each for each in (limner, mjproxy, openai, replicate, mcp, sdapi)
}


def test_clients_of_every_protocol_get_their_own_in_their_turn_and_order():
    assert set(SPEAKS) == set(FACES)
    faces = [FACES[number % len(FACES)] for number in range(CLIENTS)]
    with Receiver() as receiver, House(ENGINE) as house:
        house.start_api()
        house.start_worker("fast")
        house.start_worker("callbacks")
        askers = [
            Asker(
                house.settings.base_url,
                f"client-{number}",
                house.store.clients.add(
                    f"client-{number}",
                    callback_url=receiver.url,
                    callback_allow="127.0.0.1:*",
                ).token,
                face,
            )
            for number, face in enumerate(faces)
        ]
        # Nothing is drawn before all wait.
        house.store.levers.halt("test", "lane", "fast")
        with ThreadPoolExecutor(CLIENTS * EACH) as threads:
            drawn: dict[tuple[str, int], Future[list[str]]] = {}
            for number, asker in itertools.product(range(EACH), askers):
                # A few at a time: on a busy machine, eighty at once wait longer for Redis than a request may.
                wait_until(lambda: waiting(house) > len(drawn) - AT_ONCE, what="the first jobs")
                drawn[asker.name, number] = threads.submit(
                    SPEAKS[asker.face], asker, f"a hill of {asker.name}, number {number}"
                )
            wait_until(lambda: waiting(house) == CLIENTS * EACH, what="all jobs")
            house.store.levers.resume("test", "lane", "fast")
            pictures = {who: future.result() for who, future in drawn.items()}

        # Nothing crossed: every job and every picture is of one client.
        owner: dict[str, str] = {}
        for asker in askers:
            listed = asker.ask("/draw/midjourney/jobs")["data"]
            assert len(listed) == EACH
            for job in listed:
                assert f"of {asker.name}, number" in job["promptEn"]
                assert job["status"] == 1
                owner[job["id"]] = asker.name
                own = {image["url"] for image in job["images"]}
                number = int(job["promptEn"][-1])
                shown = pictures[asker.name, number]
                assert asker.face == "sdapi" or set(shown) == own, (asker.face, shown, own)

        # Fair: nobody's second job begins long before another's first.
        starts = [line["job"] for line in house.drawn() if line["what"] == "start"]
        assert sorted(starts) == sorted(owner)
        begun: Counter[str] = Counter()
        for job in starts:
            begun[owner[job]] += 1
        first = [owner[job] for job in starts[:CLIENTS]]
        assert len(set(first)) >= CLIENTS - WITHOUT_SLOT_MAX, Counter(first)

        # Ordered: every job's callbacks rise to its end, in the shape of the protocol that made it.
        def ends() -> int:
            return sum(len(receiver.told(job)) > 0 and over(receiver, job) for job in owner)

        wait_until(lambda: ends() == len(owner), 60, what="the last callbacks")
        for job in owner:
            seqs = [
                int(re.match(r"msg_[0-9a-f]{32}_([0-9]+)", one)[1]) for one in receiver.ids[job]
            ]
            assert seqs == sorted(seqs)


def waiting(house: House) -> int:
    """How many jobs wait for the fast lane."""
    return house.store.numbers.read().lanes[Lane.FAST].waiting


def over(receiver: Receiver, job: str) -> bool:
    """Whether the end of a job was told, in whichever shape."""
    last = receiver.bodies[job][-1]
    return last.get("status") in (1, "SUCCESS", "succeeded")
