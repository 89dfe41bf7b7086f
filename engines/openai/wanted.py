"""Turn a brief into requests for one picture each, to ``/images/generations`` or ``/images/edits``; pure.

Source: OpenAI's API reference of images; ``examples/server/api.md`` of stable-diffusion.cpp. These
servers know no chaos, stylize, style or weird, so they are asked for in words (``prompts``).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from engines.openai.manner import OpenAIManner
from engines.openai.prompts import prompt_of, safe
from engines.openai.sizes import drawn_size
from engines.openai.starting import OpenAIStart, starting_from
from limner.engine import Brief
from limner.ratios import CELL_SIZE_PX

FIDELITY_HIGH_IW = 1.25


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One request for one picture: fields, and pictures to start from as PNG."""

    fields: dict[str, Any]
    start: OpenAIStart = field(default_factory=OpenAIStart, repr=False)
    #: the size is the caller's choice, not the operator's
    callers_size: bool = False

    @property
    def path(self) -> str:
        return "/images/edits" if self.start.pictures else "/images/generations"

    @property
    def prompt(self) -> str:
        """The words that are sent: a server may quote them."""
        return str(self.fields["prompt"])

    def arguments(self) -> dict[str, Any]:
        """Return what ``requests`` needs to send it: JSON, or multipart if there are pictures."""
        if not self.start.pictures:
            return {"json": self.fields}
        # Multipart fields are text.
        data = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self.fields.items()
        }
        files = [
            ("image[]", (f"reference-{number}.png", picture, "image/png"))
            for number, picture in enumerate(self.start.pictures, start=1)
        ]
        if self.start.mask:
            files.append(("mask", ("mask.png", self.start.mask, "image/png")))
        return {"data": data, "files": files}


def wanted(brief: Brief, manner: OpenAIManner, seeds: str) -> list[PictureRequest]:
    """Return a request per seed; ``seeds`` is how this server takes a seed: none, field, sd-server.

    Raises:
        Rejected: a picture to start from cannot be read.
    """
    width, height = drawn_size(brief, manner)
    common: dict[str, Any] = {
        "model": brief.model or manner.model,
        "n": 1,
        "size": f"{width}x{height}",
    }
    for name in ("moderation", "output_format", "response_format"):
        if getattr(manner, name):
            common[name] = getattr(manner, name)
    if quality := _quality(brief, manner):
        common["quality"] = quality
    if manner.partial_images:
        common |= {"stream": True, "partial_images": manner.partial_images}
    start = starting_from(brief, manner, (width, height))
    if start.pictures and manner.input_fidelity and (brief.iw or 0) >= FIDELITY_HIGH_IW:
        common["input_fidelity"] = "high"
    callers = not manner.sizes and (brief.width, brief.height) not in CELL_SIZE_PX.values()
    return [
        PictureRequest({**common, **_own(brief, manner, cell, seeds, start)}, start, callers)
        for cell in range(len(brief.seeds))
    ]


def _own(
    brief: Brief, manner: OpenAIManner, cell: int, seeds: str, start: OpenAIStart
) -> dict[str, Any]:
    """Return what differs from cell to cell."""
    prompt = prompt_of(brief, manner.suffix, cell, start.words, negative_apart=seeds == "sd-server")
    if seeds == "field":
        return {"prompt": prompt, "seed": brief.seeds[cell]}
    if seeds == "sd-server":
        # Its default seed is fixed, so four plain requests would return the same picture four times.
        extra: dict[str, Any] = {"seed": brief.seeds[cell]}
        if brief.negative:
            extra["negative_prompt"] = safe(brief.negative)
        prompt += f" <sd_cpp_extra_args>{json.dumps(extra)}</sd_cpp_extra_args>"
    return {"prompt": prompt}


def _quality(brief: Brief, manner: OpenAIManner) -> str | None:
    """Return the word for the quality that was asked for; the operator's own, if none was."""
    words = manner.qualities
    if words and brief.draft:
        return words[0]
    if not words or brief.quality is None or brief.quality == 1:
        return manner.quality
    # From a quarter to four times the usual effort: the first word to the last.
    share = (math.log2(brief.quality) + 2) / 4
    return words[round(share * (len(words) - 1))]
