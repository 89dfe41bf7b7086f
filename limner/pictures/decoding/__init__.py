"""The only decoder of foreign image files: callers' references and engines' results alike.

What common viewers can show is accepted, and decoded as they show it: the first frame, upright, in its own
greys and colours, over white. The result is RGB, no larger than needed, and free of metadata.
Called by workers and drivers for incoming pictures, and by the API for thumbnails.
"""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from limner.pictures.allocator import give_large_blocks_back
from limner.pictures.decoding.kinds import REFERENCE_FORMATS, RESULT_FORMATS, kind_of
from limner.pictures.decoding.source import PIXELS_MAX, Source, TooManyPixels
from limner.pictures.room import Room

__all__ = [
    "PIXELS_MAX",
    "REFERENCE_FORMATS",
    "SIDE_MAX_PX",
    "OpenedFile",
    "UnreadablePictureError",
    "alpha_of",
    "decoding_pixels",
    "open_file",
    "open_picture",
    "shown_size_of",
    "size_of",
]

#: the longest side of a decoded picture, unless the caller asks for less
SIDE_MAX_PX = 4096
#: The memory that one process uses for decoding at any time, whatever the number of its threads.
#: Ordinary pictures have a budget of their own, so that they never wait for somebody else's large ones.
ORDINARY_MAX_BYTES = 48 * 2**20
_ordinary = Room(2 * ORDINARY_MAX_BYTES)
_large = Room(256 * 2**20)
give_large_blocks_back()
# Operators need not know about oddities in a caller's file, and we check sizes ourselves.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnreadablePictureError(ValueError):
    """The bytes are not a picture that we accept; the message says why, in one clause."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A picture as ``open_picture`` returns it, and where it came from."""

    picture: Image.Image
    #: Pillow's name of the file type
    kind: str
    _source: Source

    def bare(self) -> bytes | None:
        """Return the file with nothing in it but the picture, as it was encoded; None: that shows another picture."""
        return self._source.bare()


def open_picture(
    data: bytes, formats: tuple[str, ...] = RESULT_FORMATS, side_px: int = SIDE_MAX_PX
) -> Image.Image:
    """Return what a viewer shows of a picture, as RGB with its longest side at most ``side_px``.

    Blocks while other threads of the process use up its memory for decoding.

    Raises:
        UnreadablePictureError: not one of ``formats``, too many pixels, or broken.
    """
    return open_file(data, formats, side_px).picture


def open_file(
    data: bytes, formats: tuple[str, ...] = RESULT_FORMATS, side_px: int = SIDE_MAX_PX
) -> OpenedFile:
    """Return what ``open_picture`` does, and the file that it came from.

    Raises: as ``open_picture`` does.
    """
    kind = _taken_kind(data, formats)
    with _reading():
        source = Source(data, kind)
        needed = source.needed_bytes(side_px)
        with (_ordinary if needed <= ORDINARY_MAX_BYTES else _large).take(needed):
            shown = source.shown(side_px)
    # Viewers show only a blank for a file that is cut off this early.
    if source.broken and all(low == high for low, high in _extrema(shown)):
        raise UnreadablePictureError("breaks off before there is anything to see")
    # Pillow would write some of it (colour profiles) into the files it saves.
    shown.info.clear()
    return OpenedFile(shown, kind, source)


def decoding_pixels(data: bytes, formats: tuple[str, ...] = RESULT_FORMATS) -> int:
    """Return about how many pixels decoding a picture handles: its own, or more if they come in many scans; cheap.

    Raises:
        UnreadablePictureError: as the header shows, not one of ``formats``, too many pixels, or broken.
    """
    return _head(data, formats).work_pixels


def _head(data: bytes, formats: tuple[str, ...]) -> Source:
    kind = _taken_kind(data, formats)
    with _reading():
        return Source(data, kind)


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Turn whatever the decoders raise into the one error that callers know."""
    try:
        yield
    except TooManyPixels as error:
        raise UnreadablePictureError(str(error)) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError("has too many pixels") from error
    # Pillow's decoders raise nearly anything on hostile bytes.
    except Exception as error:
        # Otherwise the traceback would keep the decoded part in memory as long as the error lives.
        traceback.clear_frames(error.__traceback__)
        raise UnreadablePictureError("cannot be read as PNG, JPEG, WebP or GIF") from error


def alpha_of(data: bytes, side_px: int = SIDE_MAX_PX) -> Image.Image:
    """Return how opaque a PNG or WebP picture is, 0-255 by pixel, with its longest side at most ``side_px``.

    Raises:
        UnreadablePictureError: another kind of file, too many pixels, broken, or without transparency.
    """
    kind = _taken_kind(data, ("PNG", "WEBP"))
    try:
        needed = Source(data, kind).needed_bytes(SIDE_MAX_PX)
        with (_ordinary if needed <= ORDINARY_MAX_BYTES else _large).take(needed):
            picture = Image.open(io.BytesIO(data), formats=(kind,))
            if not picture.has_transparency_data:
                raise UnreadablePictureError("has no transparency")
            alpha = picture.convert("RGBA").getchannel("A")
            alpha.thumbnail((side_px, side_px))
            return alpha
    except TooManyPixels as error:
        raise UnreadablePictureError(str(error)) from error
    except UnreadablePictureError:
        raise
    # As in ``open_picture``.
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
        raise UnreadablePictureError("cannot be read as PNG or WebP") from error


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height as the file's header gives them, before any rotation; cheap.

    None: it is not a picture that we accept.
    """
    try:
        return _head(data, RESULT_FORMATS).size
    except UnreadablePictureError:
        return None


def shown_size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height of what a viewer shows, by the file's header; None: only decoding shows; cheap."""
    try:
        return _head(data, RESULT_FORMATS).shown_size
    except UnreadablePictureError:
        return None


def _taken_kind(data: bytes, formats: tuple[str, ...]) -> str:
    if not data:
        raise UnreadablePictureError("is empty")
    kind = kind_of(data)
    if kind is None:
        raise UnreadablePictureError("cannot be read as PNG, JPEG, WebP or GIF")
    if kind not in formats:
        taken = "PNG, JPEG, WebP or GIF" if "JPEG" in formats else " or ".join(formats)
        raise UnreadablePictureError(f"is {kind}, not {taken}")
    return kind


def _extrema(picture: Image.Image) -> list[tuple[int, int]]:
    return [band.getextrema() for band in picture.split()]  # type: ignore[misc]
