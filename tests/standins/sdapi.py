"""A stand-in for A1111 and Forge, SD.Next or sd-server: one lock, one picture at a time, no GPU.

``python -m tests.standins.sdapi --port 7860 [faults]``. Faults: ``guarded-page oom oom-batch nan 422 422-ours 400 no-model sampler
no-init-image no-images short broken grid-first size-drift info-empty no-previews locked hang drop
dropped-progress foreign interrupted 502``; ``sdnext`` and ``sd-server`` make it one of these.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import threading
from typing import Any

from PIL import Image, ImageOps

from tests.standins.loopback import Answer, Asked, Dropped, Loopback, as_json, picture, run_by_hand

STEPS = 4
UPSCALER = "R-ESRGAN 4x+"
#: what a model has to say, and A1111 when it went wrong
CAPTIONS = {
    "clip": "a tower on a cliff, by an old master, sharp focus, golden hour",
    "deepdanbooru": "tower, cliff, no humans, sea, cloud",
}
_TYPES = {"prompt": str, "negative_prompt": str, "steps": int, "width": int, "height": int}
_TYPES |= {"batch_size": int, "seed": int}
USER, PASSWORD = "painter", "open-sesame"
_ERRORS = {
    "oom": (500, "OutOfMemoryError", "CUDA out of memory. /home/someone/models"),
    "nan": (500, "NansException", "A tensor with all NaNs was produced in Unet."),
    "422": (422, "RequestValidationError", "prompt: value is not a valid string"),
    "422-ours": (422, "RequestValidationError", "steps: value is not a valid integer"),
    "400": (400, "HTTPException", "something else went wrong"),
    "no-model": (
        500,
        "FileNotFoundError",
        "No checkpoints found. When searching, looked at: /home",
    ),
    "sampler": (400, "HTTPException", "Sampler not found"),
    "no-init-image": (404, "HTTPException", "Init image not found"),
    "502": (502, "BadGateway", ""),
    "bug": (500, "AttributeError", "'NoneType' object has no attribute 'script'"),
}


class Sdapi(Loopback):
    """The routes that the driver uses, with the servers' own oddities."""

    def __init__(
        self, port: int = 0, faults: tuple[str, ...] = (), *, step_s: float = 0.03
    ) -> None:
        super().__init__(port, faults)
        self.step_s = step_s
        #: set by a test to let a ``hang`` go on
        self.go_on = threading.Event()
        #: set while a drawing runs
        self.drawing = threading.Event()
        self.abandoned = threading.Event()
        self.interrupted = False
        self._turn = threading.Lock()
        self._running: dict[str, Any] = {}
        self._waiting: list[str] = []
        self._names = (f"task-{n}" for n in itertools.count())

    @property
    def kind(self) -> str:
        return next((kind for kind in ("sdnext", "sd-server") if kind in self.faults), "a1111")

    def answer(self, asked: Asked) -> Answer:
        if "locked" in self.faults and not _knows_the_password(asked):
            return as_json({"detail": "Not authenticated"}, 401)
        match (asked.method, asked.path):
            case "GET", "/sdapi/v1/sd-models":
                return as_json([{"title": "random.safetensors", "model_name": "random"}])
            case "GET", "/sdapi/v1/progress" if self.kind != "sd-server":
                return self._progress(asked)
            case "POST", "/internal/progress" if self.kind != "sd-server":
                if "guarded-page" in self.faults:
                    return as_json({"detail": "Forbidden"}, 403)
                return self._task_progress(asked.json)
            case "GET", "/internal/pending-tasks" if self.kind == "a1111":
                return as_json({"size": len(self._waiting), "tasks": list(self._waiting)})
            case "POST", "/sdapi/v1/interrupt" if self.kind != "sd-server":
                self.interrupted = True
                return Answer(status=204) if self.kind == "sdnext" else as_json({})
            case "GET", "/sdapi/v1/upscalers" if self.kind != "sd-server":
                return as_json([{"name": "None"}, {"name": UPSCALER}])
            case "POST", "/sdapi/v1/extra-single-image" if self.kind != "sd-server":
                return _enlarged(asked.json)
            case "GET", "/sdapi/v1/interrogate" if self.kind == "sdnext":
                return as_json(["clip", "deepdanbooru"])
            case "GET", "/sdapi/v1/interrogate" if self.kind == "a1111":
                return as_json({"detail": "Method Not Allowed"}, 405)
            case "POST", "/sdapi/v1/interrogate" if self.kind != "sd-server":
                return _described(asked.json, self.faults)
            case "POST", "/sdapi/v1/txt2img" | "/sdapi/v1/img2img":
                wrong = _wrong(asked)
                return wrong or self._draw(asked)
        return as_json({"detail": "Not Found"}, 404)

    def _draw(self, asked: Asked) -> Answer:
        body = asked.json
        for fault in self.faults & set(_ERRORS):
            return _error(*_ERRORS[fault])
        if "oom-batch" in self.faults and body["batch_size"] > 1:
            return _error(*_ERRORS["oom"])
        task = body.get("force_task_id") or next(self._names)
        self._waiting.append(task)
        with self._turn:
            self._waiting.remove(task)
            self.interrupted = False
            self._running = {"task": task, "step": 0, "body": body}
            self.drawing.set()
            try:
                return self._run(asked, body)
            finally:
                self._running = {}
                self.drawing.clear()

    def _run(self, asked: Asked, body: dict[str, Any]) -> Answer:
        for step in range(STEPS):
            if not self.pause(self.step_s, asked):
                self.abandoned.set()
                raise Dropped
            self._running["step"] = step + 1
            while "hang" in self.faults and not self.go_on.is_set():
                if not self.pause(0.02, asked):
                    self.abandoned.set()
                    raise Dropped
            if "drop" in self.faults:
                raise Dropped
            if self.interrupted:
                break
        if "interrupted" in self.faults:
            self.interrupted = True
        return as_json(self._made(body))

    def _made(self, body: dict[str, Any]) -> dict[str, Any]:
        # In eighths, as latents are.
        width, height = body["width"] // 8 * 8, body["height"] // 8 * 8
        if "size-drift" in self.faults:
            width, height = width + 24, height + 64
        seeds = _seeds(body)
        self.drawn += [(width, height)] * len(seeds)
        images = [
            _painted(body, seed, body.get("subseed", 0) + place, (width, height))
            for place, seed in enumerate(seeds)
        ]
        if "no-images" in self.faults:
            images = []
        if "short" in self.faults:
            images.pop()
        if "broken" in self.faults:
            images[-1] = b"not a picture"
        info: dict[str, Any] = {"seed": seeds[0], "all_seeds": seeds, "index_of_first_image": 0}
        if "grid-first" in self.faults:
            images.insert(0, picture(2 * width, 2 * height, "the grid"))
            info["index_of_first_image"] = 1
        text = "" if self.kind == "sd-server" or "info-empty" in self.faults else json.dumps(info)
        encoded = [base64.b64encode(image).decode() for image in images]
        return {"images": encoded, "parameters": {}, "info": text}

    def _progress(self, asked: Asked) -> Answer:
        if "dropped-progress" in self.faults and self._running:
            raise Dropped
        running = self._running
        foreign = "foreign" in self.faults
        step = STEPS if foreign else running.get("step", 0)
        told: dict[str, Any] = {
            "progress": step / (STEPS + 1),
            "eta_relative": 1.0,
            "state": {"job_count": int(bool(running)), "interrupted": self.interrupted},
            "current_image": None,
            "textinfo": None,
        }
        if self.kind == "a1111":
            told["current_task"] = "somebody-else" if foreign else running.get("task")
        if asked.query.get("skip_current_image") != "true" and (running or foreign):
            told["current_image"] = self._preview(step)
        return as_json(told)

    def _task_progress(self, body: dict[str, Any]) -> Answer:
        if "dropped-progress" in self.faults and self._running:
            raise Dropped
        task, running = body["id_task"], self._running
        active = bool(running) and running["task"] == task
        told: dict[str, Any] = {
            "active": active,
            "queued": task in self._waiting,
            "completed": False,
            "id_live_preview": -1,
            "textinfo": "Waiting...",
        }
        if self.kind == "sdnext":
            # Its page names tasks, its API does not.
            return as_json(told | {"active": False, "queued": False, "debug": False, "step": 3})
        if active:
            step = running["step"]
            told |= {"progress": step / (STEPS + 1), "id_live_preview": step}
            if step and step != body["id_live_preview"] and "no-previews" not in self.faults:
                told["live_preview"] = "data:image/jpeg;base64," + self._preview(step)
        return as_json(told)

    def _preview(self, step: int) -> str:
        return base64.b64encode(picture(64, 96, f"step {step}", "JPEG")).decode()


