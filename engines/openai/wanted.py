"""Turn a brief into requests for one picture each, to ``/images/generations`` or ``/images/edits``; pure.

Source: OpenAI's API reference of images; ``examples/server/api.md`` of stable-diffusion.cpp. These
servers know no chaos, stylize or style, so they are asked for in words, cell by cell.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.remote.cells import to_png
from limner.engine import Brief

#: sd-server parses parameters in the prompt between such tags: callers must not set them
_EXTRA_ARGS = re.compile(r"</?\s*sd_cpp_extra_args\s*>", re.IGNORECASE)
#: the most that ``/images/edits`` accepts
REFERENCES_MAX = 16
FIDELITY_HIGH_IW = 1.25
_SIDE_STEP_PX = 16
_SPREAD = (
    # chaos above · one phrase per cell
    (75, ("seen from above", "as a tight close-up", "abstracted into shapes", "at another time")),
    (40, ("in a wide view", "from a low angle", "in unusual light", "off centre")),
    (10, ("in a calm composition", "slightly closer", "slightly wider", "in softer light")),
)
_STYLISED = (
    # stylize above · words
    (600, "highly stylised, painterly, with a striking composition"),
    (250, "with artistic flair"),
    (50, ""),
    (-1, "plain and literal"),
)
_STYLE_WORDS = {
    "raw": "without added stylisation",
    "cute": "cute and charming",
    "expressive": "expressive and vivid",
    "scenic": "with a scenic, detailed background",
}


@dataclass(frozen=True, slots=True)
class OpenAIManner:
    """The operator's options for this server."""

    model: str
    #: empty: any size
    sizes: tuple[tuple[int, int], ...] = ()
    #: if any size is possible, how many times larger than the cell to draw
    scale: float = 2.0
    quality: str | None = None
    moderation: str | None = None
    output_format: str | None = None
    response_format: str | None = None
    partial_images: int = 0
    input_fidelity: bool = False
    edits: bool = True
    #: whether the model must be in the server's list of models
    listed: bool = True
    suffix: str = ""
    #: concurrent requests
    at_once: int = 4
    #: a request is given up after this long without a byte
    silent_s: float = 300.0


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One request for one picture: fields, and pictures to start from as PNG."""

    fields: dict[str, Any]
    pictures: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def path(self) -> str:
        return "/images/edits" if self.pictures else "/images/generations"

    def arguments(self) -> dict[str, Any]:
        """Return what ``requests`` needs to send it: JSON, or multipart if there are pictures."""
        if not self.pictures:
            return {"json": self.fields}
        # Multipart fields are text.
        data = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self.fields.items()
        }
        files = [
            ("image[]", (f"reference-{number}.png", picture, "image/png"))
            for number, picture in enumerate(self.pictures, start=1)
        ]
        return {"data": data, "files": files}


def wanted(brief: Brief, manner: OpenAIManner, seeds: str) -> list[PictureRequest]:
    """Return the four requests; ``seeds`` is how this server takes a seed: none, field, sd-server."""
    width, height = drawn_size(brief, manner)
    common: dict[str, Any] = {"model": manner.model, "n": 1, "size": f"{width}x{height}"}
    for name in ("quality", "moderation", "output_format", "response_format"):
        if getattr(manner, name):
            common[name] = getattr(manner, name)
    if manner.partial_images:
        common |= {"stream": True, "partial_images": manner.partial_images}
    pictures = _pictures(brief, manner)
    if pictures and manner.input_fidelity and (brief.iw or 0) >= FIDELITY_HIGH_IW:
        common["input_fidelity"] = "high"
    return [_one(brief, manner, cell, seeds, common, pictures) for cell in range(4)]


def drawn_size(brief: Brief, manner: OpenAIManner) -> tuple[int, int]:
    """Return the size to request: in the cell's ratio, or the offered size that is nearest to it."""
    if not manner.sizes:
        return _side(brief.width * manner.scale), _side(brief.height * manner.scale)
    ratio = math.log(brief.width / brief.height)
    return min(manner.sizes, key=lambda size: abs(math.log(size[0] / size[1]) - ratio))


def _one(
    brief: Brief,
    manner: OpenAIManner,
    cell: int,
    seeds: str,
    common: dict[str, Any],
    pictures: tuple[bytes, ...],
) -> PictureRequest:
    prompt = _prompt(brief, manner, cell, negative_apart=seeds == "sd-server")
    own: dict[str, Any] = {}
    if seeds == "field":
        own["seed"] = brief.seeds[cell]
    elif seeds == "sd-server":
        # Its default seed is fixed, so four plain requests would return the same picture four times.
        extra: dict[str, Any] = {"seed": brief.seeds[cell]}
        if brief.negative:
            extra["negative_prompt"] = _safe(brief.negative)
        prompt += f" <sd_cpp_extra_args>{json.dumps(extra)}</sd_cpp_extra_args>"
    return PictureRequest({**common, "prompt": prompt, **own}, pictures)


def _prompt(brief: Brief, manner: OpenAIManner, cell: int, *, negative_apart: bool) -> str:
    words = [_safe(brief.prompt)]
    if brief.niji:
        words.append("anime illustration")
    words.append(_STYLE_WORDS.get(brief.style, ""))
    if brief.stylize is not None:
        words.append(next(text for least, text in _STYLISED if brief.stylize > least))
    if brief.chaos is not None:
        words.append(next((text[cell] for least, text in _SPREAD if brief.chaos > least), ""))
    if brief.style != "raw":
        words.append(manner.suffix)
    if brief.parent and brief.parent.picture:
        words.append("a variation of the given picture")
    text = ", ".join(word for word in words if word.strip())
    if brief.negative and not negative_apart:
        text += f". Without: {_safe(brief.negative)}."
    return text


def _pictures(brief: Brief, manner: OpenAIManner) -> tuple[bytes, ...]:
    if not manner.edits:
        return ()
    if brief.parent and brief.parent.picture:
        return (to_png(brief.parent.picture, brief.width, brief.height),)
    return tuple(Path(path).read_bytes() for path in brief.references[:REFERENCES_MAX])


def _side(pixels: float) -> int:
    return max(_SIDE_STEP_PX, round(pixels / _SIDE_STEP_PX) * _SIDE_STEP_PX)


def _safe(text: str) -> str:
    return _EXTRA_ARGS.sub(" ", text)
