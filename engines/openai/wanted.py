"""Turn a brief into requests for one picture each, as the server takes them; pure.

Source: OpenAI's API reference of images; ``examples/server/api.md`` of stable-diffusion.cpp. These
servers know no chaos, stylize, style or weird, so they are asked for in words (``prompts``).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from engines.openai.manner import OpenAIManner, PicturesAs
from engines.openai.prompts import prompt_of, safe
from engines.openai.sizes import drawn_size, reduced, size_fields
from engines.openai.starting import OpenAIStart, starting_from
from limner.engine import Brief
from limner.ratios import CELL_SIZE_PX

FIDELITY_HIGH_IW = 1.25
#: ways to send pictures that have a route of their own
_TO_EDITS: tuple[PicturesAs, ...] = ("form", "image-objects")


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """One request for one picture: fields, and pictures to start from as PNG."""

    fields: dict[str, Any]
    start: OpenAIStart = field(default_factory=OpenAIStart, repr=False)
    #: the size is the caller's choice, not the operator's
    callers_size: bool = False
    #: where pictures are drawn from words alone
    generations: str = "/images/generations"
    pictures_as: PicturesAs = "form"

    @property
    def path(self) -> str:
        """Where it is sent to."""
        edits = bool(self.start.pictures) and self.pictures_as in _TO_EDITS
        return "/images/edits" if edits else self.generations

    @property
    def prompt(self) -> str:
        """The words that are sent: a server may quote them."""
        return str(self.fields["prompt"])

    def arguments(self) -> dict[str, Any]:
        """Return what ``requests`` needs to send it: JSON, or multipart for pictures in a form."""
        if not self.start.pictures:
            return {"json": self.fields}
        if self.pictures_as != "form":
            return {"json": self.fields | _in_json(self.start.data_urls(), self.pictures_as)}
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


def _in_json(urls: list[str], how: PicturesAs) -> dict[str, Any]:
    """Return the fields of pictures, given as data URLs."""
    match how:
        case "image":
            return {"image": urls[0] if len(urls) == 1 else urls}
        case "image_url":
            return {"image_url": urls[0]}
        case "images-numbered":
            return {
                f"image{number if number > 1 else ''}": url for number, url in enumerate(urls, 1)
            }
        case "image-objects":
            objects = [{"url": url, "type": "image_url"} for url in urls]
            return {"image": objects[0]} if len(objects) == 1 else {"images": objects}
        case _:
            references = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
            return {"input_references": references}


def wanted(brief: Brief, manner: OpenAIManner, seeds: str) -> list[PictureRequest]:
    """Return a request per seed; ``seeds`` is how this server takes a seed: none, field, sd-server.

    Raises:
        Rejected: a picture to start from cannot be read.
    """
    start = starting_from(brief, manner, drawn_size(brief, manner))
    model = brief.model or manner.model
    if start.pictures:
        model = manner.edit_model or model
    common: dict[str, Any] = {**manner.extra, "model": model}
    if manner.send_n:
        common["n"] = 1
    if manner.edit_size or not start.pictures:
        common |= size_fields(brief, manner)
    for name in ("moderation", "output_format", "response_format"):
        if getattr(manner, name):
            common[name] = getattr(manner, name)
    if quality := _quality(brief, manner):
        common["quality"] = quality
    if manner.partial_images:
        common |= {"stream": True, "partial_images": manner.partial_images}
    elif manner.stream:
        common["stream"] = True
    if manner.negative_field and brief.negative:
        common["negative_prompt"] = safe(brief.negative)
    if start.pictures and manner.input_fidelity and (brief.iw or 0) >= FIDELITY_HIGH_IW:
        common["input_fidelity"] = "high"
    callers = not manner.sizes and (brief.width, brief.height) not in CELL_SIZE_PX.values()
    return [
        PictureRequest(
            {**common, **_own(brief, manner, cell, seeds, start)},
            start,
            callers,
            manner.path,
            manner.pictures_as,
        )
        for cell in range(len(brief.seeds))
    ]


def _own(
    brief: Brief, manner: OpenAIManner, cell: int, seeds: str, start: OpenAIStart
) -> dict[str, Any]:
    """Return what differs from cell to cell."""
    apart = manner.negative_field or seeds == "sd-server"
    words = start.words
    if manner.size_as == "none":
        ratio = "in the format {}:{}".format(*reduced(brief.width, brief.height))
        words = f"{words}, {ratio}" if words else ratio
    prompt = prompt_of(brief, manner.suffix, cell, words, negative_apart=apart)
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