def _wrong(asked: Asked) -> Answer | None:
    """What these servers refuse before they draw."""
    body = asked.json
    bad = [name for name, kind in _TYPES.items() if name in body and type(body[name]) is not kind]
    if bad:
        return as_json({"detail": [{"loc": ["body", bad[0]], "msg": "wrong type"}]}, 422)
    if asked.path.endswith("img2img"):
        if not body.get("init_images"):
            return _error(404, "HTTPException", "Init image not found")
        try:
            for text in (*body["init_images"], *filter(None, [body.get("mask")])):
                _opened(text)
        except OSError:
            return _error(500, "HTTPException", "Invalid encoded image")
    return None


def _painted(body: dict[str, Any], seed: int, subseed: int, size: tuple[int, int]) -> bytes:
    """A picture that follows from all that a real one follows from."""
    negative = body["negative_prompt"] if body["cfg_scale"] > 1 else ""
    model = body.get("override_settings", {}).get("sd_model_checkpoint", "")
    varied = (subseed, body["subseed_strength"]) if body.get("subseed_strength") else ""
    tiled = "tiled" if body.get("tiling") else ""
    asked = body["prompt"], negative, model, body["steps"], body["cfg_scale"]
    label = " ".join(map(str, [*asked, tiled, seed, varied]))
    drawn = Image.open(io.BytesIO(picture(*size, label))).convert("RGB")
    if starts := body.get("init_images"):
        start = _opened(starts[0]).resize(size)
        drawn = Image.blend(start, drawn, body["denoising_strength"])
        if body.get("mask"):
            mask = _opened(body["mask"]).convert("L").resize(size)
            mask = ImageOps.invert(mask) if body.get("inpainting_mask_invert") else mask
            drawn = Image.composite(drawn, start, mask)
    return _png(drawn)


