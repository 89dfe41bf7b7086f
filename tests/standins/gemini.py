"""A stand-in for Gemini's ``generateContent`` with pictures, as strict as its reference.

``python -m tests.standins.gemini --port 8080 [faults]``. Faults: the refusals of ``REFUSALS`` (``…-once`` for the
second request only), the reasons of ``REASONS``, ``blocked``, ``words``, ``empty``, ``thoughts``, ``bad-json``,
``broken``, ``drop``, ``hang``, ``locked``, ``no-model``.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "AIza-open-sesame"
MODEL = "gemini-2.5-flash-image"
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
#: finish reasons without a picture
REASONS = (
    *("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT"),
    *("IMAGE_RECITATION", "BLOCKLIST", "SPII", "NO_IMAGE", "IMAGE_OTHER", "OTHER"),
)


def _error(code: int, status: str, message: str = "", *details: dict[str, Any]) -> Answer:
    message = message or "about the prompt, and a path: /home/someone"
    error = {"code": code, "status": status, "message": message, "details": list(details)}
    return as_json({"error": error}, code)


_RPC = "type.googleapis.com/google.rpc."
REFUSALS: Mapping[str, Answer] = {
    "bad-key": _error(
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        {"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID"},
    ),
    "denied": _error(403, "PERMISSION_DENIED"),
    "rate": _error(
        429,
        "RESOURCE_EXHAUSTED",
        "",
        {"@type": f"{_RPC}QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinute"}]},
        {"@type": f"{_RPC}RetryInfo", "retryDelay": "34s"},
    ),
    "rate-plain": _error(429, "RESOURCE_EXHAUSTED"),
    "day": _error(
        429,
        "RESOURCE_EXHAUSTED",
        "",
        {"@type": f"{_RPC}QuotaFailure", "violations": [{"quotaId": "RequestsPerDayPerProject"}]},
        {"@type": f"{_RPC}RetryInfo", "retryDelay": "34s"},
    ),
    "overloaded": _error(503, "UNAVAILABLE", "The model is overloaded."),
    "region": _error(400, "FAILED_PRECONDITION"),
    "bad-picture": _error(400, "INVALID_ARGUMENT", "Unable to process input image."),
    "bad-ratio": _error(400, "INVALID_ARGUMENT", "Aspect ratio is not enabled for this model"),
    "odd-400": _error(400, "INVALID_ARGUMENT"),
    "500": _error(500, "INTERNAL"),
    "504": _error(504, "DEADLINE_EXCEEDED"),
}


class GeminiServer(Loopback):
    """The two routes that the driver uses."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        super().__init__(port, faults)
        self.abandoned = threading.Event()
        self._lock = threading.Lock()
        self._count = 0

    def answer(self, asked: Asked) -> Answer:
        if "locked" in self.faults and asked.headers.get("x-goog-api-key") != KEY:
            return REFUSALS["bad-key"]
        _, version, name = asked.path.split("/", 2) if asked.path.count("/") > 1 else ("",) * 3
        name = name.removeprefix("models/") if version in ("v1", "v1beta") else ""
        if asked.method == "GET" and name == MODEL and "no-model" not in self.faults:
            return as_json({"name": f"models/{MODEL}"})
        if asked.method != "POST" or not name.endswith(":generateContent"):
            return _error(404, "NOT_FOUND")
        with self._lock:
            self._count += 1
            number = self._count
        return self._draw(asked, number)

    def _draw(self, asked: Asked, number: int) -> Answer:
        for fault, refusal in REFUSALS.items():
            if fault in self.faults or (f"{fault}-once" in self.faults and number == 2):
                return refusal
        if "drop" in self.faults:
            raise Dropped
        if not self.pause(3600 if "hang" in self.faults else 0.01, asked):
            self.abandoned.set()
            raise Dropped
        if "bad-json" in self.faults:
            return Answer(b'{"candidates": [')
        body = asked.json
        if why := _wrong(body):
            return _error(400, "INVALID_ARGUMENT", f"Invalid JSON payload received: {why}")
        for reason in REASONS:
            if reason in self.faults:
                return as_json({"candidates": [{"finishReason": reason, "index": 0}]})
        if "blocked" in self.faults:
            return as_json({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
        if "empty" in self.faults:
            return as_json({"candidates": []})
        parts = [{"text": "Here it is."}]
        if "thoughts" in self.faults:
            parts.append({"thought": True, **_inline(picture(64, 64, "a thought"))})
        if "words" not in self.faults:
            parts.append(_inline(self._image(body, number)))
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 1290, "totalTokenCount": 1299}
        return as_json({"candidates": [candidate], "usageMetadata": usage})

    def _image(self, body: dict[str, Any], number: int) -> bytes:
        if "broken" in self.faults:
            return b"not a picture"
        ratio = body["generationConfig"]["imageConfig"]["aspectRatio"]
        across, down = (int(part) for part in ratio.split(":"))
        size = across * 160 // max(across, down), down * 160 // max(across, down)
        self.drawn.append(size)
        # Not the same for the same seed: that is not promised.
        return picture(*size, f"{body} {number}")


def _inline(image: bytes) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(image).decode()}}


def _wrong(body: dict[str, Any]) -> str | None:
    config = body.get("generationConfig", {})
    if body.keys() - {"contents", "generationConfig", "safetySettings"}:
        return "an unknown field"
    if config.keys() - {"responseModalities", "imageConfig", "seed"}:
        return "an unknown field of generationConfig"
    if config.get("imageConfig", {}).get("aspectRatio") not in _RATIOS:
        return "aspectRatio"
    if not -(2**31) <= config.get("seed", 0) < 2**31:
        return "seed"
    text, *pictures = body["contents"][0]["parts"]
    if not text["text"]:
        return "text"
    for one in pictures:
        inline = one["inlineData"]
        base64.b64decode(inline["data"], validate=True)
        # Either case is taken, as by all of Google's.
        kind = inline.get("mimeType") or inline.get("mime_type")
        if kind not in ("image/png", "image/jpeg", "image/webp"):
            return "mimeType"
    return None


if __name__ == "__main__":
    run_by_hand(GeminiServer, __doc__)
