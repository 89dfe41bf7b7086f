"""The order that a painting process works from: a brief's content as plain JSON.

``engine.py`` makes it, ``child.py`` and ``sheet.py`` hand it to the painter. It holds paths, never
pictures, and no job id: the same order always gives the same picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from limner.engine import Box, Brief, Operation

DEFAULT_STYLIZE = 100.0
DEFAULT_IMAGE_WEIGHT = 1.0
DEFAULT_STYLE_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Order:
    """One drawing, of as many cells as there are seeds, as the painter sees it."""

    prompt: str
    width: int = 512
    height: int = 512
    seeds: tuple[int, ...] = (0, 1, 2, 3)
    negative: str = ""
    #: 0-100: how much the four cells differ
    chaos: float = 0.0
    #: 0-1000: how much of its own taste the painter adds
    stylize: float = DEFAULT_STYLIZE
    style: str = ""
    niji: bool = False
    tile: bool = False
    references: tuple[str, ...] = ()
    #: 0-2: the weight of the references
    image_weight: float = DEFAULT_IMAGE_WEIGHT
    #: the picture a variation starts from, or ""
    parent: str = ""
    #: 0-1: how much a variation differs from its parent
    parent_strength: float = 0.5
    operation: Operation = "draw"
    #: of an upscale and an edit: the seed that the parent was drawn from, if it is known
    parent_seed: int | None = None
    #: of an upscale: whether it adds detail of its own
    creative: bool = False
    #: of an edit: the picture to complete, where to paint, and the box of the parent's picture in it
    canvas: str = ""
    mask: str = ""
    kept: Box | None = None
    #: how much work goes into the picture; 1 is the usual amount
    quality: float = 1.0
    #: 0-3000: how far it strays from what is usual
    weird: float = 0.0
    draft: bool = False
    style_references: tuple[str, ...] = ()
    #: 0-1000
    style_weight: float = DEFAULT_STYLE_WEIGHT

    @classmethod
    def of(cls, brief: Brief) -> Self:
        """Return the order for a brief; an absent parameter gets its default."""
        # A redraw has a parent without a picture: new seeds are all it needs.
        picture = brief.parent.picture if brief.parent else None
        return cls(
            prompt=brief.prompt,
            width=brief.width,
            height=brief.height,
            seeds=brief.seeds,
            negative=brief.negative,
            chaos=brief.chaos or 0.0,
            stylize=DEFAULT_STYLIZE if brief.stylize is None else brief.stylize,
            style=brief.style,
            niji=brief.niji,
            tile=brief.tile,
            references=tuple(str(path) for path in brief.references),
            image_weight=DEFAULT_IMAGE_WEIGHT if brief.iw is None else brief.iw,
            parent=str(picture) if picture else "",
            parent_strength=brief.parent.strength if brief.parent and picture else 0.5,
            operation=brief.operation,
            parent_seed=brief.parent.seed if brief.parent else None,
            creative=brief.upscale == "creative",
            canvas=str(brief.edit.canvas) if brief.edit else "",
            mask=str(brief.edit.mask) if brief.edit else "",
            kept=brief.edit.kept if brief.edit else None,
            quality=1.0 if brief.quality is None else brief.quality,
            weird=brief.weird or 0.0,
            draft=brief.draft,
            style_references=tuple(str(path) for path in brief.style_references),
            style_weight=DEFAULT_STYLE_WEIGHT if brief.style_weight is None else brief.style_weight,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        lists = {
            name: tuple(values[name])
            for name in ("seeds", "references", "style_references", "kept")
            if values[name] is not None
        }
        return cls(**(values | lists))
