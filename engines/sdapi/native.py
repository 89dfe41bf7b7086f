"""sd-server's own asynchronous face: a drawing is a job of the server, with an id, a place and a result.

Source: ``examples/server/routes_sdcpp.cpp`` and ``async_jobs.cpp`` of stable-diffusion.cpp. A finished job is kept
for 10 minutes, so that another worker can fetch it; one that waits can be cancelled, one that is drawn
cannot. Unknown fields and values are ignored in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engines.remote.cells import from_base64
from engines.remote.session import DRAWING_MAX_BYTES, Answered, Remote
from engines.sdapi.answer import failed
from engines.sdapi.wanted import SdapiRequest
from limner.errors import BadResult, EngineError, JobLost, Refused
from limner.plural import counted

#: the server looks through its folders of LoRAs and upscalers first
_ASK_S = 5.0
_FORGOTTEN = (404, 410)
_TOO_LATE = 409
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SEPARATORS = re.compile(r"[\s_-]|^k_")

State = Literal["queued", "generating", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class NativeLook:
    """One poll of a job: its state, its place in the queue, its pictures or why there are none."""

    state: State
    position: int = 1
    images: tuple[bytes, ...] = ()
    error: EngineError | None = None


class NativeFace:
    """The face of one server; asked for once, and again after ``forget``."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.forget()

    def forget(self) -> None:
        """Ask again next time."""
        self._told: dict[str, Any] | None = None

    def is_there(self) -> bool:
        """Return whether the server has it, and draws pictures with it.

        Raises:
            EngineError: the server does not respond.
        """
        modes = self._ask().get("supported_modes")
        return isinstance(modes, list) and "img_gen" in modes

    def cancels(self) -> bool:
        """Return whether it ends what is being drawn."""
        features = self._ask().get("features_by_mode")
        mode = features.get("img_gen") if isinstance(features, dict) else None
        return isinstance(mode, dict) and mode.get("cancel_generating") is True

    def begin(self, request: SdapiRequest) -> str:
        """Queue a request as a job, and return its id.

        Raises:
            EngineBusy: the queue is full.
            Refused: the server has no such sampler or scheduler, or does not queue it.
        """
        told = self._remote.post_json("/sdcpp/v1/img_gen", self._body(request.body))
        found = told.get("id") if isinstance(told, dict) else None
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise BadResult("The engine's job has no id.")
        return found

    def look(self, job: str, count: int) -> NativeLook:
        """Poll a job of ``count`` pictures.

        Raises:
            JobLost: the server does not know it, or no longer.
            EngineError: the server does not respond.
        """
        try:
            told = self._remote.request(
                "GET", f"/sdcpp/v1/jobs/{job}", read_s=10.0, most_bytes=DRAWING_MAX_BYTES
            ).table()
        except Answered as answered:
            if answered.answer.status in _FORGOTTEN:
                raise JobLost("The engine no longer knows this drawing.") from None
            raise
        match told.get("status"):
            case "queued":
                place = told.get("queue_position")
                return NativeLook("queued", place if isinstance(place, int) and place > 0 else 1)
            case "generating":
                return NativeLook("generating")
            case "completed":
                try:
                    return NativeLook("completed", images=_images(told.get("result"), count))
                except BadResult as broken:
                    return NativeLook("failed", error=broken)
            case "cancelled":
                return NativeLook("failed", error=BadResult("Somebody cancelled the drawing."))
            case "failed":
                error = told.get("error")
                words = error.get("message") if isinstance(error, dict) else error
                return NativeLook("failed", error=failed(str(words or "")))
        raise BadResult("The engine's job has no state.")

    def cancel(self, job: str) -> None:
        """Take a job out of the queue if it still waits."""
        try:
            self._remote.request("POST", f"/sdcpp/v1/jobs/{job}/cancel", json={})
        except Answered as error:
            if error.answer.status not in (*_FORGOTTEN, _TOO_LATE):
                raise

    def _ask(self) -> dict[str, Any]:
        if self._told is None:
            try:
                answer = self._remote.request("GET", "/sdcpp/v1/capabilities", read_s=_ASK_S)
                self._told = answer.table()
            except (Answered, Refused):
                # An older server, or one behind a proxy that knows /sdapi only.
                self._told = {}
        return self._told

    def _body(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same request in this face's words."""
        sample: dict[str, Any] = {
            "sample_steps": asked["steps"],
            "guidance": {"txt_cfg": asked["cfg_scale"]},
        }
        for name, field, known in (
            ("sampler_name", "sample_method", "samplers"),
            ("scheduler", "scheduler", "schedulers"),
        ):
            if name in asked:
                sample[field] = self._known(str(asked[name]), known)
        body: dict[str, Any] = {
            "prompt": asked["prompt"],
            "negative_prompt": asked["negative_prompt"],
            "width": asked["width"],
            "height": asked["height"],
            "seed": asked["seed"],
            "batch_count": asked["batch_size"],
            "sample_params": sample,
            "output_format": "png",
            "embed_image_metadata": False,
        }
        if "init_images" in asked:
            body |= {"init_image": asked["init_images"][0], "strength": asked["denoising_strength"]}
        if "mask" in asked:
            body["mask_image"] = asked["mask"]
        return body

    def _known(self, name: str, listed: str) -> str:
        """Return the server's own spelling of a sampler or scheduler."""
        names = self._ask().get(listed)
        for known in map(str, names) if isinstance(names, list) else ():
            if _plain(known) == _plain(name):
                return known
        raise Refused("setup", f"the server has none of its {listed} called {name!r}")


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _images(result: Any, count: int) -> tuple[bytes, ...]:
    images = result.get("images") if isinstance(result, dict) else None
    listed = [one for one in images if isinstance(one, dict)] if isinstance(images, list) else []
    if len(listed) < count:
        raise BadResult(f"The engine gave {counted(len(listed), 'picture')} instead of {count}.")
    return tuple(from_base64(one.get("b64_json")) for one in listed[:count])
