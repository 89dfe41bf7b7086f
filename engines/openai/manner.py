"""The operator's options for an openai engine, as ``build`` reads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenAIManner:
    """The operator's options for this server."""

    model: str
    #: empty: any size
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
    #: concurrent requests
    at_once: int = 4
    #: a request is given up after this long without a byte
    silent_s: float = 300.0
