"""Stand-ins for hosts with OpenAI-like routes that do some of it otherwise, as strict as the hosts are.

``python -m tests.standins.openai_hosts --port 8080 [faults]`` is Ark's (Seedream). Each refuses what its host
refuses, and draws from all that it takes. Faults besides those of ``tests.standins.openai``: ``item-error``
(a picture that failed inside of a good answer), ``stream-failed``.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.standins.loopback import Answer, Asked, as_json, run_by_hand
from tests.standins.openai import KEY, OpenAIServer

_SIZE = re.compile(r"(\d+)x(\d+)")
_DATA_URL = re.compile(r"data:image/png;base64,[\w+/]+=*")


def _ark(status: int, code: str, param: str | None = None) -> Answer:
    message = f"about the prompt, and a path: /home/someone. Request id: 021{code.lower()}"
    table = {"code": code, "message": message, "param": param or "", "type": "BadRequest"}
    return as_json({"error": table}, status)


def _pictures_of(urls: list[str]) -> list[str]:
    assert urls
    assert all(_DATA_URL.fullmatch(url) for url in urls)
    return urls


def _refuse(message: str) -> Answer:
    # No word that the driver knows: a field that the host does not take is our mistake, and must be seen.
    return as_json({"error": {"message": f"unexpected: {message}", "code": "stand-in"}}, 418)


class HostedServer(OpenAIServer):
    """What these hosts have in common: JSON only, at one route or two."""

    #: what the host takes in a request
    takes: frozenset[str] = frozenset()
    path = "/v1/images/generations"
    edits: str | None = None

    def __init__(self, port: int = 0, faults: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(port, faults, **more)
        #: pictures to fetch, once: their addresses expire
        self._kept: dict[str, bytes] = {}

    def kept(self, image: bytes, number: int) -> str:
        """Return the address where a picture can be fetched."""
        path = f"/pictures/{number}.png"
        self._kept[path] = image
        return f"{self.url}{path}"

    def answer(self, asked: Asked) -> Answer:
        if "locked" in self.faults and asked.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusals["no-key"]
        if asked.path in self._kept:
            return Answer(self._kept.pop(asked.path), kind="image/png")
        if asked.path.startswith("/pictures/"):
            return as_json({"code": "AccessDenied", "message": "Request has expired"}, 403)
        if asked.method != "POST" or asked.path not in (self.path, self.edits):
            return super().answer(asked)
        if not asked.headers["content-type"].startswith("application/json"):
            return _refuse("a form")
        body = asked.json
        if unknown := body.keys() - self.takes:
            return _refuse(f"{unknown}")
        checked = self.checked(body, asked.path)
        return checked if isinstance(checked, Answer) else self._counted(asked, checked)

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        """Return what to draw, with its size in pixels, or why it is refused."""
        raise NotImplementedError


class SeedreamServer(HostedServer):
    """Ark: no ``n``, pictures as a field, a watermark unless it is refused, items that may be errors."""

    takes = frozenset(
        [
            *("model", "prompt", "image", "size", "response_format", "watermark", "seed", "stream"),
            *("guidance_scale", "sequential_image_generation", "output_format"),
        ]
    )
    pixels = (3_686_400, 10_404_496)
    _streamed = itertools.count(1_000_000)
    refusals: Mapping[str, Answer] = {
        "moderated": _ark(400, "InputTextSensitiveContentDetected"),
        "moderated-picture": _ark(400, "OutputImageSensitiveContentDetected"),
        "overdue": _ark(403, "AccountOverdueError"),
        "rate": _ark(429, "RateLimitExceeded.EndpointRPMExceeded"),
        "no-key": _ark(401, "AuthenticationError"),
        "not-open": _ark(404, "ModelNotOpen"),
        "no-model": _ark(404, "InvalidEndpointOrModel.NotFound"),
        "bad-size": _ark(400, "InvalidParameter", "size"),
        "bad-image": _ark(400, "InvalidParameter", "image"),
        "overloaded": _ark(429, "ServerOverloaded"),
        "500": _ark(500, "InternalServiceError"),
    }

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        width, height = (int(side) for side in body["size"].split("x"))
        least, most = self.pixels
        if not least <= width * height <= most or not 1 / 16 <= width / height <= 16:
            return self.refusals["bad-size"]
        if image := body.get("image"):
            urls = _pictures_of([image] if isinstance(image, str) else image)
            assert len(urls) <= 14
        return {**body, "watermark": body.get("watermark", True)}

    def _datum(self, image: bytes, number: int) -> dict[str, Any]:
        if "item-error" in self.faults:
            return {"error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}}
        return {"url": self.kept(image, number), "size": "1x1"}

    def _stream(self, image: bytes, fields: dict[str, Any], edited: bool) -> Iterator[bytes]:
        told: dict[str, Any] = {"model": fields["model"], "created": 1, "image_index": 0}
        if "stream-failed" in self.faults:
            error = {"code": "OutputImageSensitiveContentDetected", "message": "no"}
            yield _event("partial_failed", told | {"error": error})
        else:
            number = next(self._streamed)
            yield _event("partial_succeeded", told | self._datum(image, number))
        yield _event("completed", {"usage": {"generated_images": 1, "output_tokens": 16384}})
        yield b"data: [DONE]\n\n"


def _event(name: str, told: dict[str, Any]) -> bytes:
    kind = f"image_generation.{name}"
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **told})}\n\n".encode()


class SmallSeedreamServer(SeedreamServer):
    """The same, for models that draw quickly."""

    pixels = (4096, 1 << 24)


class XaiServer(HostedServer):
    """xAI: a ratio and no size, pictures as objects, a price in ticks, a flag for what was refused."""

    takes = frozenset(
        [
            *("model", "prompt", "n", "response_format", "aspect_ratio", "resolution", "quality"),
            *("image", "images", "user"),
        ]
    )
    edits = "/v1/images/edits"
    ratios = frozenset(["1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "2:1", "1:2", "auto"])
    refusals: Mapping[str, Answer] = {
        "no-key": as_json(
            {
                "code": "Client specified an invalid argument",
                "error": "Incorrect API key provided: xa***. See /home/someone.",
            },
            400,
        ),
        "no-model": as_json(
            {
                "code": "Some requested entity was not found",
                "error": "The model grok-none does not exist or your team has no access to it.",
            },
            404,
        ),
        "no-credit": as_json(
            {
                "code": "The caller does not have permission to execute the specified operation",
                "error": "Your newly created team doesn't have any credits yet. /home/someone",
            },
            403,
        ),
        "rate": as_json({"code": "Some resource has been exhausted", "error": "Slow down"}, 429),
    }

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        if body["aspect_ratio"] not in self.ratios:
            return _refuse(body["aspect_ratio"])
        objects = body.get("images") or ([body["image"]] if "image" in body else [])
        if bool(objects) != (path == self.edits):
            return _refuse(path)
        if objects:
            assert {one["type"] for one in objects} == {"image_url"}
            _pictures_of([one["url"] for one in objects])
        across, down = (int(part) for part in body["aspect_ratio"].split(":"))
        side = 256 / math.sqrt(across * down)
        return {**body, "size": f"{round(across * side)}x{round(down * side)}"}

    def _datum(self, image: bytes, number: int) -> dict[str, Any]:
        if "item-error" in self.faults:
            return {"respect_moderation": False, "url": None}
        return super()._datum(image, number) | {"respect_moderation": True}

    def _draw(self, asked: Asked, fields: dict[str, Any], number: int) -> Answer:
        return _with(super()._draw(asked, fields, number), usage={"cost_in_usd_ticks": 200000000})


class TogetherServer(HostedServer):
    """Together: width and height, one picture by its address, ``base64`` for a format."""

    takes = frozenset(
        [
            *("model", "prompt", "width", "height", "steps", "seed", "n", "response_format"),
            *("image_url", "negative_prompt", "guidance_scale", "disable_safety_checker"),
        ]
    )

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        assert body["response_format"] == "base64"
        if max(body["width"], body["height"]) > 1440 or body["width"] % 16 or body["height"] % 16:
            return self.refusals["bad-size"]
        if "image_url" in body:
            _pictures_of([body["image_url"]])
        rest = {name: body[name] for name in body.keys() - {"width", "height"}}
        return {**rest, "size": f"{body['width']}x{body['height']}"}


class OpenRouterServer(HostedServer):
    """OpenRouter: a route of its own, references as objects, its own codes, a price in dollars."""

    takes = frozenset(
        [
            *("model", "prompt", "n", "size", "aspect_ratio", "seed", "input_references", "user"),
            *("provider", "resolution", "quality"),
        ]
    )
    path = "/v1/images"
    ratios = frozenset(
        ["1:1", "5:4", "4:5", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9"],
    )
    refusals: Mapping[str, Answer] = {
        "moderated": as_json(
            {
                "error": {
                    "code": 403,
                    "message": "The request was refused by its provider",
                    "metadata": {"reasons": ["violence"], "flagged_input": "the words"},
                }
            },
            403,
        ),
        "no-key": as_json({"error": {"code": 401, "message": "No auth credentials found"}}, 401),
        "no-plan": as_json({"error": {"code": 402, "message": "Insufficient credits"}}, 402),
        "rate": as_json({"error": {"code": 429, "message": "Rate limit"}}, 429, Retry_After="7"),
        "no-model": as_json({"error": {"code": 404, "message": "No endpoints found"}}, 404),
        "provider-down": as_json({"error": {"code": 502, "message": "Provider error"}}, 502),
    }

    def answer(self, asked: Asked) -> Answer:
        if (asked.method, asked.path) == ("GET", "/v1/models"):
            listed = ["gpt-text"]
            if asked.query.get("output_modalities") == "image":
                listed = ["bytedance-seed/seedream-4.5"]
            return as_json({"data": [{"id": name} for name in listed]})
        return super().answer(asked)

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        if body["aspect_ratio"] not in self.ratios:
            return _refuse(body["aspect_ratio"])
        if references := body.get("input_references"):
            assert {one["type"] for one in references} == {"image_url"}
            _pictures_of([one["image_url"]["url"] for one in references])
        across, down = (int(part) for part in body["aspect_ratio"].split(":"))
        return {**body, "size": f"{across * 40}x{down * 40}"}

    def _draw(self, asked: Asked, fields: dict[str, Any], number: int) -> Answer:
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.04}
        return _with(super()._draw(asked, fields, number), usage=usage)


class SiliconFlowServer(HostedServer):
    """SiliconFlow: ``image_size`` but for edits, numbered pictures, pictures under ``images`` by address."""

    takes = frozenset(
        [
            *("model", "prompt", "image_size", "negative_prompt", "seed", "batch_size", "cfg"),
            *("num_inference_steps", "guidance_scale", "image", "image2", "image3"),
        ]
    )
    refusals: Mapping[str, Answer] = {
        "no-plan": as_json({"code": 30001, "message": "Your account balance is insufficient"}, 403),
        "no-model": as_json({"code": 20012, "message": "Model does not exist."}, 400),
        "no-key": Answer(b'"Invalid token"', 401),
    }

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        urls = [body[name] for name in ("image", "image2", "image3") if name in body]
        if bool(urls) == ("image_size" in body):
            return _refuse("image_size")
        if urls:
            _pictures_of(urls)
        rest = {name: body[name] for name in body.keys() - {"image_size"}}
        return {**rest, "size": body.get("image_size", "120x160")}

    def _draw(self, asked: Asked, fields: dict[str, Any], number: int) -> Answer:
        answer = super()._draw(asked, fields, number)
        if answer.status != 200 or not isinstance(answer.body, bytes):
            return answer
        told = json.loads(answer.body)
        return as_json({"images": told["data"], "timings": {"inference": 1.0}, "seed": 1})

    def _datum(self, image: bytes, number: int) -> dict[str, Any]:
        return {"url": self.kept(image, number)}


class GeminiFaceServer(HostedServer):
    """Google's OpenAI-like face: base64 only, no size, errors in a list."""

    takes = frozenset(["model", "prompt", "n", "response_format"])
    refusals: Mapping[str, Answer] = {
        "no-key": as_json(
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API key not valid.",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
            400,
        ),
        "rate": as_json(
            [{"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}}], 429
        ),
    }

    def checked(self, body: dict[str, Any], path: str) -> dict[str, Any] | Answer:
        assert body["response_format"] == "b64_json"
        return {**body, "size": "128x128"}


def _with(answer: Answer, **more: Any) -> Answer:
    if answer.status != 200 or not isinstance(answer.body, bytes):
        return answer
    return as_json({**json.loads(answer.body), **more})


if __name__ == "__main__":
    run_by_hand(SeedreamServer, __doc__)
