"""Draws one order with a loaded pipeline: four cells, previews meanwhile, an early end when told.

Used by ``child``, in the drawing process only: it imports torch. Source: diffusers 0.42.1, run.
Measured there: raising in the callback leaves the pipeline usable, while its ``_interrupt`` still
decodes; a cell drawn alone with its own generator equals the same cell in a batch, to 1 in 255.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image, ImageOps

from engines.diffusers.config import PipelineConfig
from engines.diffusers.latents import preview
from engines.diffusers.mapping import PipelineOrder
from engines.diffusers.pipelines import (
    NoMemory,
    PainterError,
    Pipelines,
    is_out_of_memory,
    wrapping_around,
)
from limner.pictures.decoding import UnreadablePictureError, open_picture
from limner.pictures.editing import encode_png

#: about how many previews a drawing shows, however many steps it takes
PREVIEWS = 8
#: previews need four channels with known colours
CHANNELS = 4
#: the steps' share of a batch's progress; the rest is decoding
STEPS_SHARE = 0.94
ALL = (0, 1, 2, 3)


class Tell(Protocol):
    """Sends news to the parent process."""

    def __call__(self, event: str, *parts: bytes, **more: Any) -> None: ...


class Stopped(PainterError):
    """Told to end early."""

    kind = "stopped"


class Unreadable(PainterError):
    """The picture to start from cannot be read."""

    kind = "reference"


class Flagged(PainterError):
    """The pipeline's safety checker blacked out a picture."""

    kind = "moderated"


class Painter:
    """Draws orders, one at a time."""

    def __init__(self, config: PipelineConfig) -> None:
        self._batch = config.batch
        self._pipelines = Pipelines(config)
        #: pixels of the smallest batch that did not fit into memory
        self._too_many_px = math.inf

    def draw(self, values: dict[str, Any], tell: Tell, ends: Callable[[], bool]) -> list[bytes]:
        """Draw an order and return its four pictures.

        Raises:
            PainterError: it cannot be drawn, or was stopped.
        """
        order = PipelineOrder.from_json(values)
        pipeline = self._pipelines.get(order.model, starts_from_picture=bool(order.start))
        _check(ends)
        tell("begun")
        drawing = _Drawing(pipeline, order, tell, ends)
        pixels = order.drawn_px[0] * order.drawn_px[1]
        with wrapping_around(pipeline) if order.tile else contextlib.nullcontext():
            if self._batch and pixels < self._too_many_px:
                pictures = self._attempt(drawing, ALL)
                if pictures is not None:
                    return pictures
                self._too_many_px = pixels
            return [self._alone(drawing, cell) for cell in ALL]

    def _alone(self, drawing: _Drawing, cell: int) -> bytes:
        pictures = self._attempt(drawing, (cell,))
        if pictures is None:
            width, height = drawing.order.drawn_px
            raise NoMemory(f"one picture of {width} x {height} does not fit into memory")
        return pictures[0]

    def _attempt(self, drawing: _Drawing, cells: Sequence[int]) -> list[bytes] | None:
        """Draw these cells together, or return None if they do not fit into memory."""
        while True:
            try:
                return drawing.draw(cells)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the handler, whose traceback keeps the tensors alive that filled the memory.
            if not self._pipelines.keep_only(drawing.order.model):
                return None


class _Drawing:
    """One order being drawn."""

    def __init__(
        self, pipeline: Any, order: PipelineOrder, tell: Tell, ends: Callable[[], bool]
    ) -> None:
        self.order = order
        self._pipeline = pipeline
        self._tell = tell
        self._ends = ends
        self._takes = set(inspect.signature(pipeline.__call__).parameters)
        self._start = self._start_picture() if order.start else None

    def draw(self, cells: Sequence[int]) -> list[bytes]:
        """Draw some cells as one batch."""
        order = self.order
        wanted = {
            "prompt": [order.prompts[cell] for cell in cells],
            "negative_prompt": [order.negative] * len(cells) if order.negative else None,
            "width": order.drawn_px[0],
            "height": order.drawn_px[1],
            "num_inference_steps": order.steps,
            "guidance_scale": order.guidance,
            # On the CPU, so that a seed gives the same picture on every device.
            "generator": [torch.Generator("cpu").manual_seed(order.seeds[cell]) for cell in cells],
            "callback_on_step_end": self._after_steps(cells),
            "output_type": "pil",
        }
        if self._start:
            wanted |= {"image": [self._start] * len(cells), "strength": order.strength}
        result = self._pipeline(**{k: v for k, v in wanted.items() if k in self._takes})
        _check(self._ends)
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise Flagged("the pipeline's safety checker flagged a picture")
        return [self._finished(picture) for picture in result.images]

    def _after_steps(self, cells: Sequence[int]) -> Callable[..., dict[str, Any]]:
        order = self.order
        planned = max(1, math.floor(order.steps * order.strength))

        def after_step(
            pipeline: Any, step: int, _time: Any, kept: dict[str, Any]
        ) -> dict[str, Any]:
            _check(self._ends)
            # The scheduler's actual number: some take two steps for one.
            steps = max(1, getattr(pipeline, "num_timesteps", None) or planned)
            done = min(1.0, (step + 1) / steps) * STEPS_SHARE
            done = (cells[0] + done) / 4 if len(cells) == 1 else done
            latents = kept.get("latents")
            every = max(1, math.ceil(steps / PREVIEWS))
            # The last step needs no preview: the picture itself is next.
            if step % every == 0 and (step + 1 < steps or steps == 1) and _has_colours(latents):
                cell = cells[0] if len(cells) == 1 else None
                self._tell("step", self._preview(pipeline, latents), done=done, cell=cell)
            else:
                self._tell("step", done=done)
            return kept

        return after_step

    def _preview(self, pipeline: Any, latents: Any) -> bytes:
        values = latents.detach().float().cpu().numpy()
        scaling = float(pipeline.vae.config.scaling_factor)
        return preview(values, scaling, self.order.width, self.order.height)

    def _start_picture(self) -> Image.Image:
        try:
            picture = open_picture(Path(self.order.start).read_bytes())
        except (OSError, UnreadablePictureError) as error:
            raise Unreadable("the picture to start from cannot be read") from error
        return ImageOps.fit(picture, self.order.drawn_px, Image.Resampling.LANCZOS)

    def _finished(self, picture: Image.Image) -> bytes:
        size = (self.order.width, self.order.height)
        picture = picture.convert("RGB")
        if picture.size != size:
            resize = _resized_tile if self.order.tile else ImageOps.fit
            picture = resize(picture, size)
        return encode_png(picture).data


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


def _has_colours(latents: Any) -> bool:
    return latents is not None and latents.ndim == CHANNELS and latents.shape[1] == CHANNELS


def _check(ends: Callable[[], bool]) -> None:
    if ends():
        raise Stopped("told to end")
