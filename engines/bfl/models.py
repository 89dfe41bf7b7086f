"""What BFL's models take; pure functions.

Source: BFL's documentation of its models. There is no list of them to ask for, so they are known by their names;
one that is not known is taken to draw from words, in any size.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.remote.sizing import SizeLimits
from limner.engine import Brief

#: the four megapixels of a picture, and the least that a side may have
_PIXELS = (64 * 64, 4_000_000)
_ANY = SizeLimits(step_px=16, pixels=_PIXELS, shortest_px=64, longest_px=4096)
#: what the models of the first generation draw
_FIRST = SizeLimits(step_px=32, pixels=_PIXELS, shortest_px=256, longest_px=1440)
#: the longest of the ratios that models take which know no size
RATIO_MOST = 7 / 3


@dataclass(frozen=True, slots=True)
class BflModel:
    """One model.

    ``limits``: the sizes that it draws, None: it is told a ratio. ``pictures``: how many it can be given to go
    on from, as ``input_image``…; ``prompted``: it takes one as ``image_prompt``, with a weight. ``steps``: the
    usual number if it can be chosen, which is also the most.
    """

    name: str
    limits: SizeLimits | None = _ANY
    pictures: int = 0
    prompted: bool = False
    steps: int | None = None
    raw: bool = False


def model_called(name: str) -> BflModel:
    """Return what a model takes."""
    if name.startswith("flux-2-"):
        return BflModel(name, pictures=8, steps=50 if name.endswith("-flex") else None)
    if name.startswith("flux-kontext-"):
        return BflModel(name, limits=None, pictures=4)
    if name.endswith("-ultra"):
        return BflModel(name, limits=None, prompted=True, raw=True)
    if name in ("flux-pro-1.1", "flux-pro", "flux-dev"):
        return BflModel(name, limits=_FIRST)
    return BflModel(name)


@dataclass(frozen=True, slots=True)
class BflModels:
    """The models of one engine: for words, for pictures to go on from, and for a part of a picture."""

    usual: BflModel
    with_pictures: BflModel | None = None
    fill: BflModel | None = None

    @property
    def pictures(self) -> BflModel:
        """The model that goes on from pictures, if it can."""
        return self.with_pictures or self.usual

    def for_brief(self, brief: Brief) -> BflModel:
        """Return the model that draws a brief which starts from no part of a picture."""
        starts = brief.references or (brief.parent and brief.parent.picture)
        if starts or brief.style_references or brief.object_references:
            return self.pictures
        return model_called(brief.model) if brief.model else self.usual
