"""Pictures for models that take a list of them and words about it, a mask being one of them; used by the drivers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from engines.remote.inline import data_url, png_url
from engines.remote.sizing import Size
from engines.remote.starting import opened
from engines.remote.wording import about_listed, fitting
from limner.engine import Brief, Level
from limner.errors import Rejected
from limner.plural import counted

#: what is said of a mask that follows its canvas
SHOWN_MASK = "the part of the first picture that is white in the second picture, which is a mask"


@dataclass(frozen=True, slots=True)
class Listed:
    """Pictures as data URLs, in order; what is said about them; and what found no room, as levels."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    words: str = ""
    applied: Mapping[str, Level] = field(default_factory=dict)


def listed(brief: Brief, most: int, ratio: Size | None) -> Listed:
    """Return what a drawing starts from; ``most``: how many pictures the model takes.

    ``ratio``: of what the model draws, if it does not draw the brief's: a canvas gets room beside it then, so
    that nothing of it moves or is lost when the drawing is cut.

    Raises:
        Rejected: a picture cannot be read, or more are to be blended than the model takes.
    """
    if brief.operation == "edit" and brief.edit:
        size = brief.width, brief.height
        around = _around(size, ratio) if ratio else size
        canvas = ImageOps.pad(opened(brief.edit.canvas), around, Image.Resampling.LANCZOS)
        mask = ImageOps.pad(opened(brief.edit.mask), around, Image.Resampling.NEAREST, "white")
        starts = [png_url(canvas), png_url(mask)]
        role = f"redraw only {SHOWN_MASK}"
    else:
        paths = brief.references
        if brief.parent and brief.parent.picture:
            paths = (brief.parent.picture,)
        elif brief.operation == "blend" and len(paths) > most:
            raise Rejected("reference", f"The engine blends at most {counted(most, 'picture')}.")
        starts = [data_url(path) for path in paths[:most]]
        role = ""
    brief, left_out = fitting(brief, most, len(starts))
    more = [data_url(path) for path in (*brief.style_references, *brief.object_references)]
    # Of an edit, the parent is in the canvas.
    parent = None if brief.edit else brief.parent
    about = about_listed(dataclasses.replace(brief, parent=parent), len(starts))
    words = ", ".join(word for word in (role, about) if word)
    return Listed((*starts, *more), words, left_out)


def _around(size: Size, ratio: Size) -> Size:
    """Return the smallest size of a ratio that a size fits into."""
    width, height = size
    across, down = ratio
    scale = max(width / across, height / down)
    # Not up to the next pixel because of a rounding error.
    return math.ceil(across * scale - 1e-6), math.ceil(down * scale - 1e-6)
