"""Draws one order with a loaded pipeline: its cells, previews meanwhile, an early end when told.

Used by ``painter``, in the drawing process only: it imports torch. Source: diffusers 0.42.1, run.
Measured there: raising in the callback leaves the pipeline usable, while its ``_interrupt`` still
decodes; a cell drawn alone with its own generator equals the same cell in a batch, to 1 in 255.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image, ImageOps

from engines.diffusers.latents import preview
from engines.diffusers.order import PipelineOrder
from engines.diffusers.pipelines import PainterError
from engines.remote.starting import blended, filled, fitted
from limner.errors import Rejected
from limner.pictures.editing import encode_png

#: about how many previews a drawing shows, however many steps it takes
PREVIEWS = 8
#: previews need four channels with known colours
CHANNELS = 4
#: the steps' share of a batch's progress; the rest is decoding
STEPS_SHARE = 0.94
#: what an image adapter's encoder makes of any picture anyway
ADAPTER_PX = (224, 224)


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
        order = self.order
        # One for each cell: a pipeline that gets a single one encodes it with the first cell's generator, and
        # the other cells would differ from the same ones drawn alone.
        pictures = {name: [picture] * len(cells) for name, picture in self._pictures.items()}
        wanted = pictures | {
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
        if pictures:
            wanted["strength"] = order.strength
        if order.adapted:
            wanted["ip_adapter_image"] = [self._adapted]
        result = self._pipeline(**{k: v for k, v in wanted.items() if k in self._takes})
        check(self._ends)
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise Flagged("the pipeline's safety checker flagged a picture")
        return [self._finished(picture) for picture in result.images]

    def _after_steps(self, cells: Sequence[int]) -> Callable[..., dict[str, Any]]:
        order = self.order
        planned = max(1, math.floor(order.steps * order.strength))

        def after_step(
            pipeline: Any, step: int, _time: Any, kept: dict[str, Any]
        ) -> dict[str, Any]:
            check(self._ends)
            # The scheduler's actual number: some take two steps for one.
            steps = max(1, getattr(pipeline, "num_timesteps", None) or planned)
            done = min(1.0, (step + 1) / steps) * STEPS_SHARE
            done = (cells[0] + done) / len(order.seeds) if len(cells) == 1 else done
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


def _has_colours(latents: Any) -> bool:
    return latents is not None and latents.ndim == CHANNELS and latents.shape[1] == CHANNELS


def check(ends: Callable[[], bool]) -> None:
    if ends():
        raise Stopped("told to end")
