"""What the drawing process is asked for, as JSON: a drawing, or the description of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

_LISTS = ("prompts", "drawn_px", "seeds", "starts", "adapted")


@dataclass(frozen=True, slots=True)
class PipelineOrder:
    """One drawing, as the drawing process sees it; paths, never pictures."""

    model: str
    #: one per cell
    prompts: tuple[str, ...]
    #: "": none is said; " " is said, and empty
    negative: str
    width: int
    height: int
    #: the size that the pipeline draws at, before resizing
    drawn_px: tuple[int, int]
    #: one per cell
    seeds: tuple[int, ...]
    steps: int
    #: what else the pipeline is called with; names that it does not take are left out
    options: Mapping[str, float | bool] = field(default_factory=dict)
    #: its latents are shown
    previews: bool = True
    #: nothing of what is drawn is cut
    whole: bool = True
    tile: bool = False
    #: the picture to start from; several are blended
    starts: tuple[str, ...] = ()
    #: it is looked at beside the words, and not started from
    beside: bool = False
    #: how far to depart from it, above 0 to 1
    strength: float = 1.0
    #: a picture that is white where to draw; "": everywhere
    mask: str = ""
    #: the white part of what it starts from is empty, and takes on the colours around it
    extends: bool = False
    #: pictures for the image adapter, and its weight
    adapted: tuple[str, ...] = ()
    adapter_scale: float = 0.0
    #: take over their style only
    style_only: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        return cls(**(values | {name: tuple(values[name]) for name in _LISTS}))


@dataclass(frozen=True, slots=True)
class CaptionOrder:
    """One picture to describe in four prompts."""

    model: str
    described: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON types; no other order has the key ``described``."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` wrote."""
        return cls(**values)
