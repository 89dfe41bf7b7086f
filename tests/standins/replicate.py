"""A stand-in for Replicate: its predictions go on by one step each time somebody gets one.

``python -m tests.standins.replicate --port 8080 [faults]``. The model: ``flux`` takes ratios and lists of
pictures, ``single`` draws one picture a prediction, ``community`` is run by its version, ``no-model``. Faults at
creation: ``no-token no-credit throttled throttled-header bad-input bad-image bad-version 500 502 504
drop-create odd-id``; of a prediction: ``nsfw sensitive oom director interrupted busy failed bad-file aborted
canceled removed empty one-url table fewer streams gone-url forgets slow-boot``; of the server: ``poll-502
poll-429 no-list``; ``throttled-later`` and ``no-credit-later`` let the first prediction pass.
"""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "r8_open_sesame"
VERSION = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"
RATIOS = {"1:1": (128, 128), "16:9": (224, 128), "2:3": (128, 192), "3:2": (192, 128)}
#: looks at a prediction until it is done
DRAWN_AFTER = 4
_THROTTLED = "Request was throttled. Your rate limit resets in ~1s."
_REFUSALS = {
    "no-token": as_json(
        {"title": "Unauthenticated", "detail": "No token. /home", "status": 401}, 401
    ),
    "no-credit": as_json({"title": "Insufficient credit", "detail": "Top up.", "status": 402}, 402),
    "throttled": as_json({"detail": _THROTTLED, "status": 429}, 429),
    "throttled-header": as_json({"detail": "Slow down", "status": 429}, 429, Retry_After="7"),
    "bad-version": as_json({"detail": "Invalid version or not permitted", "status": 422}, 422),
    "bad-image": as_json({"detail": "- input.image: Does not match format 'uri'\n"}, 422),
    "500": as_json({"detail": "An internal error in /home/someone"}, 500),
    "502": Answer(b"<html>", 502, "text/html"),
    "504": Answer(b"<html>", 504, "text/html"),
}
_ENDS = {
    "nsfw": ("failed", "NSFW content detected. Try running it again, or try a different prompt."),
    "sensitive": ("failed", "The input or output was flagged as sensitive. (E005) (abc)"),
    "oom": ("failed", "CUDA out of memory. Tried to allocate 2.00 GiB in /home/someone"),
    "director": ("failed", "Director: unexpected error handling prediction (E8367)"),
    "interrupted": ("failed", "Prediction interrupted; please retry (code: PA)"),
    "busy": ("failed", "Service is currently unavailable due to high demand. (E003)"),
    "bad-file": ("failed", "cannot identify image file <_io.BytesIO object>"),
    "failed": ("failed", "'NoneType' object is not subscriptable in /home/someone"),
    "aborted": ("aborted", None),
    "canceled": ("canceled", None),
}


