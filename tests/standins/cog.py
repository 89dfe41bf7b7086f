"""A stand-in for a cog container, as cog 0.23's own server behaves: no GPU, any schema.

``python -m tests.standins.cog --port 5000 [faults]``. Faults: ``starting setup-failed defunct unhealthy no-schema
not-cog failed nsfw oom short broken text-output canceled hang drop mute old``; ``ratio``, ``sizes``, ``words``,
``several``, ``picky`` and ``no-prompt`` change the model's inputs, ``yields`` and ``links`` its outputs.
"""

from __future__ import annotations

import base64
import io
import threading
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

STEPS = 4
RATIOS = ["1:1", "16:9", "2:3", "3:2", "4:5", "custom"]
SIZES = ["1024x1024", "1024x1536", "1536x1024"]
URI = {"type": "string", "format": "uri"}
INPUTS: dict[str, dict[str, Any]] = {
    "prompt": {"title": "Prompt", "type": "string", "x-order": 0},
    "negative_prompt": {"type": "string", "default": ""},
    "seed": {"type": "integer", "nullable": True},
    "width": {"type": "integer", "default": 1024, "minimum": 64, "maximum": 2048},
    "height": {"type": "integer", "default": 1024, "minimum": 64, "maximum": 2048},
    "num_outputs": {"type": "integer", "default": 1, "minimum": 1, "maximum": 4},
    "num_inference_steps": {"type": "integer", "default": 20, "minimum": 1, "maximum": 50},
    "guidance_scale": {"type": "number", "default": 7.5, "minimum": 1, "maximum": 20},
    "image": {**URI, "nullable": True},
    "mask": {"anyOf": [URI, {"type": "null"}]},
    "prompt_strength": {"type": "number", "default": 0.8, "minimum": 0, "maximum": 1},
    "tiling": {"type": "boolean", "default": False},
    "output_format": {"allOf": [{"$ref": "#/components/schemas/output_format"}], "default": "webp"},
    "disable_safety_checker": {"type": "boolean", "default": False},
}
_ERRORS = {
    "failed": "Prediction failed: KeyError: '/src/secret words'",
    "nsfw": "Prediction failed: Exception: NSFW content detected. Try running it again",
    "oom": "Prediction failed: CUDA out of memory. Tried to allocate 2.00 GiB",
}
_KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list}


@dataclass
class Running:
    """One prediction under way."""

    inputs: dict[str, Any]
    logs: str = ""
    output: list[str] = field(default_factory=list)
    canceled: threading.Event = field(default_factory=threading.Event)


