"""A stand-in for BFL: its tasks go on by one step each time somebody polls one.

``python -m tests.standins.bfl --port 8080 [faults]``. Faults at submission: ``no-key no-credit throttled no-model
bad-prompt bad-image bad-body 500 502 504 drop-submit no-polling-url foreign-url bare-url no-cost``, and
``throttled-later`` for the second task once; of a task: ``request-moderated content-moderated error failed
not-found one-moderated empty gone-url``; of the server: ``poll-502 poll-429 no-credits-route broke``.
"""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "bfl-open-sesame"
POLLS = 3
#: in credits
COST = 4.5
_ENDS = {
    "request-moderated": "Request Moderated",
    "content-moderated": "Content Moderated",
    "error": "Error",
    "failed": "Failed",
    "not-found": "Task not found",
}


def _invalid(where: str) -> Answer:
    one = {"loc": ["body", where], "msg": "about it in /home/someone", "type": "value_error"}
    return as_json({"detail": [one]}, 422)


_REFUSALS = {
    "no-key": as_json({"detail": "Not authenticated - Invalid Authentication /home"}, 403),
    "no-credit": as_json({"detail": "Insufficient credits"}, 402),
    "throttled": as_json({"detail": "Too many tasks"}, 429, Retry_After="7"),
    "no-model": as_json({"detail": "Not Found"}, 404),
    "bad-prompt": _invalid("prompt"),
    "bad-image": _invalid("input_image"),
    "bad-body": _invalid("safety_tolerance"),
    "500": as_json({"error": "Internal Server Error", "message": "in /home/someone"}, 500),
    "502": Answer(b"<html>", 502, "text/html"),
    "504": Answer(b"<html>", 504, "text/html"),
}


class BflApi(Loopback):
    """The calls that the driver makes, as BFL's documentation describes them."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.tasks: dict[str, dict[str, Any]] = {}
        #: tasks go no further while it is set
        self.held = threading.Event()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        parts = asked.path.strip("/").split("/")
        if parts[0] == "delivery":
            return self._picture(parts[1])
        if asked.headers.get("x-key") != KEY or "no-key" in self.faults:
            return _REFUSALS["no-key"]
        match (asked.method, parts):
            case "GET", ["v1", "credits"] if "no-credits-route" not in self.faults:
                return as_json({"credits": 0 if "broke" in self.faults else 100.0})
            case "GET", ["v1", "get_result"] | ["eu", "result"]:
                return self._poll(asked.query.get("id", ""))
            case "POST", ["v1", model]:
                return self._submit(model, asked)
        return as_json({"detail": "Not Found"}, 404)

    def given(self) -> list[dict[str, Any]]:
        """The body of each task, in order."""
        return [one["body"] for one in self.tasks.values()]

    def _submit(self, model: str, asked: Asked) -> Answer:
        for fault in self.faults & set(_REFUSALS):
            return _REFUSALS[fault]
        if "throttled-later" in self.faults and self.tasks:
            self.faults.discard("throttled-later")
            return as_json({"detail": "Too many tasks"}, 429, Retry_After="0.1")
        body = asked.json
        for side in ("width", "height"):
            if side in body and (body[side] % 16 or body[side] < 64):
                return _invalid(side)
        name = f"{next(self._numbers):08d}-1111-4000-8000-000000000000"
        with self._lock:
            self.tasks[name] = {"model": model, "body": body, "looks": 0}
        if "drop-submit" in self.faults:
            raise Dropped
        told: dict[str, Any] = {"id": name, "polling_url": f"{self.url}/eu/result?id={name}"}
        if "bare-url" in self.faults:
            told["polling_url"] = f"{self.url}/eu/result"
        if "no-polling-url" in self.faults:
            del told["polling_url"]
        if "foreign-url" in self.faults:
            told["polling_url"] = f"https://api.bfl.ai.example/result?id={name}"
        if "no-cost" not in self.faults:
            told |= {"cost": COST, "input_mp": 0.0, "output_mp": 1.0}
        return as_json(told)

    def _poll(self, name: str) -> Answer:
        if "poll-502" in self.faults:
            return _REFUSALS["502"]
        if "poll-429" in self.faults:
            return as_json({"detail": "Too many requests"}, 429, Retry_After="0.1")
        with self._lock:
            one = self.tasks.get(name)
            if one is None:
                return as_json({"id": name, "status": "Task not found", "result": None}, 404)
            if not self.held.is_set():
                one["looks"] += 1
        told: dict[str, Any] = {"id": name, "status": "Pending", "result": None, "progress": None}
        if one["looks"] < POLLS:
            return as_json(told)
        ends = [_ENDS[fault] for fault in self.faults & set(_ENDS)]
        if "one-moderated" in self.faults and name == list(self.tasks)[2]:
            ends = ["Content Moderated"]
        if ends:
            return as_json(told | {"status": ends[0], "details": {"Moderation Reasons": ["x"]}})
        if one["looks"] == POLLS:
            self.drawn.append(self._size(one))
        result = {"sample": f"{self.url}/delivery/{name}", "seed": one["body"]["seed"]}
        if "empty" in self.faults:
            result = {}
        return as_json(told | {"status": "Ready", "result": result})

    def _size(self, one: dict[str, Any]) -> tuple[int, int]:
        body = one["body"]
        if "width" in body:
            return body["width"], body["height"]
        if "aspect_ratio" in body:
            across, down = (int(side) for side in body["aspect_ratio"].split(":"))
            # About, and not to the pixel.
            return 160 * across // max(across, down) + 3, 160 * down // max(across, down)
        return 256, 384

    def _picture(self, name: str) -> Answer:
        if "gone-url" in self.faults:
            return Answer(b"<Error>", 403, "application/xml")
        one = self.tasks[name]
        label = json.dumps([one["model"], one["body"]], sort_keys=True)
        return Answer(picture(*self._size(one), label), kind="image/png")


if __name__ == "__main__":
    run_by_hand(BflApi, __doc__)
