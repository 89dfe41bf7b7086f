"""A picture's file before and while it is decoded; called by ``limner.pictures.decoding``.

Its dimensions, and the memory that decoding it will take, are known before any is allocated.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import cached_property

from PIL import Image, ImageFile

from limner.pictures.decoding import colours, gif, jpeg, png, webp

#: a picture with more pixels is refused
PIXELS_MAX = 50_000_000
#: memory for decoding one picture; of the formats that callers may send, only WebP comes near it
UNPACKED_MAX_BYTES = 400 * 2**20
#: bytes that Pillow and its libraries allocate for each pixel, if not 4. WebP: two canvases, a copy
#: and the picture.
_PIXEL_BYTES = {"WEBP": 16, "AVIF": 12, "TIFF": 8, "JPEG2000": 16}
#: a JPEG with several scans is held whole as coefficients, even if a small picture is asked for
_COEFFICIENT_BYTES = 6
#: a progressive JPEG has about so many
_USUAL_SCANS = 10
#: of what is shown as it is; a palette has no more than 8 bits a colour, either
_PLAIN_MODES = ("RGB", "L", "P")
#: of whose files Pillow has nothing left to read
_LOADED_FOR_GOOD = ("PNG", "JPEG")
#: takes everything but the picture out of a file, or returns None where that is not possible
_BARE: dict[str, Callable[[bytes], bytes | None]] = {"JPEG": jpeg.bare, "WEBP": webp.bare}
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_ORIENTATION = 0x0112


class TooManyPixels(ValueError):
    """The picture is too large to be decoded."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"has {width} x {height} pixels, too many")


