"""The operator's options for an openai engine, as ``build`` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: the field, or fields, that tell the size; ``none``: only words do
SizeAs = Literal["size", "image_size", "width-height", "aspect_ratio", "none"]
SIZE_AS: tuple[SizeAs, ...] = ("size", "image_size", "width-height", "aspect_ratio", "none")
#: how pictures to start from are sent: in a form to ``/images/edits``, or in JSON, by that field
PicturesAs = Literal[
    "form", "image", "image-objects", "image_url", "images-numbered", "input_references"
]
PICTURES_AS: tuple[PicturesAs, ...] = (
    "form",
    "image",
    "image-objects",
    "image_url",
    "images-numbered",
    "input_references",
)


@dataclass(frozen=True, slots=True)
class OpenAIManner:
    """The operator's options for this server."""

    model: str
    #: the model that starts from pictures, if it is another one
    edit_model: str | None = None
    #: where drawings are asked for, and where the server lists its models
    path: str = "/images/generations"
    models_path: str = "/models"
    #: whether ``n`` is sent
    send_n: bool = True
    size_as: SizeAs = "size"
    #: whether the size is sent with pictures, too
    edit_size: bool = True
    pictures_as: PicturesAs = "form"
    #: whether what must not show has a field of its own
    negative_field: bool = False
    #: a stream without previews
    stream: bool = False
    #: more fields, sent as they are
    extra: Mapping[str, Any] = field(default_factory=dict)
    #: in pixels, or as ratios for ``aspect_ratio``; empty: any size
    sizes: tuple[tuple[int, int], ...] = ()
    #: if any size is possible, how many times larger than the cell to draw
    scale: float = 2.0
    #: if any size is possible, the fewest and the most pixels that the model draws
    pixels: tuple[int, int] = (0, 8_294_400)
    #: if any size is possible, the longest side, and how many times the other side at most
    longest_px: int = 3840
    ratio_most: float = 8.0
    quality: str | None = None
    #: words for ``quality``, from the cheapest to the best; empty: the model has no such choice
    qualities: tuple[str, ...] = ()
    moderation: str | None = None
    output_format: str | None = None
    response_format: str | None = None
    partial_images: int = 0
    input_fidelity: bool = False
    edits: bool = True
    #: how many pictures one edit may start from
    pictures_most: int = 16
    #: a model that can look at pictures, for ``describe``
    vision_model: str | None = None
    #: whether the model must be in the server's list of models
    listed: bool = True
    suffix: str = ""
    #: what a dollar is in the operator's currency: hosts tell costs in dollars
    dollar_price: float = 1.0
    #: concurrent requests
    at_once: int = 4
    #: a request is given up after this long without a byte
    silent_s: float = 300.0

    @property
    def masks(self) -> bool:
        """Whether a mask has a place of its own; else it is sent as a picture."""
        return self.pictures_as == "form"
