"""A stand-in for DashScope's image models: tasks that go on by one step a look, and answers at once.

``python -m tests.standins.dashscope --port 8080 [faults]``. Faults of a submission: ``REFUSALS`` (``…-200``: with HTTP
200), ``drop``, ``no-id``; of a task: ``failed-…`` by the same codes, ``some-fail``, ``some-moderated``, ``CANCELED``,
``UNKNOWN``, ``forgets``, ``odd-status``, ``gone-picture``, ``broken``; of the server: ``locked``, ``tasks-down``,
``no-list``, ``hang``.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Mapping
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "sk-dash-open-sesame"
#: fault → HTTP status, code, message
REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "moderated": (400, "DataInspectionFailed", "Input data may contain inappropriate content."),
    "moderated-lower": (400, "data_inspection_failed", "about /home/someone"),
    "throttled": (429, "Throttling.RateQuota", "Requests rate limit exceeded."),
    "throttled-plain": (429, "Throttling", "about /home/someone"),
    "quota": (429, "Throttling.AllocationQuota", "Allocated quota exceeded."),
    "arrears": (
        400,
        "Arrearage",
        "Access denied, please make sure your account is in good standing.",
    ),
    "bad-key": (401, "InvalidApiKey", "Invalid API-key provided."),
    "unpurchased": (403, "AccessDenied.Unpurchased", "Access to model denied."),
    "no-sync": (403, "AccessDenied", "current user api does not support synchronous calls."),
    "no-model": (404, "ModelNotFound", "Model can not be found."),
    "bad-size": (400, "InvalidParameter", "size must be within the range"),
    "bad-image": (400, "InvalidParameter", "the size of the input image is invalid"),
    "bad-prompt": (400, "InvalidParameter", "the prompt is too long"),
    "bad-parameter": (400, "InvalidParameter", "something odd in /home/someone"),
    "internal": (500, "InternalError", "An internal error has occured."),
    "overloaded": (503, "ServiceUnavailable", "about /home/someone"),
}
_AIGC = "/api/v1/services/aigc/"
_TASKS = "/api/v1/tasks/"
_STEPS = ("PENDING", "PENDING", "RUNNING", "RUNNING")
_IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[\w+/]+=*")


class DashScopeServer(Loopback):
    """The routes that the driver uses."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.tasks: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        #: tasks go no further while it is set
        self.held = threading.Event()
        self.abandoned = threading.Event()
        self._kept: dict[str, bytes] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith("/oss/"):
            return self._picture(asked.path)
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            return _refused(*REFUSALS["bad-key"])
        if "locked" in self.faults and asked.headers["authorization"] != f"Bearer {KEY}":
            return _refused(*REFUSALS["bad-key"])
        if asked.method == "POST" and asked.path.startswith(_AIGC):
            return self._start(asked, asked.path.removeprefix(_AIGC))
        if not asked.path.startswith(_TASKS):
            return as_json({"message": "not found"}, 404)
        task, _, verb = asked.path.removeprefix(_TASKS).partition("/")
        if not task:
            if "no-list" in self.faults:
                return as_json({"message": "not found"}, 404)
            return as_json({"data": [], "total": 0})
        if verb == "cancel":
            return self._cancel(task)
        if "tasks-down" in self.faults:
            return Answer(status=502)
        with self._lock:
            return self._told(task)

    def _start(self, asked: Asked, route: str) -> Answer:
        for fault, refusal in REFUSALS.items():
            if fault in self.faults:
                return _refused(*refusal)
            if f"{fault}-200" in self.faults:
                return _refused(200, *refusal[1:])
        if "drop" in self.faults:
            raise Dropped
        body = asked.json
        at_once = route == "multimodal-generation/generation"
        if at_once == (asked.headers.get("x-dashscope-async") == "enable"):
            return _refused(*REFUSALS["no-sync"])
        if why := _wrong(body, route):
            return _refused(400, "InvalidParameter", f"stand-in: {why}")
        if at_once:
            if not self.pause(3600 if "hang" in self.faults else 0.01, asked):
                self.abandoned.set()
                raise Dropped
            return as_json({"output": self._output(body, route), "request_id": "r-1"})
        with self._lock:
            task = f"task-{next(self._ids)}"
            self.tasks[task] = {"body": body, "route": route, "looks": 0}
        if "no-id" in self.faults:
            return as_json({"output": {"task_status": "PENDING"}, "request_id": "r-1"})
        return as_json({"output": {"task_id": task, "task_status": "PENDING"}, "request_id": "r-1"})

    def _told(self, task: str) -> Answer:
        record = self.tasks.get(task)
        if record is None:
            output = {"task_id": task, "task_status": "UNKNOWN"}
            return as_json({"output": output, "request_id": "r-2"})
        look = record["looks"]
        if not self.held.is_set():
            record["looks"] += 1
        if "forgets" in self.faults and look > 1:
            del self.tasks[task]
        count = record["body"]["parameters"]["n"]
        metrics = {"TOTAL": count, "SUCCEEDED": 0, "FAILED": 0}
        output: dict[str, Any] = {"task_id": task, "task_metrics": metrics}
        if look < len(_STEPS):
            output["task_status"] = _STEPS[look]
            if "odd-status" in self.faults and look == 2:
                output["task_status"] = "POLISHING"
            metrics["SUCCEEDED"] = min(max(look - 2, 0), count)
            return as_json({"output": output})
        for state in ("CANCELED", "UNKNOWN"):
            if state in self.faults:
                return as_json({"output": output | {"task_status": state}})
        for fault, (_, code, message) in REFUSALS.items():
            if f"failed-{fault}" in self.faults:
                output |= {"task_status": "FAILED", "code": code, "message": message}
                return as_json({"output": output})
        if "made" not in record:
            record["made"] = self._output(record["body"], record["route"])
        metrics["SUCCEEDED"] = count
        return as_json({"output": output | {"task_status": "SUCCEEDED"} | record["made"]})

    def _cancel(self, task: str) -> Answer:
        record = self.tasks.get(task)
        if record is None or record["looks"] > 2:
            return _refused(400, "UnsupportedOperation", "Only pending tasks can be cancelled.")
        self.cancelled.append(task)
        return as_json({"request_id": "r-3"})

    def _output(self, body: dict[str, Any], route: str) -> dict[str, Any]:
        parameters = body["parameters"]
        width, height = (int(side) for side in parameters["size"].split("*"))
        urls = []
        for number in range(parameters["n"]):
            # The picture follows from all that was sent, but for its size.
            rest = {name: one for name, one in parameters.items() if name not in ("size", "n")}
            label = f"{body['model']} {body['input']} {sorted(rest.items())} {number}"
            path = f"/oss/{next(self._ids)}.png"
            self._kept[path] = picture(width, height, label)
            self.drawn.append((width, height))
            urls.append(f"{self.url}{path}")
        if "image-synthesis" not in route:
            message = {"role": "assistant", "content": [{"image": url} for url in urls]}
            return {"choices": [{"finish_reason": "stop", "message": message}]}
        results: list[dict[str, Any]] = [{"url": url} for url in urls]
        for fault, refused in (("some-fail", "internal"), ("some-moderated", "moderated")):
            if fault in self.faults:
                _, code, text = REFUSALS[refused]
                results[-1] = {"code": code, "message": text}
        return {"results": results}

    def _picture(self, path: str) -> Answer:
        if "broken" in self.faults:
            return Answer(b"<html>", kind="text/html")
        if "gone-picture" in self.faults or path not in self._kept:
            return Answer(status=403)
        return Answer(self._kept[path], kind="image/png")