class ReplicateApi(Loopback):
    """The calls that the driver makes, as Replicate's reference describes them."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.predictions: dict[str, dict[str, Any]] = {}
        #: predictions go no further while it is set
        self.held = threading.Event()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith("/delivery/"):
            return self._picture(asked)
        if asked.headers.get("authorization") != f"Bearer {KEY}" or "no-token" in self.faults:
            return _REFUSALS["no-token"]
        match (asked.method, asked.path.removeprefix("/v1").strip("/").split("/")):
            case "GET", ["account"]:
                return as_json({"type": "user", "username": "somebody", "name": "Some Body"})
            case "GET", ["models", owner, name] if "no-model" not in self.faults:
                return as_json(self._model(owner, name))
            case "GET", ["models", _, _, "versions", version]:
                return as_json(self._version(version))
            case "POST", ["models", owner, name, "predictions"] if "community" not in self.faults:
                return self._create(asked, f"{owner}/{name}", None)
            case "POST", ["deployments", _, _, "predictions"]:
                return self._create(asked, "acme/painter", VERSION)
            case "POST", ["predictions"]:
                return self._create(asked, "acme/painter", asked.json["version"])
            case "GET", ["predictions"] if "no-list" not in self.faults:
                with self._lock:
                    newest = [self._told(one) for one in reversed(self.predictions.values())]
                return as_json({"next": None, "previous": None, "results": newest[:100]})
            case "GET", ["predictions", name]:
                return self._look(name)
            case "POST", ["predictions", name, "cancel"] if name in self.predictions:
                with self._lock:
                    one = self.predictions[name]
                    if one["status"] in ("starting", "processing"):
                        one["status"] = "canceled"
                    return as_json(self._told(one))
        return as_json({"detail": "The requested resource could not be found.", "status": 404}, 404)

    def canceled(self) -> list[str]:
        return [one["id"] for one in self.predictions.values() if one["status"] == "canceled"]

    def created(self) -> list[dict[str, Any]]:
        """What each prediction was given, in order."""
        return [one["input"] for one in self.predictions.values()]

    # -- the model -----------------------------------------------------------------------------

    def _model(self, owner: str, name: str) -> dict[str, Any]:
        return {
            "owner": owner,
            "name": name,
            "url": f"https://replicate.com/{owner}/{name}",
            "visibility": "public",
            "run_count": 1000,
            "is_official": "community" not in self.faults,
            "latest_version": self._version(VERSION),
        }

    def _version(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "created_at": "2026-08-01T12:00:00.000Z",
            "cog_version": "0.23.1",
            "openapi_schema": self._schema(),
        }

    def _schema(self) -> dict[str, Any]:
        whole: dict[str, Any] = {"type": "integer"}
        fields: dict[str, Any] = {"prompt": {"type": "string"}, "seed": whole}
        if "flux" in self.faults:
            # A choice is a reference, an optional input may be null.
            fields |= {
                "aspect_ratio": {
                    "allOf": [{"$ref": "#/components/schemas/aspect_ratio"}],
                    "default": "1:1",
                },
                "input_images": {
                    "anyOf": [
                        {"type": "array", "items": {"type": "string", "format": "uri"}},
                        {"type": "null"},
                    ]
                },
            }
        else:
            side = {"type": "integer", "minimum": 64, "maximum": 2048, "default": 1024}
            fields |= {
                "width": side,
                "height": side,
                "negative_prompt": {"type": "string", "default": ""},
                "image": {"type": "string", "format": "uri"},
                "mask": {"type": "string", "format": "uri"},
                "prompt_strength": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.8},
                "num_inference_steps": {**whole, "minimum": 1, "maximum": 100, "default": 30},
            }
        if "single" not in self.faults:
            fields["num_outputs"] = {**whole, "minimum": 1, "maximum": 4, "default": 1}
        schemas = {
            "Input": {"type": "object", "required": ["prompt"], "properties": fields},
            "aspect_ratio": {"type": "string", "enum": list(RATIOS)},
        }
        return {"openapi": "3.0.2", "components": {"schemas": schemas}}

    # -- predictions ---------------------------------------------------------------------------

    def _create(self, asked: Asked, model: str, version: str | None) -> Answer:
        for fault in self.faults & set(_REFUSALS):
            return _REFUSALS[fault]
        for fault in ("throttled", "no-credit"):
            if f"{fault}-later" in self.faults and self.predictions:
                if fault == "throttled":
                    self.faults.discard("throttled-later")
                return _REFUSALS[fault]
        wrong = self._wrong(asked.json["input"])
        if wrong:
            return as_json(
                {"detail": wrong, "status": 422, "title": "Input validation failed"}, 422
            )
        name = f"p{next(self._numbers):025d}"
        record = {
            "id": name,
            "model": model,
            "version": version or "hidden",
            "input": asked.json["input"],
            "status": "starting",
            "looks": 0,
        }
        with self._lock:
            self.predictions[name] = record
        if "drop-create" in self.faults:
            raise Dropped
        told = self._told(record)
        if "odd-id" in self.faults:
            told["id"] = "../account"
        return as_json(told, 201)

    def _wrong(self, given: dict[str, Any]) -> str | None:
        fields = self._schema()["components"]["schemas"]["Input"]["properties"]
        if not given.get("prompt") or "bad-input" in self.faults:
            return "- input.prompt: String length must be greater than or equal to 1\n"
        for name, value in given.items():
            known = fields.get(name, {})
            if known.get("type") == "integer" and not isinstance(value, int):
                return f"- input.{name}: Invalid type. Expected: integer, given: string\n"
            if "maximum" in known and not known["minimum"] <= value <= known["maximum"]:
                return f"- input.{name}: Must be less than or equal to {known['maximum']}\n"
            if name == "aspect_ratio" and value not in RATIOS:
                return "- input.aspect_ratio: must be one of the following\n"
        return None

    def _look(self, name: str) -> Answer:
        if "poll-502" in self.faults:
            return _REFUSALS["502"]
        if "poll-429" in self.faults:
            return _REFUSALS["throttled"]
        with self._lock:
            one = self.predictions.get(name)
            if one is None or ("forgets" in self.faults and one["looks"] > 1):
                return as_json({"detail": "Not found", "status": 404}, 404)
            self._step(one)
            return as_json(self._told(one))

    def _step(self, one: dict[str, Any]) -> None:
        if self.held.is_set() or one["status"] not in ("starting", "processing"):
            return
        one["looks"] += 1
        end = next((_ENDS[fault] for fault in self.faults & set(_ENDS)), None)
        if one["looks"] > 1 and "slow-boot" not in self.faults:
            one["status"] = "processing"
        if end and one["looks"] >= 2:
            one["status"], one["error"] = end
        elif one["looks"] > DRAWN_AFTER:
            one["status"] = "succeeded"
            self.drawn += [self._size(one)] * self._count(one)

    def _told(self, one: dict[str, Any]) -> dict[str, Any]:
        over = one["status"] == "succeeded"
        share = min(one["looks"] * 25, 100)
        told: dict[str, Any] = {
            "id": one["id"],
            "model": one["model"],
            "version": one["version"],
            "input": one["input"],
            "status": one["status"],
            "error": one.get("error"),
            "logs": f"Using seed: 1\n  {share}%|███  | {one['looks']}/4 [00:01]\n",
            "output": None,
            "created_at": "2026-08-01T12:00:00.000Z",
            "source": "api",
            "urls": {"get": f"{self.url}/predictions/{one['id']}"},
        }
        if one["status"] == "starting":
            told["logs"] = ""
        urls = [
            f"{self.url.removesuffix('/v1')}/delivery/{one['id']}/{number}.png"
            for number in range(self._count(one))
        ]
        if over:
            told["metrics"] = {"predict_time": 2.5, "total_time": 3.0}
            told["output"] = self._output(urls)
            if "removed" in self.faults:
                told |= {"data_removed": True, "output": None, "input": {}}
        elif "streams" in self.faults and one["status"] == "processing":
            told["output"] = urls[: max(0, one["looks"] - 1)]
        return told

    def _output(self, urls: list[str]) -> Any:
        if "empty" in self.faults:
            return []
        if "fewer" in self.faults:
            return urls[:-1]
        if "one-url" in self.faults:
            return urls[0]
        if "table" in self.faults:
            return {"images": urls, "words": "a picture"}
        return urls

    def _count(self, one: dict[str, Any]) -> int:
        return int(one["input"].get("num_outputs", 1))

    def _size(self, one: dict[str, Any]) -> tuple[int, int]:
        given = one["input"]
        if "aspect_ratio" in given:
            return RATIOS[given["aspect_ratio"]]
        return given["width"], given["height"]

    def _picture(self, asked: Asked) -> Answer:
        _, _, name, file = asked.path.split("/")
        if "gone-url" in self.faults:
            return Answer(b"<Error>", 404, "application/xml")
        one = self.predictions[name]
        label = json.dumps([one["input"], file], sort_keys=True)
        return Answer(picture(*self._size(one), label), kind="image/png")


if __name__ == "__main__":
    run_by_hand(ReplicateApi, __doc__)
