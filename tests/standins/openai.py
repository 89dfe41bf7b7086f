"""A stand-in for a server with OpenAI's image routes: JSON or a stream, and every way to refuse.

``python -m tests.standins.openai --port 8080 [faults]``. Faults: ``json-only url relative-url
size-drift moderated moderated-in-stream empty-data quota rate rate-once slow-down no-key bad-param
bad-image no-model 408 500 503-once 504 524 string-error bad-json no-picture broken drop drop-in-stream cut-stream
done-only hang locked no-models sd-server echo odd-400 in-lines thrice says-nothing
unchanged``, and ``litellm-…`` for what a LiteLLM proxy says.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

KEY = "sk-open-sesame"
_EXTRA = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")


def _error(status: int, code: str, kind: str = "", param: str | None = None) -> Answer:
    message = f"about {code}, with the prompt and a path: /home/someone"
    table = {"message": message, "type": kind, "param": param, "code": code}
    return as_json({"error": table}, status)


_REFUSALS = {
    "moderated": _error(400, "moderation_blocked", "image_generation_user_error"),
    "quota": _error(429, "insufficient_quota", "insufficient_quota"),
    "rate": as_json({"error": {"code": "rate_limit_exceeded"}}, 429, Retry_After="7"),
    "no-key": _error(401, "invalid_api_key"),
    "no-plan": as_json({"error": "pay first"}, 402),
    "bad-size": _error(400, "invalid_value", "invalid_request_error", "size"),
    "bad-param": _error(400, "invalid_value", "invalid_request_error", "prompt"),
    "bad-image": _error(400, "invalid_image", "invalid_request_error", "image"),
    "no-model": _error(404, "model_not_found", "invalid_request_error"),
    "no-route": as_json({"detail": "Not Found"}, 404),
    "too-large": Answer(status=413),
    "500": _error(500, "server_error", "server_error"),
    "503": Answer(b"<html>", 503, "text/html"),
    "408": _error(408, "timeout", "server_error"),
    "504": Answer(b"<html>", 504, "text/html"),
    "524": Answer(b"<html>", 524, "text/html"),
    "string-error": as_json({"error": "prompt required"}, 400),
    "odd-400": as_json({"error": {"message": "no", "code": "400"}}, 400),
} | {
    # As a LiteLLM proxy 1.108 was seen to answer.
    f"litellm-{fault}": as_json(
        {"error": {"message": message, "type": kind, "param": None, "code": str(status)}}, status
    )
    for fault, status, kind, message in (
        (
            "no-model",
            400,
            "invalid_request_error",
            "400: {'error': '/image/generations: Invalid model name passed in model=gpt-image. Call "
            "`/v1/models` to view available models for your key.'}",
        ),
        (
            "no-model-edits",
            400,
            "invalid_request_error",
            "/images/edits: Invalid model name passed in model=gpt-image.",
        ),
        ("no-db", 400, "no_db_connection", "No connected db."),
        (
            "none-well",
            400,
            "invalid_request_error",
            "litellm.BadRequestError: You passed in model=odd. There are no healthy deployments for "
            "this model",
        ),
        (
            "cooldown",
            429,
            "None",
            "No deployments available for selected model, Try again in 5 seconds.",
        ),
        (
            "budget",
            400,
            "budget_exceeded",
            "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0",
        ),
        (
            "quota",
            429,
            "throttling_error",
            "litellm.RateLimitError: OpenAIException - about insufficient_quota",
        ),
        (
            "rate",
            429,
            "throttling_error",
            "litellm.RateLimitError: RateLimitError: OpenAIException - Error code: 429",
        ),
        (
            "upstream-key",
            401,
            "authentication_error",
            "litellm.AuthenticationError: OpenAIException - about invalid_api_key",
        ),
        ("key-model", 401, "key_model_access_denied", "key not allowed to access model."),
        ("upstream-plan", 402, "invalid_request_error", "litellm.APIError: Error code: 402"),
        (
            "upstream-no-model",
            404,
            "invalid_request_error",
            "litellm.NotFoundError: OpenAIException - about model_not_found",
        ),
        (
            "moderated",
            400,
            "image_generation_user_error",
            "litellm.BadRequestError: OpenAIException - about moderation_blocked",
        ),
        (
            "upstream-400",
            400,
            "invalid_request_error",
            "litellm.BadRequestError: OpenAIException - Error code: 400",
        ),
        (
            "upstream-away",
            500,
            "internal_server_error",
            "litellm.APIConnectionError: OpenAIException - Connection error.",
        ),
        ("upstream-503", 503, "internal_server_error", "litellm.ServiceUnavailableError"),
    )
}


class OpenAIServer(Loopback):
    """The routes that the driver uses."""

    #: fault → how the server refuses
    refusals: Mapping[str, Answer] = _REFUSALS

    def __init__(
        self, port: int = 0, faults: tuple[str, ...] = (), *, draws_s: float = 0.02
    ) -> None:
        super().__init__(port, faults)
        self.draws_s = draws_s
        #: what the list of models names, if not what fits
        self.models: list[str] | None = None
        self.abandoned = threading.Event()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._count = 0

    def answer(self, asked: Asked) -> Answer:
        if "locked" in self.faults and asked.headers.get("authorization") != f"Bearer {KEY}":
            return self.refusals["no-key"]
        match (asked.method, asked.path):
            case "GET", "/v1/models":
                if "no-models" in self.faults:
                    return as_json({"detail": "Not Found"}, 404)
                if "litellm-no-db" in self.faults:
                    return _REFUSALS["litellm-no-db"]
                if self.models is not None:
                    return as_json({"data": [{"id": name} for name in self.models]})
                name = "sd-cpp-local" if "sd-server" in self.faults else "gpt-image"
                return as_json({"data": [{"id": name, "object": "model"}]})
            case "POST", "/v1/images/generations":
                return self._counted(asked, asked.json)
            case "POST", "/v1/images/edits":
                return self._counted(asked, form_of(asked))
            case "POST", "/v1/chat/completions":
                return self._describe(asked.json)
            case "GET", path if path.startswith("/pictures/"):
                return Answer(self._image({"prompt": path, "size": "128x128"}), kind="image/png")
        return as_json({"detail": "Not Found"}, 404)

    def _counted(self, asked: Asked, fields: dict[str, Any]) -> Answer:
        with self._lock:
            self._count += 1
            number = self._count
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self._draw(asked, fields, number)
        finally:
            with self._lock:
                self.at_once -= 1

    def _draw(self, asked: Asked, fields: dict[str, Any], number: int) -> Answer:
        if "echo" in self.faults:
            return as_json({"error": {"message": f"cannot draw: {fields['prompt']}"}}, 400)
        for fault, refusal in self.refusals.items():
            if fault in self.faults or (f"{fault}-second" in self.faults and number == 2):
                return refusal
        if "rate-once" in self.faults and number == 2:
            return as_json({"error": {"code": "rate_limit_exceeded"}}, 429, Retry_After="0.1")
        if "drop" in self.faults:
            raise Dropped
        if not self.pause(3600 if "hang" in self.faults else self.draws_s, asked):
            self.abandoned.set()
            raise Dropped
        if "empty-data" in self.faults:
            return as_json({"created": 1, "data": []})
        if "bad-json" in self.faults:
            return Answer(b'{"data": [')
        image = b"not a picture" if "broken" in self.faults else self._image(fields)
        if "unchanged" in self.faults and "image[]" in fields:
            image = fields["image[]"][0]
        width, height = (int(side) for side in fields["size"].split("x"))
        self.drawn.append((width, height))
        if fields.get("stream") in (True, "true") and "json-only" not in self.faults:
            edited = asked.path.endswith("edits")
            return Answer(self._stream(image, fields, edited), kind="text/event-stream")
        return as_json({"created": 1, "data": [self._datum(image, number)]})

    def _describe(self, fields: dict[str, Any]) -> Answer:
        for fault, refusal in _REFUSALS.items():
            if fault in self.faults:
                return refusal
        ask, shown = fields["messages"][0]["content"]
        assert ask["text"]
        assert shown["image_url"]["url"].startswith("data:image/png;base64,")
        prompts = [f"a picture, way {number}" for number in range(1, 5)]
        if "thrice" in self.faults:
            prompts[3] = prompts[0]
        said = f"Here they are:\n```json\n{json.dumps(prompts)}\n```"
        if "in-lines" in self.faults:
            said = "Here they are:\n\n" + "\n".join(f"{n}. {p}" for n, p in enumerate(prompts, 1))
        if "says-nothing" in self.faults:
            said = ""
        return as_json({"choices": [{"message": {"role": "assistant", "content": said}}]})

    def _datum(self, image: bytes, number: int) -> dict[str, str]:
        if "no-picture" in self.faults:
            return {"revised_prompt": "a cat"}
        if "url" in self.faults:
            return {"url": f"{self.url}/pictures/{number}.png"}
        if "gone-url" in self.faults:
            return {"url": f"{self.url}/gone/{number}.png"}
        if "relative-url" in self.faults:
            return {"url": f"/pictures/{number}.png"}
        return {"b64_json": base64.b64encode(image).decode()}

    def _stream(self, image: bytes, fields: dict[str, Any], edited: bool) -> Iterator[bytes]:
        kind = "image_edit" if edited else "image_generation"
        encoded = base64.b64encode(image).decode()
        yield b": a comment\r\n\r\n"
        for index in range(int(fields["partial_images"])):
            self.pause(self.draws_s)
            partial = base64.b64encode(picture(64, 96, f"partial {index}", "WEBP")).decode()
            told = {"type": f"{kind}.partial_image", "b64_json": partial}
            yield from _event(told | {"partial_image_index": index}, chunk=1000)
            if "drop-in-stream" in self.faults:
                raise Dropped
            if "moderated-in-stream" in self.faults:
                yield from _event({"type": "error", "error": {"code": "moderation_blocked"}})
                return
            if "error-in-stream" in self.faults:
                yield from _event({"type": "error", "error": {"type": "server_error"}})
                return
        if "done-only" in self.faults:
            yield b"data: [DONE]\n\n"
            return
        whole = b"".join(_event({"type": f"{kind}.completed", "b64_json": encoded}))
        yield whole.rstrip(b"\n") if "no-last-line" in self.faults else whole

    def _image(self, fields: dict[str, Any]) -> bytes:
        # The picture follows from all that was sent, and from chance unless there is a seed.
        label = repr(sorted((name, value) for name, value in fields.items() if name != "size"))
        # sd-server has a fixed seed of its own, unless the prompt brings another one.
        if "sd-server" not in self.faults and "seed" not in fields:
            label += f" {self._count} {threading.get_ident()}"
        width, height = (int(side) for side in fields["size"].split("x"))
        if "size-drift" in self.faults:
            width, height = 100, 130
        return picture(width, height, label)


def form_of(asked: Asked) -> dict[str, Any]:
    """Read multipart: fields as text, pictures as a list of bytes under ``image[]``."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + asked.body, policy=email.policy.HTTP)
    fields: dict[str, Any] = {}
    for part in message.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            fields.setdefault(name, []).append(part.get_payload(decode=True))
        else:
            fields[name] = part.get_payload(decode=True).decode()
    return fields


def _event(told: dict[str, Any], chunk: int = 1 << 20) -> Iterator[bytes]:
    """Yield an event in pieces that end anywhere, as a network brings them."""
    text = f"event: {told['type']}\r\ndata: {json.dumps(told)}\r\n\r\n".encode()
    for start in range(0, len(text), chunk):
        yield text[start : start + chunk]


if __name__ == "__main__":
    run_by_hand(OpenAIServer, __doc__)
