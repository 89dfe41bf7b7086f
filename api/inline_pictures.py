"""Pictures that an answer carries in base64."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from api.offloaded_images import OffloadedImages
from api.places import Hold
from limner.pictures.conversion import PictureForm


@dataclass(frozen=True, slots=True)
class InlinePicture:
    """One picture as text."""

    #: width and height, px
    size: tuple[int, int]
    base64: str


def inline_picture(
    images: OffloadedImages, url: str, form: PictureForm, held: Hold
) -> InlinePicture:
    """Return the kept picture at ``url`` in ``form``; ``held`` grows by the memory that sending it takes.

    Raises:
        KeyError, UnreadablePictureError: it is gone, or broken.
        ImagesDown: pictures cannot be read now.
        TooManyAtOnce, Crowded: too much is being sent.
    """
    made = images.converted(images.key_of(url), form)
    # The text, and the answer that it becomes a part of.
    held.grow(len(made.data) * 3)
    return InlinePicture((made.width, made.height), base64.b64encode(made.data).decode())
