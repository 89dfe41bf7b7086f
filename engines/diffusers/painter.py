"""Draws an order with its pipeline: all cells at once, or one by one where they do not fit into memory.

Used by ``child``, in the drawing process only: it imports torch.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engines.diffusers.adapter import adapting
from engines.diffusers.captioner import Captioner
from engines.diffusers.config import PipelineConfig
from engines.diffusers.drawing import ModelRun, Tell, check
from engines.diffusers.library import Kind
from engines.diffusers.order import CaptionOrder, PipelineOrder
from engines.diffusers.pipelines import (
    NoMemory,
    Pipelines,
    decoding_in_parts,
    is_out_of_memory,
    wrapping_around,
)

#: from this size on, the decoder's memory would exceed the rest's
LARGE_PX = 1280 * 1280


class Painter:
    """Draws orders, one at a time."""

    def __init__(self, config: PipelineConfig) -> None:
        self._config = config
        self._pipelines = Pipelines(config)
        #: pixels, over all cells, of the smallest batch that did not fit into memory
        self._too_many_px = math.inf

    def draw(self, values: dict[str, Any], tell: Tell, ends: Callable[[], bool]) -> list[bytes]:
        """Draw an order and return its pictures.

        Raises:
            PainterError: it cannot be drawn, or was stopped.
        """
        order = PipelineOrder.from_json(values)
        started = order.starts and not order.beside
        kind: Kind = "mask" if order.mask else "picture" if started else "text"
        pipeline = self._pipelines.get(order.model, kind)
        check(ends)
        with contextlib.ExitStack() as stack:
            if order.adapted:
                stack.enter_context(adapting(pipeline, self._config, order))
            tell("begun")
            if order.tile:
                stack.enter_context(wrapping_around(pipeline))
            elif math.prod(order.drawn_px) >= LARGE_PX:
                stack.enter_context(decoding_in_parts(pipeline))
            return self._draw(ModelRun(pipeline, order, tell, ends))

    def describe(
        self, values: dict[str, Any], tell: Tell, ends: Callable[[], bool]
    ) -> tuple[str, ...]:
        """Return prompts for a picture.

        Raises:
            PainterError: the model or the picture cannot be used.
        """
        order = CaptionOrder.from_json(values)
        device, dtype = self._pipelines.device, self._pipelines.dtype_for(transforms=False)
        captioner: Captioner = self._pipelines.kept(
            order.model, lambda model: Captioner(model, self._config, device, dtype)
        )
        check(ends)
        tell("begun")
        return captioner.prompts(Path(order.described), order.seed)

    def _draw(self, drawing: ModelRun) -> list[bytes]:
        cells = range(len(drawing.order.seeds))
        pixels = math.prod(drawing.order.drawn_px) * len(cells)
        if self._config.batch and len(cells) > 1 and pixels < self._too_many_px:
            pictures = self._attempt(drawing, cells)
            if pictures is not None:
                return pictures
            self._too_many_px = pixels
        return [self._alone(drawing, cell) for cell in cells]

    def _alone(self, drawing: ModelRun, cell: int) -> bytes:
        pictures = self._attempt(drawing, (cell,))
        if pictures is None:
            width, height = drawing.order.drawn_px
            raise NoMemory(f"one picture of {width} x {height} does not fit into memory")
        return pictures[0]

    def _attempt(self, drawing: ModelRun, cells: Sequence[int]) -> list[bytes] | None:
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
