"""Fill a store in every way that keeps something, ask about all of it, and print the whole: see the package.

Run as a program by ``__main__.py``, beside the files of another release: what it imports is that release's. It uses
what all releases have.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

import tests.recorded.house
from limner.message import Messages
from limner.settings import Settings
from limner.settings.broker import broker_url
from limner.store import Store
from limner.store.aside import Why
from limner.store.operators import Role
from tests.api import drawing
from tests.callback_doubles import done, take
from tests.recorded.__main__ import a_server
from tests.recorded.asking import ALL_14, DRAW, OTHER_TAG, PIXEL, PLAIN, TAG
from tests.recorded.house import TOKENS, House, a_house

ME = "cli:me"


class Scene:
    """What happens, in the words of a recording's house; ``jobs``: what is told of each → its id."""

    def __init__(self, house: House) -> None:
        self.house, self.store = house, house.store
        self.jobs: dict[str, str] = {}
        self.noted: dict[str, Any] = {}

    def play(self) -> None:
        """Keep something of every kind."""
        self._operators()
        self._drawn()
        self._running()
        self._told_in_part()
        self._other_faces()
        self._steered()
        # Last: nothing of these is to be drawn or told.
        self._waiting()

    def ask(
        self, method: str, path: str, body: Any = None, who: str = "ann", **headers: str
    ) -> Any:
        """Ask for something that has to be granted."""
        sent = {"token": TOKENS[who]} | {k.replace("_", "-"): v for k, v in headers.items()}
        told = self.house.play(
            "ask", {"method": method, "path": path, "headers": sent, "json": body}
        )
        assert told["status"] < 300, told
        return told["body"]

    def imagine(self, name: str, who: str = "ann", fields: Any = None, **headers: str) -> str:
        """Post a job, to be known by this name."""
        body = PLAIN | (fields or {})
        self.jobs[name] = self.ask("POST", f"{DRAW}/imagine", body, who, **headers)["id"]
        return self.jobs[name]

    def draw(self, job: str, lane: str = "fast") -> None:
        """Have a worker draw a job, whose message it has taken."""
        self._take_message(lane)
        self.house.play("draw", {"job": job})

    def fail(self, job: str) -> None:
        """Have a worker fail with it."""
        self._take_message("fast")
        self.house.play("fail", {"job": job, "code": "engine_failed"})

    def _take_message(self, lane: str) -> None:
        assert self.store.redis.rpop(lane)

    def press(self, name: str, button: str, parent: str) -> str:
        """Press a job's button."""
        body = {"buttonType": button, "messageId": parent, "tag": OTHER_TAG, "fast": True}
        self.jobs[name] = self.ask("POST", f"{DRAW}/button", body)["data"]["id"]
        return self.jobs[name]

    def _operators(self) -> None:
        self.noted["operators"] = {
            name: self.store.operators.add(ME, name, role)
            for name, role in (("eve", Role.STEER), ("dan", Role.VIEW))
        }

    def _drawn(self) -> None:
        first = self.imagine(
            "drawn", fields=ALL_14 | {"imageList": [PIXEL]}, Idempotency_Key="order-1"
        )
        self.draw(first, "relaxed")
        self.press("picked", "u1", first)
        self.draw(self.press("varied", "v2", first))
        self.draw(self.imagine("of bob", "bob", {"extra": "kept"}))
        self.fail(self.imagine("failed", fields={"tag": OTHER_TAG}))
        self.ask("DELETE", f"{DRAW}/jobs/{self.imagine('cancelled')}")
        self.house.play("post", {})

    def _running(self) -> None:
        running = self.imagine("running", fields={"callBackUrl": "https://hooks.example/running"})
        self._take_message("fast")
        self.house.play("submit", {"job": running})
        self.house.play("post", {})
        self.house.play("progress", {"job": running, "percent": 40})

    def _told_in_part(self) -> None:
        """One job whose end was given up, and one whose end is to be tried again."""
        for name, verdict, more in (
            ("dead letter", "dead", {"why": "exhausted"}),
            ("to be retried", "retry", {"delay_s": 600.0}),
        ):
            url = f"https://{verdict}.example/hook"
            job = self.imagine(name, fields={"callBackUrl": url})
            self.fail(job)
            self.house.clock.pass_s(1)
            for claim in take(self.store, count=100):
                said, about = (verdict, more) if claim.event.job == job else ("ok", {})
                done(self.store, claim, said, **about)

    def _other_faces(self) -> None:
        asked = {"mj-api-secret": TOKENS["ann"]}
        task = self.ask("POST", "/mj/submit/imagine", {"prompt": "a fox"}, **asked)["result"]
        self.jobs["of midjourney-proxy"] = task
        self.draw(task)
        change = {"taskId": task, "action": "UPSCALE", "index": 2}
        picked = self.ask("POST", "/mj/submit/change", change, **asked)["result"]
        self.jobs["picked by midjourney-proxy"] = picked
        buttons = self.ask("GET", f"/mj/task/{picked}/fetch", **asked)["buttons"]
        (zoom,) = [one["customId"] for one in buttons if "CustomZoom" in one["customId"]]
        action = {"taskId": picked, "customId": zoom}
        self.noted["draft"] = self.ask("POST", "/mj/submit/action", action, **asked)["result"]
        bearer = {"Authorization": f"Bearer {TOKENS['ann']}"}
        model = "/v1/models/black-forest-labs/flux-schnell/predictions"
        prediction = {"input": {"prompt": "a mill", "seed": 7}}
        self.jobs["of Replicate"] = self.ask("POST", model, prediction, **bearer)["id"]
        self.noted["upload"] = self._upload()["id"]
        self.store.chosen.choose("sdapi", "ann", "flux")

    def _upload(self) -> Any:
        head = '--x\r\nContent-Disposition: form-data; name="content"; filename="a.png"\r\n'
        data = f"{head}Content-Type: image/png\r\n\r\n".encode() + b"a picture\r\n--x--\r\n"
        told = self.house.play(
            "ask",
            {
                "method": "POST",
                "path": "/v1/files",
                "headers": {"Authorization": f"Bearer {TOKENS['ann']}"},
                "data": data,
                "content_type": "multipart/form-data; boundary=x",
            },
        )
        assert told["status"] == 201, told
        return told["body"]

    def _steered(self) -> None:
        self.store.clients.change("bob", who=ME, share=3.0, per_day=100)
        self.store.levers.halt(ME, "client", "bob")
        self.store.levers.halt(ME, "lane", "relaxed")
        self.store.levers.override(ME, "stage", {"fast_slots": 5, "weight": 2.5})
        self.store.aside.put("fast", Why.UNKNOWN_TASK, b"garbage \xff")

    def _waiting(self) -> None:
        inline = {"imageList": [PIXEL], "callBackUrl": "https://hooks.example/waiting"}
        self.imagine("waiting", fields=inline, Idempotency_Key="order-2")
        self.imagine("waiting behind it", fields={"tag": OTHER_TAG})
        self.imagine("waiting in a paused lane", fields={"fast": False})
        self.imagine("waiting of a paused client", "bob")
        self.press("waiting follow-up", "v3", self.jobs["drawn"])

    def looks(self) -> list[dict[str, Any]]:
        """Ask about everything; no clock moves any more."""
        paths = []
        for job in self.jobs.values():
            paths += [f"{DRAW}/jobs/{job}", f"{DRAW}/jobs/{job}/callbacks"]
        paths += [f"{DRAW}/jobs?limit=4", f"{DRAW}/find/by/{TAG}", f"{DRAW}/find/by/{OTHER_TAG}"]
        asked = [("GET", path, self._owner(path)) for path in paths]
        asked += [("POST", f"{DRAW}/{what}", "ann") for what in ("waiting", "pending")]
        asked += [("GET", f"{DRAW}/jobs", "bob")]
        looks = [self._look(method, path, {"token": TOKENS[who]}) for method, path, who in asked]
        eve = {"token": self.noted["operators"]["eve"]}
        ops = ("lanes", "engines", "clients", "jobs?limit=3", "dead-letters", "audit")
        looks += [self._look("GET", f"/ops/{what}", eve) for what in ops]
        looks += [self._look("GET", f"/ops/jobs/{job}", eve) for job in self.jobs.values()]
        bearer = {"Authorization": f"Bearer {TOKENS['ann']}"}
        replicate = f"/v1/predictions/{self.jobs['of Replicate']}"
        looks += [self._look("GET", path, bearer) for path in (replicate, "/v1/files")]
        task = f"/mj/task/{self.jobs['of midjourney-proxy']}/fetch"
        return [*looks, self._look("GET", task, {"mj-api-secret": TOKENS["ann"]})]

    def _owner(self, path: str) -> str:
        bobs = [job for name, job in self.jobs.items() if "bob" in name or "paused client" in name]
        return "bob" if any(job in path for job in bobs) else "ann"

    def _look(self, method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
        told = self.house.ask(method, path, headers=headers)
        assert told["status"] == 200, (path, told)
        return {"method": method, "path": path, "headers": headers, "told": told["body"]}


def dump(store: Store) -> Iterator[list[Any]]:
    """Yield every key with its type, its value and its time to live in ms (none: -1)."""
    redis: Any = store.redis
    readers = {
        "string": redis.get,
        "hash": redis.hgetall,
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": lambda key: sorted(redis.smembers(key)),
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    for key in sorted(redis.keys("*")):
        kind = redis.type(key)
        yield [key, kind, readers[kind](key), redis.pttl(key)]


@contextmanager
def overheard(store: Store) -> Iterator[set[str]]:
    """Gather the channels on which anything is published within."""
    channels: set[str] = set()
    heard = store.redis.pubsub()
    heard.psubscribe(**{"*": lambda message: channels.add(message["channel"])})
    heard.get_message(timeout=5)
    listener = heard.run_in_thread(sleep_time=0.05, daemon=True)
    try:
        yield channels
        # What was published before this has been heard when this is.
        seen = threading.Event()
        heard.psubscribe(**{"end-of-scene": lambda _message: seen.set()})
        while not seen.wait(0.05):
            store.redis.publish("end-of-scene", "")
    finally:
        listener.stop()
        listener.join()
        heard.close()
    channels.discard("end-of-scene")


def main(release: str, commit: str) -> None:
    """Print the store as JSON, a line a key."""
    with a_server() as url, tempfile.TemporaryDirectory() as folder:
        with Celery("limner", set_as_current=False) as app:
            app.config_from_object("celeryconfig")
            app.conf.update(broker_url=broker_url(Settings(redis_url=url)))
            messages = Messages.render(app)
        # As workers and APIs send them, and not reduced to what scripts read.
        for module in (tests.recorded.house, drawing):
            module.MESSAGES = messages
        with a_house(url, Path(folder)) as house, overheard(house.store) as channels:
            scene = Scene(house)
            scene.play()
            looks = scene.looks()
            keys = list(dump(house.store))
            now_ms = house.clock.now_ms
    about = {"release": release, "commit": commit, "now_ms": now_ms, "channels": sorted(channels)}
    print_as_lines(about | {"jobs": scene.jobs, "noted": scene.noted}, looks, keys)


def print_as_lines(about: dict[str, Any], looks: list[Any], keys: list[Any]) -> None:
    """Print one JSON object, with a line for each thing in a list."""
    out = io.StringIO()
    head = json.dumps(about, ensure_ascii=False, indent=1)
    out.write(head.removesuffix("\n}"))
    for name, lines in (("looks", looks), ("keys", keys)):
        text = ",\n  ".join(json.dumps(line, ensure_ascii=False) for line in lines)
        out.write(f',\n "{name}": [\n  {text}\n ]')
    sys.stdout.write(out.getvalue() + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
