"""Draws one order with a loaded pipeline: its cells, previews meanwhile, an early end when told.

Used by ``painter``, in the drawing process only: it imports torch. Source: diffusers 0.42.1, run.
Measured there: raising in the callback leaves the pipeline usable, while its ``_interrupt`` still
decodes; a cell drawn alone with its own generator equals the same cell in a batch, to 1 in 255.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from PIL import Image, ImageOps

from engines.diffusers.colours import flat, measured
from engines.diffusers.latents import SD, SDXL, SDXL_BELOW, Colours, preview
from engines.diffusers.order import PipelineOrder
from engines.diffusers.pipelines import PainterError
from engines.diffusers.steps import Stepped, counted_steps, heard_parts
from engines.remote.starting import blended, filled, fitted
from limner.errors import Rejected
from limner.pictures.editing import encode_png

#: about how many previews a drawing shows, however many steps it takes
PREVIEWS = 8
#: SanaSprint's own
SPRINT_STEPS = 2
#: how often a drawing without a step tells that it goes on
ALIVE_S = 1.0
#: the steps' share of a batch's progress; the rest is decoding
STEPS_SHARE = 0.94
#: what an image adapter's encoder makes of any picture anyway
ADAPTER_PX = (224, 224)


#: by decoder, what latents look like
_MEASURED: WeakKeyDictionary[Any, Colours] = WeakKeyDictionary()


class Tell(Protocol):
    """Sends news to the parent process."""

    def __call__(self, event: str, *parts: bytes, **more: Any) -> None: ...


class Stopped(PainterError):
    """Told to end early."""

    kind = "stopped"


class Unreadable(PainterError):
    """A picture to start from cannot be read."""

    kind = "reference"


class Flagged(PainterError):
    """The pipeline's safety checker blacked out a picture."""

    kind = "moderated"