class Source:
    """One file of a known type."""

    def __init__(self, data: bytes, kind: str) -> None:
        """Read the file's header.

        Raises:
            TooManyPixels: decoding it would take too much memory.
            Exception: whatever Pillow raises on a file that is not of this type.
        """
        self._data, self._kind = data, kind
        self._png = png.take_apart(data) if kind == "PNG" else None
        self._scans = jpeg.scans(data) if kind == "JPEG" else 0
        self._picture: ImageFile.ImageFile | None = None
        #: where an animation's first frame lies, if it is smaller than the whole
        self._box: tuple[int, int, int, int] | None = None
        #: how many rows are real, if not all
        self._rows: int | None = None
        #: once it was shown: whether that is what the pixels in the file say, without anything else
        self._plain = False
        #: the file is cut off
        self.broken = kind == "JPEG" and data.rfind(_END) < data.rfind(_SCAN)
        if self._png:
            self.size = self._png.width, self._png.height
        elif kind == "WEBP":
            # Pillow decodes a WebP picture as it opens it.
            self.size = webp.size_of(data)
        else:
            self._picture = self._opened(data)
            self.size = self._picture.size
        pixels = self.size[0] * self.size[1]
        if pixels > PIXELS_MAX or pixels * self._pixel_bytes > UNPACKED_MAX_BYTES:
            raise TooManyPixels(*self.size)

    def needed_bytes(self, side_px: int) -> int:
        """Return about how much memory decoding and shrinking the picture takes."""
        pixels = self.size[0] * self.size[1]
        # Copies of the file, and of the shrunken picture.
        around = 2 * len(self._data) + 12 * min(pixels, side_px**2)
        if self._png:
            around += self._png.profile_bytes
        if self._kind != "JPEG":
            return around + pixels * self._pixel_bytes
        whole = pixels * _COEFFICIENT_BYTES if self._scans > 1 else 0
        return around + whole + pixels * 4 // min(8, _factor(self.size, side_px)) ** 2

    @property
    def work_pixels(self) -> int:
        """About how many pixels decoding handles: each scan of a JPEG beyond the usual goes over all of them."""
        return self.size[0] * self.size[1] * max(1, self._scans // _USUAL_SCANS)

    @property
    def shown_size(self) -> tuple[int, int] | None:
        """Width and height upright, by the head; None: only decoding shows."""
        if self._png:
            exif = self._png.exif
        elif self._kind == "JPEG" and self._picture:
            exif = self._picture.info.get("exif")
        else:
            return None
        across, down = self.size
        return (down, across) if _orientation(exif) in colours.SIDEWAYS else (across, down)

    def shown(self, side_px: int) -> Image.Image:
        """Return what a viewer shows, as RGB with its longest side at most ``side_px``.

        Raises:
            Exception: whatever Pillow raises on a broken file.
        """
        picture = self._unpacked(side_px)
        parts, info = self._png, picture.info
        profile = parts.profile() if parts else info.get("icc_profile")
        exif = parts.exif if parts else info.get("exif")
        grey = picture.mode in ("1", "L", "LA", *colours.WIDE_GREYS)
        factor = _factor(picture.size, side_px)
        orientation = _orientation(exif)
        self._plain = (
            not (profile or self.broken or self._box or self._rows is not None)
            and picture.size == self.size
            and max(picture.size) <= side_px
            and picture.mode in _PLAIN_MODES
            and not picture.has_transparency_data
            and not (parts and (parts.key is not None or colours.is_unusual(parts.gamma)))
            and orientation not in colours.TURNS
        )
        if self._plain:
            # As it is, as most engines' are: every copy of a picture costs milliseconds.
            as_it_is = picture.mode == "RGB" and self._kind in _LOADED_FOR_GOOD
            return picture if as_it_is else picture.convert("RGB")
        if self._box:
            picture = picture.crop(self._box)
        small = colours.shrunk(picture, factor, parts.key if parts else None, self._rows)
        del picture
        if self._box:
            small = colours.placed(small, self._box[:2], self.size, factor)
        small.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        shown = colours.over_white(small, profile, parts.gamma if parts else None, grey=grey)
        return colours.upright(shown, orientation)

    def bare(self) -> bytes | None:
        """Return the file with nothing in it but the picture, once it was shown; None: that would show another one.

        What is a single picture of 8 bits in greys or colours stays as it was encoded, pixel by pixel.
        """
        if not self._plain:
            return None
        if self._png:
            as_usual = self._png.ended and not self._png.interlaced and self._png.depth <= 8
            return self._whole_file if as_usual else None
        bare = _BARE.get(self._kind)
        return bare(self._data) if bare else None

    def _unpacked(self, side_px: int) -> Image.Image:
        """Return the picture in the file's own size and colours; a JPEG only as large as needed."""
        picture, self._picture = self._picture or self._opened(self._whole_file), None
        if self._kind == "JPEG":
            factor = _factor(self.size, side_px)
            picture.draft(None, (self.size[0] // factor, self.size[1] // factor))
        if self._kind == "GIF" and picture.tile[0].extents != (0, 0, *self.size):
            self._box = picture.tile[0].extents
        with contextlib.suppress(OSError, SyntaxError):
            picture.load()
            return picture
        # Not within an `except`: the traceback would keep the first picture in memory beside the second.
        picture = self._opened(self._mended())
        picture.load()
        return picture

    @cached_property
    def _whole_file(self) -> bytes:
        """The file as Pillow gets it: of a PNG, the picture alone."""
        return self._png.file() if self._png else webp.counted(self._data)

    def _mended(self) -> bytes:
        """Return the cut-off file completed.

        Raises:
            ValueError: that is not possible.
        """
        self.broken = True
        if self._png:
            data, self._rows = self._png.mended()
            return data
        if self._kind == "GIF":
            return gif.mended(self._data, self.size[0] * self.size[1])
        raise ValueError("nothing can be made of it")

    def _opened(self, data: bytes) -> ImageFile.ImageFile:
        if self._kind == "JPEG" and self.broken:
            # The missing part then becomes grey, as in a browser.
            data += _END
        return Image.open(io.BytesIO(data), formats=(self._kind,))

    @property
    def _pixel_bytes(self) -> int:
        return _PIXEL_BYTES.get(self._kind, 4)


def _factor(size: tuple[int, int], side_px: int) -> int:
    """Return the largest whole factor by which the picture can shrink and still have ``side_px``."""
    return max(1, max(size) // side_px)


def _orientation(exif: bytes | None) -> int:
    """Return the Exif orientation, 1-8; 1 is upright."""
    if not exif:
        return 1
    read = Image.Exif()
    try:
        read.load(exif)
        return int(read.get(_ORIENTATION, 1))
    # Exif data is often broken.
    except Exception:  # noqa: BLE001
        return 1
