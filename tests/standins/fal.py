"""A stand-in for fal's queue: its requests go on by one step each time somebody asks for their state.

``python -m tests.standins.fal --port 8080 [faults]``. The model: ``ratios`` takes words for sizes, ``single``
draws one picture a request. Faults at submission: ``no-key locked no-credit throttled no-app bad-request 500 502
504 drop-submit foreign-urls no-urls``; of a request: ``policy nsfw bad-image timeout no-runner disconnected
cancelled invalid oom failed-state downstream plain-urls data-urls one-image fewer gone-url forgets``; of the
server: ``state-502 state-429 result-502-once no-documents strict``.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "key-id:open-sesame"
DOCUMENTS = "/api/openapi.json"
SIZES = {
    "square_hd": (128, 128),
    "portrait_4_3": (96, 128),
    "landscape_16_9": (224, 128),
    "portrait_16_9": (72, 128),
}
#: looks at a request while it waits, and while it runs
WAITS, RUNS = 2, 2
_REFUSALS = {
    "no-key": as_json(
        {"detail": "Cannot access application: /home. Authentication is required"}, 401
    ),
    "locked": as_json({"detail": "User is locked. Reason: Exhausted balance. Top up."}, 403),
    "no-credit": as_json({"detail": "Payment Required"}, 402),
    "throttled": as_json({"detail": "Too many requests"}, 429, Retry_After="7"),
    "no-app": as_json({"detail": "Application 'painter' not found"}, 404),
    "bad-request": as_json({"detail": "Bad", "error_type": "bad_request"}, 400),
    "500": as_json({"detail": "Internal Server Error in /home/someone"}, 500),
    "502": Answer(b"<html>", 502, "text/html"),
    "504": Answer(b"<html>", 504, "text/html"),
}


def _of_model(kind: str, status: int = 422, where: str = "prompt") -> Answer:
    one = {"loc": ["body", where], "msg": f"about {kind} in /home/someone", "type": kind}
    return as_json({"detail": [{**one, "input": "the prompt"}]}, status, X_Fal_Retryable="false")


def _of_queue(kind: str, status: int) -> Answer:
    return as_json({"detail": f"{kind} /home", "error_type": kind}, status, X_Fal_Error_Type=kind)


_RESULTS = {
    "policy": _of_model("content_policy_violation"),
    "bad-image": _of_model("image_load_error", where="image_url"),
    "invalid": _of_model("string_too_long"),
    "downstream": _of_model("downstream_service_unavailable", 503),
    "timeout": _of_queue("request_timeout", 504),
    "no-runner": _of_queue("runner_scheduling_failure", 503),
    "disconnected": _of_queue("runner_disconnected", 503),
    "cancelled": _of_queue("client_cancelled", 499),
    "oom": as_json({"detail": "CUDA out of memory in /home/someone"}, 500),
}


class FalQueue(Loopback):
    """The routes of the queue, and the documents of its models."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.requests: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        #: requests go no further while it is set
        self.held = threading.Event()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        parts = asked.path.strip("/").split("/")
        if asked.path == DOCUMENTS:
            if "no-documents" in self.faults:
                return as_json({"detail": "Endpoint not found"}, 404)
            return as_json(self._document(asked.query["endpoint_id"]))
        if parts[0] == "files":
            return self._picture(parts)
        if asked.headers.get("authorization") != f"Key {KEY}" or "no-key" in self.faults:
            return _REFUSALS["no-key"]
        if "requests" not in parts:
            return self._submit(asked, parts)
        match (asked.method, parts):
            case "GET", [_, _, "requests", name, "status"] if self._is_odd(name):
                return as_json({"detail": [{"loc": ["path", "request_id"], "type": "uuid"}]}, 422)
            case "GET", [_, _, "requests", name, "status"]:
                return self._state(name, asked)
            case "PUT", [_, _, "requests", name, "cancel"]:
                return self._cancel(name)
            case "GET", [_, _, "requests", name]:
                return self._result(name)
        return as_json({"detail": "Not Found"}, 404)

    def given(self) -> list[dict[str, Any]]:
        """The inputs of each request, in order."""
        return [one["input"] for one in self.requests.values()]

    # -- the models' documents -------------------------------------------------------------------

    def _document(self, model: str) -> dict[str, Any]:
        ref = "#/components/schemas/PainterInput"
        body = {"content": {"application/json": {"schema": {"$ref": ref}}}}
        words = {"type": "string", "enum": list(SIZES)}
        size = {
            "type": "object",
            "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
        }
        whole = {"type": "integer"}
        fields: dict[str, Any] = {
            "prompt": {"type": "string"},
            "seed": {"anyOf": [whole, {"type": "null"}]},
            "image_size": {"anyOf": [{"$ref": "#/components/schemas/ImageSize"}, words]},
            "num_inference_steps": {**whole, "minimum": 1, "maximum": 50, "default": 28},
        }
        if "ratios" in self.faults:
            fields["image_size"] = words
        if "single" not in self.faults:
            fields["num_images"] = {**whole, "minimum": 1, "maximum": 4, "default": 1}
        if model.endswith(("/edit", "/inpaint")):
            fields |= {"image_url": {"type": "string"}, "strength": {"type": "number"}}
        if model.endswith("/inpaint"):
            fields["mask_url"] = {"type": "string"}
        schemas = {"PainterInput": {"type": "object", "properties": fields}, "ImageSize": size}
        paths = {
            f"/{model}/requests/{{request_id}}/status": {"get": {}},
            f"/{model}": {"post": {"requestBody": body}},
        }
        return {"openapi": "3.0.4", "paths": paths, "components": {"schemas": schemas}}

    # -- requests --------------------------------------------------------------------------------

    def _submit(self, asked: Asked, parts: list[str]) -> Answer:
        for fault in self.faults & set(_REFUSALS):
            return _REFUSALS[fault]
        name = f"{next(self._numbers):08d}-0000-4000-8000-000000000000"
        with self._lock:
            self.requests[name] = {
                "model": "/".join(parts),
                "input": asked.json,
                "headers": asked.headers,
                "looks": 0,
                "cancelled": False,
            }
        if "drop-submit" in self.faults:
            raise Dropped
        # Of the path only owner and app are kept.
        own = f"{self.url}/{parts[0]}/{parts[1]}/requests/{name}"
        if "foreign-urls" in self.faults:
            own = f"https://queue.fal.run.example/{name}"
        told = {"request_id": name, "status": "IN_QUEUE", "queue_position": 2}
        if "no-urls" not in self.faults:
            told |= {
                "response_url": own,
                "status_url": f"{own}/status",
                "cancel_url": f"{own}/cancel",
            }
        return as_json(told)

    def _state(self, name: str, asked: Asked) -> Answer:
        if "state-502" in self.faults:
            return _REFUSALS["502"]
        if "state-429" in self.faults:
            return as_json({"detail": "Too many requests"}, 429, Retry_After="0.1")
        with self._lock:
            one = self.requests.get(name)
            if one is None or ("forgets" in self.faults and one["looks"] > 1):
                return as_json({"detail": "Request not found"}, 404)
            look = one["looks"]
            if not self.held.is_set():
                one["looks"] += 1
        told: dict[str, Any] = {"request_id": name}
        if one["cancelled"]:
            return as_json(told | {"status": "COMPLETED", "error_type": "client_cancelled"})
        if look < WAITS:
            told |= {"status": "IN_QUEUE", "queue_position": WAITS - 1 - look}
            return as_json(told, 202)
        if look < WAITS + RUNS:
            share = (look - WAITS + 1) * 30
            logs = [{"message": f" {share}%|███  | 1/3", "level": "INFO"}]
            told |= {"status": "IN_PROGRESS", "logs": logs if asked.query.get("logs") else None}
            return as_json(told, 202)
        if look == WAITS + RUNS:
            count = int(one["input"].get("num_images", 1))
            self.drawn += [self._size(one)] * count
        told |= {"status": "COMPLETED", "metrics": {"inference_time": 1.5}}
        if "failed-state" in self.faults:
            told |= {"error": "oops in /home/someone", "error_type": "runner_server_error"}
        return as_json(told)

    def _is_odd(self, name: str) -> bool:
        """Whether it is a request that nobody has made, and the server is particular about that."""
        return "strict" in self.faults and name not in self.requests

    def _cancel(self, name: str) -> Answer:
        one = self.requests.get(name)
        if one is None:
            return as_json({"detail": "Request not found"}, 404)
        if one["cancelled"] or one["looks"] > WAITS + RUNS:
            return as_json({"status": "ALREADY_COMPLETED"}, 400)
        one["cancelled"] = True
        self.cancelled.append(name)
        return as_json({"status": "CANCELLATION_REQUESTED"}, 202)

    def _result(self, name: str) -> Answer:
        if "result-502-once" in self.faults:
            self.faults.discard("result-502-once")
            return _REFUSALS["502"]
        for fault in self.faults & set(_RESULTS):
            return _RESULTS[fault]
        one = self.requests[name]
        count = int(one["input"].get("num_images", 1))
        told: dict[str, Any] = {"seed": one["input"].get("seed", 7), "prompt": "…", "timings": {}}
        told["has_nsfw_concepts"] = ["nsfw" in self.faults] * count
        urls: list[Any] = [f"{self.url}/files/{name}/{number}.png" for number in range(count)]
        if "data-urls" in self.faults:
            data = [self._drawn(one, number) for number in range(count)]
            urls = ["data:image/png;base64," + base64.b64encode(d).decode() for d in data]
        if "fewer" in self.faults:
            urls.pop()
        if "plain-urls" not in self.faults:
            urls = [{"url": url, "content_type": "image/png"} for url in urls]
        if "one-image" in self.faults:
            return as_json(told | {"image": urls[0]})
        return as_json(told | {"images": urls})

    def _size(self, one: dict[str, Any]) -> tuple[int, int]:
        size = one["input"]["image_size"]
        return SIZES[size] if isinstance(size, str) else (size["width"], size["height"])

    def _drawn(self, one: dict[str, Any], number: int) -> bytes:
        label = json.dumps([one["model"], one["input"], number], sort_keys=True)
        return picture(*self._size(one), label)

    def _picture(self, parts: list[str]) -> Answer:
        if "gone-url" in self.faults:
            return Answer(b"<Error>", 404, "application/xml")
        _, name, file = parts
        return Answer(self._drawn(self.requests[name], int(file[0])), kind="image/png")


if __name__ == "__main__":
    run_by_hand(FalQueue, __doc__)