def _enlarged(body: dict[str, Any]) -> Answer:
    if body["upscaler_1"] not in ("None", UPSCALER):
        return _error(500, "AssertionError", f"could not find upscaler named {body['upscaler_1']}")
    size = body["upscaling_resize_w"], body["upscaling_resize_h"]
    large = ImageOps.fit(_opened(body["image"]), size)
    return as_json({"html_info": "", "image": base64.b64encode(_png(large)).decode()})


def _described(body: dict[str, Any], faults: set[str]) -> Answer:
    if body.get("model") not in CAPTIONS or "no-" + body["model"] in faults:
        return _error(404, "HTTPException", "Model not found")
    _opened(body["image"])
    return as_json({"caption": CAPTIONS[body["model"]]})


def _opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _seeds(body: dict[str, Any]) -> list[int]:
    """As A1111 does: with a variation strength, one seed for all."""
    varied = body.get("subseed_strength", 0) > 0
    return [body["seed"] + (0 if varied else place) for place in range(body["batch_size"])]


def _knows_the_password(asked: Asked) -> bool:
    given = asked.headers.get("authorization", "").removeprefix("Basic ")
    return given == base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _error(status: int, name: str, detail: str) -> Answer:
    return as_json({"error": name, "detail": detail, "body": "", "errors": detail}, status)


if __name__ == "__main__":
    run_by_hand(Sdapi, __doc__)