class CogContainer(Loopback):
    """The routes that the driver uses; it draws as many predictions at a time as it has slots."""

    def __init__(
        self,
        port: int = 0,
        faults: tuple[str, ...] = (),
        *,
        step_s: float = 0.03,
        slots: int = 2,
    ) -> None:
        super().__init__(port, faults)
        self.step_s, self.slots = step_s, slots
        #: set by a test to let a ``hang`` go on
        self.go_on = threading.Event()
        self.drawing = threading.Event()
        #: the predictions that were begun, and those that were cancelled or hung up on
        self.begun: list[str] = []
        self.ended_early: list[str] = []
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        parts = asked.path.strip("/").split("/")
        match (asked.method, *parts):
            case "GET", "health-check" if "not-cog" not in self.faults:
                return as_json(self._health())
            case "GET", "openapi.json":
                if {"no-schema", "starting"} & self.faults:
                    return as_json({"error": "OpenAPI schema not available"}, 503)
                return as_json(self.schema())
            case "PUT", "predictions", name:
                return self._put(name, asked)
            case "POST", "predictions", name, "cancel":
                running = self._running.get(name)
                if running:
                    running.canceled.set()
                return as_json({}, 200 if running else 404)
            case "GET", "files", seed, width, height:
                return Answer(picture(int(width), int(height), seed), kind="image/png")
        return as_json({"detail": "Not Found"}, 405 if parts[0] == "predictions" else 404)

    def schema(self) -> dict[str, Any]:
        inputs = dict(INPUTS)
        if "ratio" in self.faults:
            del inputs["width"], inputs["height"]
            inputs["aspect_ratio"] = {"type": "string", "enum": RATIOS[:-1], "default": "1:1"}
        if "custom" in self.faults:
            inputs["aspect_ratio"] = {"allOf": [{"$ref": "#/components/schemas/aspect_ratio"}]}
        if "sizes" in self.faults:
            del inputs["width"], inputs["height"]
            inputs["size"] = {"type": "string", "enum": SIZES, "default": SIZES[0]}
        if "several" in self.faults:
            inputs["input_images"] = {"type": "array", "items": URI, "default": []}
        if "words" in self.faults:
            inputs = {"prompt": INPUTS["prompt"]}
        if "no-prompt" in self.faults:
            inputs["caption_of_it"] = inputs.pop("prompt")
        required = [] if "no-prompt" in self.faults else ["prompt"]
        if "picky" in self.faults:
            inputs["lora_url"] = {"type": "string"}
            required.append("lora_url")
        output: dict[str, Any] = {"type": "array", "items": URI}
        if "yields" in self.faults:
            output["x-cog-array-type"] = "iterator"
        schemas = {
            "Input": {"type": "object", "required": required, "properties": inputs},
            "Output": output,
            "output_format": {"enum": ["webp", "jpg", "png"], "type": "string"},
            "aspect_ratio": {"enum": RATIOS, "type": "string"},
        }
        return {"openapi": "3.0.2", "components": {"schemas": schemas}}

    def _health(self) -> dict[str, Any]:
        told = {
            "starting": "STARTING",
            "setup-failed": "SETUP_FAILED",
            "defunct": "DEFUNCT",
            "unhealthy": "UNHEALTHY",
        }
        busy = "BUSY" if len(self._running) >= self.slots else "READY"
        status = next((told[fault] for fault in told if fault in self.faults), busy)
        logs = "loading\nRuntimeError: weights are missing\n"
        return {"status": status, "setup": {"status": "failed", "logs": logs}, "version": {}}

    def _put(self, name: str, asked: Asked) -> Answer:
        inputs = asked.json["input"]
        wrong = self._wrong(inputs)
        with self._lock:
            # Before 0.17, an input was checked first.
            if name in self._running and not ("old" in self.faults and wrong):
                return as_json(self._state(name), 202)
            if {"starting", "setup-failed"} & self.faults:
                return as_json({"error": "Setup has not finished yet.", "status": "failed"}, 503)
            if wrong:
                return as_json({"detail": wrong}, 422)
            if len(self._running) >= self.slots:
                error = "At capacity - all prediction slots busy"
                return as_json({"error": error, "status": "failed"}, 409)
            known = self.schema()["components"]["schemas"]["Input"]["properties"]
            running = Running({key: value for key, value in inputs.items() if key in known})
            self._running[name] = running
            self.begun.append(name)
        self.drawing.set()
        try:
            return as_json(self._run(name, running, asked))
        finally:
            with self._lock:
                del self._running[name]
                if not self._running:
                    self.drawing.clear()

    def _run(self, name: str, running: Running, asked: Asked) -> dict[str, Any]:
        told: dict[str, Any] = {"id": name, "metrics": {"predict_time": 1.5}}
        if "mute" not in self.faults:
            running.logs = "Loading pipeline components...: 100%|##########| 7/7\n"
        for step in range(STEPS):
            running_on = self.pause(self.step_s, asked)
            while "hang" in self.faults and not self.go_on.is_set() and running_on:
                running_on = self.pause(0.02, asked) and not running.canceled.is_set()
            if running.canceled.is_set():
                self.ended_early.append(name)
                return told | {"status": "canceled", "logs": ""}
            if not running_on or "drop" in self.faults:
                self.ended_early.append(name)
                raise Dropped
            if "mute" not in self.faults:
                done = step + 1
                running.logs += f"{done * 100 // STEPS:3d}%|###   | {done}/{STEPS} [00:01<00:01]\n"
            if "yields" in self.faults and step < running.inputs.get("num_outputs", 1):
                running.output.append(self._made(running.inputs)[step])
        for fault in self.faults & set(_ERRORS):
            return told | {"status": "failed", "error": _ERRORS[fault], "logs": ""}
        if "canceled" in self.faults:
            return told | {"status": "canceled", "logs": ""}
        output: Any = self._made(running.inputs)
        self.drawn += [_size(running.inputs)] * len(output)
        if "short" in self.faults:
            output.pop()
        if "broken" in self.faults:
            output[-1] = "data:image/png;base64,bm90IGEgcGljdHVyZQ=="
        if "text-output" in self.faults:
            output = "a lighthouse at dusk"
        return told | {"status": "succeeded", "output": output, "logs": running.logs}

    def _state(self, name: str) -> dict[str, Any]:
        running = self._running[name]
        told = {"id": name, "input": running.inputs, "logs": running.logs, "metrics": {}}
        if running.output:
            told["output"] = list(running.output)
        return told | {"status": "processing"}

    def _wrong(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        described = self.schema()["components"]["schemas"]["Input"]
        wrong = {name: "required" for name in described["required"] if name not in inputs}
        for name, value in inputs.items():
            field = described["properties"].get(name, {})
            if not isinstance(value, _KINDS.get(field.get("type"), object)):
                wrong[name] = "is not of its type"
            elif value != max(min(value, field.get("maximum", value)), field.get("minimum", value)):
                wrong[name] = "is out of bounds"
            elif value not in field.get("enum", [value]):
                wrong[name] = "is none of the choices"
        refused = {fault.partition(":")[2] for fault in self.faults if fault.startswith("refuses:")}
        wrong |= dict.fromkeys(refused & set(inputs), "no")
        return [
            {"loc": ["body", "input", name], "msg": why, "type": "value_error"}
            for name, why in wrong.items()
        ]

    def _made(self, inputs: dict[str, Any]) -> list[str]:
        size, count = _size(inputs), inputs.get("num_outputs", 1)
        if "links" in self.faults:
            paths = (f"/files/{inputs['seed'] + n}/{size[0]}/{size[1]}" for n in range(count))
            return [f"{self.url}{path}" for path in paths]
        return [_painted(inputs, n, size) for n in range(count)]


def _size(inputs: dict[str, Any]) -> tuple[int, int]:
    if "width" in inputs:
        # In eighths, as latents are.
        return inputs["width"] // 8 * 8, inputs["height"] // 8 * 8
    if "size" in inputs:
        width, height = inputs["size"].split("x")
        return int(width) // 8, int(height) // 8
    across, down = inputs.get("aspect_ratio", "1:1").split(":")
    return int(across) * 24, int(down) * 24


def _painted(inputs: dict[str, Any], number: int, size: tuple[int, int]) -> str:
    """A picture that follows from all that a real one follows from."""
    apart = ("image", "mask", "num_outputs", "input_images", "output_format")
    label = str(sorted((k, v) for k, v in inputs.items() if k not in apart)) + f" {number}"
    for start in inputs.get("input_images", ()):
        label += str(hash(start))
    drawn = Image.open(io.BytesIO(picture(*size, label))).convert("RGB")
    if "image" in inputs:
        start = _opened(inputs["image"]).resize(size)
        drawn = Image.blend(start, drawn, inputs.get("prompt_strength", 0.8))
        if "mask" in inputs:
            drawn = Image.composite(drawn, start, _opened(inputs["mask"]).convert("L").resize(size))
    buffer = io.BytesIO()
    drawn.save(buffer, inputs.get("output_format", "webp").upper())
    kind = inputs.get("output_format", "webp")
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()


def _opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB")


if __name__ == "__main__":
    run_by_hand(CogContainer, __doc__)
