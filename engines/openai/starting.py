"""The pictures that an edit starts from, its mask, and the words that say what each of them is for.

``/images/edits`` takes up to 16 pictures; its mask is transparent where to draw, and of the first
picture's size. Hosts that have no place for a mask get it as the second picture, and words about it. Models
of this kind take a mask as advice: the worker restores the rest.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageOps

from engines.openai.manner import OpenAIManner
from engines.remote.cells import to_png
from engines.remote.listed import SHOWN_MASK
from engines.remote.wording import numbered
from limner.engine import Brief, Level
from limner.errors import Rejected
from limner.pictures.decoding import UnreadablePictureError, open_picture
from limner.pictures.editing import encode_png
from limner.plural import counted

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class OpenAIStart:
    """What an edit starts from, as PNG; no pictures: nothing."""

    pictures: tuple[bytes, ...] = ()
    mask: bytes | None = None
    words: str = ""

    def data_urls(self) -> list[str]:
        """Return the pictures as JSON takes them."""
        encoded = (base64.b64encode(picture).decode() for picture in self.pictures)
        return [f"data:image/png;base64,{text}" for text in encoded]


def left_out(brief: Brief, manner: OpenAIManner) -> dict[str, Level]:
    """Return what finds no room among the pictures that the model takes, as levels."""
    alone = bool(brief.parent and brief.parent.picture)
    taken = 1 if alone else len(brief.references)
    if brief.edit:
        taken = 1 if manner.masks else 2
    room = manner.pictures_most - taken
    found: dict[str, Level] = {}
    for name, paths in (
        ("style_references", brief.style_references),
        ("object_references", brief.object_references),
    ):
        if paths and room <= 0:
            found[name] = "none"
        room -= len(paths)
    return found


def starting_from(brief: Brief, manner: OpenAIManner, drawn: Size) -> OpenAIStart:
    """Return what a drawing starts from; ``drawn`` is the size that is requested.

    Raises:
        Rejected: a picture cannot be read, or more are to be blended than the model takes.
    """
    if not manner.edits:
        return OpenAIStart()
    if brief.operation == "blend" and len(brief.references) > manner.pictures_most:
        most = counted(manner.pictures_most, "picture")
        raise Rejected("reference", f"The engine blends at most {most}.")
    mask, words = None, []
    pictures: list[bytes] = []
    if brief.edit:
        canvas = _padded(_opened(brief.edit.canvas), drawn, Image.Resampling.LANCZOS, None)
        pictures.append(encode_png(canvas).data)
        where = "the masked part of the first picture"
        if manner.masks:
            mask = _mask(brief.edit.mask, drawn)
        else:
            pictures.append(_shown_mask(brief.edit.mask, drawn))
            where = SHOWN_MASK
        words.append(
            "continue the first picture beyond its edges"
            if brief.edit.kept and manner.masks
            else f"redraw only {where}"
        )
    elif brief.parent and brief.parent.picture:
        pictures.append(to_png(brief.parent.picture, brief.width, brief.height))
        words.append("a variation of the given picture")
    else:
        pictures += [path.read_bytes() for path in brief.references[: manner.pictures_most]]
        if brief.operation == "blend":
            words.append("the given pictures blended into one")
    for paths, role in (
        (brief.style_references, "in the style of"),
        (brief.object_references, "with what is shown in"),
    ):
        added = [path.read_bytes() for path in paths[: manner.pictures_most - len(pictures)]]
        if added:
            words.append(f"{role} {numbered(len(pictures) + 1, len(added))}")
            pictures += added
    return OpenAIStart(tuple(pictures), mask, ", ".join(words))


def _opened(path: Path) -> Image.Image:
    try:
        return open_picture(path.read_bytes())
    except (OSError, UnreadablePictureError):
        raise Rejected("reference", "The picture or its mask cannot be read.") from None


def _padded(
    picture: Image.Image, size: Size, how: Image.Resampling, beside: int | None
) -> Image.Image:
    """Return a picture with room beside it if the model draws another ratio only.

    The drawing is cut to the cell around its centre: with room, nothing moves, and nothing is lost.
    """
    return ImageOps.pad(picture, size, how, color=beside)


def _mask(path: Path, size: Size) -> bytes:
    """Return the mask as edits take it: transparent where to draw.

    It is white there, too, for servers that look at its colours.
    """
    grey = _grey(path, size)
    mask = Image.merge("RGBA", (grey, grey, grey, ImageChops.invert(grey)))
    return encode_png(mask).data


def _shown_mask(path: Path, size: Size) -> bytes:
    """Return the mask as a picture: white where to draw, black where not."""
    return encode_png(_grey(path, size).convert("RGB")).data


def _grey(path: Path, size: Size) -> Image.Image:
    return _padded(_opened(path).convert("L"), size, Image.Resampling.NEAREST, 255)