class ModelRun:
    """One order being drawn by a pipeline."""

    def __init__(
        self, pipeline: Any, order: PipelineOrder, tell: Tell, ends: Callable[[], bool]
    ) -> None:
        self.order = order
        self._pipeline = pipeline
        self._tell = tell
        self._ends = ends
        self._told_s = 0.0
        self._takes = set(inspect.signature(pipeline.__call__).parameters)
        try:
            self._pictures = _pictures_of(order)
            self._adapted = [fitted(Path(path), ADAPTER_PX) for path in order.adapted]
        except Rejected as error:
            raise Unreadable("a picture to start from cannot be read") from error

    def draw(self, cells: Sequence[int]) -> list[bytes]:
        """Draw some cells as one batch.

        Raises:
            PainterError: told to end, or a picture is refused.
        """
        wanted = self._wanted(cells)
        with counted_steps(self._stepping(cells)), heard_parts(self._pipeline, self._hear):
            result = self._pipeline(**{k: v for k, v in wanted.items() if k in self._takes})
        check(self._ends)
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise Flagged("the pipeline's safety checker flagged a picture")
        return [self._finished(picture) for picture in result.images]

    def _wanted(self, cells: Sequence[int]) -> dict[str, Any]:
        """Return all that a pipeline of any kind could take; what is not said is not in it."""
        order = self.order
        width, height = order.drawn_px
        wanted: dict[str, Any] = dict(order.options) | {
            "prompt": [order.prompts[cell] for cell in cells],
            "width": width,
            "height": height,
            # Kinds that edit draw at a size of their own without it.
            "max_area": width * height,
            "num_inference_steps": order.steps,
            # On the CPU, so that a seed gives the same picture on every device.
            "generator": [torch.Generator("cpu").manual_seed(order.seeds[cell]) for cell in cells],
            "output_type": "pil",
        }
        if order.steps != SPRINT_STEPS:
            # A point between two steps, which a kind of two steps has by default.
            wanted["intermediate_timesteps"] = None
        if order.negative:
            wanted["negative_prompt"] = [order.negative] * len(cells)
        if order.beside:
            wanted |= self._pictures
        elif self._pictures:
            # One for each cell: a pipeline that gets a single one encodes it with the first cell's generator, and
            # the other cells would differ from the same ones drawn alone.
            wanted |= {name: [picture] * len(cells) for name, picture in self._pictures.items()}
            wanted["strength"] = order.strength
        if order.adapted:
            wanted["ip_adapter_image"] = [self._adapted]
        if order.previews and "callback_on_step_end" in self._takes:
            wanted["callback_on_step_end"] = self._shown_after_steps(cells)
        elif order.previews and "callback" in self._takes:
            shown = self._shown_after_steps(cells)
            wanted["callback"] = lambda step, time, latents: shown(
                self._pipeline, step, time, {"latents": latents}
            )
        return wanted

    def _hear(self) -> None:
        """Pass on that the pipeline works, between its steps, too; or end it."""
        check(self._ends)
        now = time.monotonic()
        if now - self._told_s > ALIVE_S:
            self._told_s = now
            self._tell("works")

    def _stepping(self, cells: Sequence[int]) -> Stepped:
        def stepped(done: int, steps: int) -> None:
            check(self._ends)
            share = done / max(1, steps) * STEPS_SHARE
            if len(cells) == 1:
                share = (cells[0] + share) / len(self.order.seeds)
            self._tell("step", done=share)

        return stepped

    def _shown_after_steps(self, cells: Sequence[int]) -> Callable[..., dict[str, Any]]:
        order = self.order
        planned = max(1, math.floor(order.steps * order.strength))

        def shown(pipeline: Any, step: int, _time: Any, kept: dict[str, Any]) -> dict[str, Any]:
            # The scheduler's actual number: some take two steps for one.
            steps = max(1, getattr(pipeline, "num_timesteps", None) or planned)
            every = max(1, math.ceil(steps / PREVIEWS))
            # The last step needs no preview: the picture itself is next.
            if step % every == 0 and (step + 1 < steps or steps == 1):
                cell = cells[0] if len(cells) == 1 else None
                self._tell("preview", self._preview(pipeline, kept["latents"]), cell=cell)
            return kept

        return shown

    def _preview(self, pipeline: Any, latents: Any) -> bytes:
        width, height = self.order.drawn_px
        values = flat(pipeline, latents, width, height)
        return preview(values, self._colours_of(pipeline), self.order.width, self.order.height)

    def _colours_of(self, pipeline: Any) -> Colours:
        if "unet" in pipeline.components:
            return SDXL if pipeline.vae.config.scaling_factor < SDXL_BELOW else SD
        if pipeline.vae not in _MEASURED:
            _MEASURED[pipeline.vae] = measured(pipeline)
        return _MEASURED[pipeline.vae]

    def _finished(self, picture: Image.Image) -> bytes:
        size = (self.order.width, self.order.height)
        picture = picture.convert("RGB")
        if picture.size != size:
            resize = _resized_tile if self.order.tile else ImageOps.fit
            picture = resize(picture, size)
        return encode_png(picture).data


def _pictures_of(order: PipelineOrder) -> dict[str, Image.Image]:
    """Return the pictures that the pipeline starts from, by the names of its arguments."""
    if not order.starts:
        return {}
    start = blended([Path(path) for path in order.starts], order.drawn_px)
    if not order.mask:
        return {"image": start}
    mask = fitted(Path(order.mask), order.drawn_px).convert("L")
    return {"image": filled(start, mask) if order.extends else start, "mask_image": mask}


def _resized_tile(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize a tile so that it still tiles: its edges are computed from the opposite edges."""
    width, height = picture.size
    nine = Image.new("RGB", (width * 3, height * 3))
    for x, y in _ninths():
        nine.paste(picture, (x * width, y * height))
    large = nine.resize((size[0] * 3, size[1] * 3), Image.Resampling.LANCZOS)
    return large.crop((size[0], size[1], size[0] * 2, size[1] * 2))


def _ninths() -> Iterator[tuple[int, int]]:
    return ((x, y) for y in range(3) for x in range(3))


def check(ends: Callable[[], bool]) -> None:
    if ends():
        raise Stopped("told to end")
