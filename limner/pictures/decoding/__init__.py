"""The one way from bytes that others wrote to a picture of ours: references and engines' results alike.

What common viewers show is taken, and looks as it does there: the first frame, upright, in its own
greys and colours, over white. What comes out is RGB, no larger than is needed, and bare of metadata.
Called by workers and drivers for what comes in, and by the API for thumbnails.
"""

from __future__ import annotations

import traceback
import warnings

from PIL import Image

from limner.pictures.allocator import give_large_blocks_back
from limner.pictures.decoding.kinds import REFERENCE_FORMATS, RESULT_FORMATS, kind_of
from limner.pictures.decoding.source import PIXELS_MAX, Source, TooManyPixels
from limner.pictures.room import Room

__all__ = [
    "PIXELS_MAX",
    "REFERENCE_FORMATS",
    "SIDE_MAX_PX",
    "UnreadablePictureError",
    "open_picture",
    "size_of",
]

#: the longest side of what comes out, unless less will do
SIDE_MAX_PX = 4096
#: A process unpacks so much at a time, whatever the number of its threads. Ordinary pictures have
#: room of their own, so that nobody waits for the large ones of somebody else.
ORDINARY_MAX_BYTES = 48 * 2**20
_ordinary = Room(2 * ORDINARY_MAX_BYTES)
_large = Room(256 * 2**20)
give_large_blocks_back()
# What is odd in a caller's file is no news to an operator; how large it is, we look at ourselves.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnreadablePictureError(ValueError):
    """The bytes are no picture that we take; the message says why, in a clause."""


def open_picture(
    data: bytes, formats: tuple[str, ...] = RESULT_FORMATS, side_px: int = SIDE_MAX_PX
) -> Image.Image:
    """Return what a viewer shows of a picture, as RGB with its longest side at most ``side_px``.

    Blocks while other threads of the process unpack all that it has room for.

    Raises:
        UnreadablePictureError: not one of ``formats``, too many pixels, or broken.
    """
    kind = _taken_kind(data, formats)
    try:
        source = Source(data, kind)
        needed = source.needed_bytes(side_px)
        with (_ordinary if needed <= ORDINARY_MAX_BYTES else _large).take(needed):
            shown = source.shown(side_px)
    except TooManyPixels as error:
        raise UnreadablePictureError(str(error)) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError("has too many pixels") from error
    # Pillow's decoders raise nearly anything on hostile bytes.
    except Exception as error:
        # Or the error would hold, for as long as others look at it, what was unpacked so far.
        traceback.clear_frames(error.__traceback__)
        raise UnreadablePictureError("cannot be read as PNG, JPEG, WebP or GIF") from error
    # Of what breaks off so early, viewers show no more than a blank.
    if source.broken and all(low == high for low, high in _extrema(shown)):
        raise UnreadablePictureError("breaks off before there is anything to see")
    # Pillow writes some of it (colour profiles) into what it saves.
    shown.info.clear()
    return shown


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height as the file's beginning tells them, before it is set upright; cheap.

    None: it is no picture that we take.
    """
    try:
        return Source(data, _taken_kind(data, RESULT_FORMATS)).size
    # As above.
    except Exception:  # noqa: BLE001
        return None


def _taken_kind(data: bytes, formats: tuple[str, ...]) -> str:
    if not data:
        raise UnreadablePictureError("is empty")
    kind = kind_of(data)
    if kind is None:
        raise UnreadablePictureError("cannot be read as PNG, JPEG, WebP or GIF")
    if kind not in formats:
        raise UnreadablePictureError(f"is {kind}, not PNG, JPEG, WebP or GIF")
    return kind


def _extrema(picture: Image.Image) -> list[tuple[int, int]]:
    return [band.getextrema() for band in picture.split()]  # type: ignore[misc]
