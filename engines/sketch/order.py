"""The order that a painting process works from: a brief's content as plain JSON.

``engine.py`` makes it, ``child.py`` and ``sheet.py`` hand it to the painter. It holds paths, never
pictures, and no job id: the same order always gives the same picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from limner.engine import Brief

DEFAULT_STYLIZE = 100.0
DEFAULT_IMAGE_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """One drawing of four cells, as the painter sees it."""

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
        )

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        lists = {name: tuple(values[name]) for name in ("seeds", "references")}
        return cls(**(values | lists))