def _wrong(body: dict[str, Any], route: str) -> str | None:
    parameters, inputs = body["parameters"], body["input"]
    unknown = parameters.keys() - {
        *("size", "n", "seed", "prompt_extend", "watermark", "negative_prompt", "style"),
        # The official client leaves it there.
        "is_async",
    }
    if unknown:
        return f"{unknown}"
    if not re.fullmatch(r"\d+\*\d+", parameters["size"]) or not 1 <= parameters["n"] <= 4:
        return "a form"
    if not 0 <= parameters["seed"] < 2**31:
        return "the seed"
    if "image-synthesis" in route:
        taken = {"prompt", "negative_prompt"} | ({"images"} if "image2image" in route else set())
        if inputs.keys() - taken or not inputs["prompt"] or "negative_prompt" in parameters:
            return "the input"
        images = inputs.get("images", [])
    else:
        (message,) = inputs["messages"]
        *parts, last = message["content"]
        if inputs.keys() != {"messages"} or message["role"] != "user" or not last["text"]:
            return "the messages"
        images = [part["image"] for part in parts]
    return None if all(map(_IMAGE.fullmatch, images)) else "not data"


def _refused(status: int, code: str, message: str) -> Answer:
    return as_json({"code": code, "message": message, "request_id": "r-0"}, status)


if __name__ == "__main__":
    run_by_hand(DashScopeServer, __doc__)
