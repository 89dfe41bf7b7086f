"""The greys and colours of a picture as a viewer shows them: 8-bit sRGB, over white.

Called by ``limner.pictures.decoding``. Pictures are shrunk here, strip by strip, before anything is converted:
converting a whole one would take twice the memory.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image

#: about how many rows are converted at a time
_BAND_ROWS = 256
#: 1 / 2.2 in PNG's units: the value in ordinary files
_USUAL_GAMMA = 45_455
#: what sets a picture upright, by its Exif orientation
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: Exif orientations of what lies on its side
SIDEWAYS = (5, 6, 7, 8)

#: Pillow's modes for 16-bit greys, including those that only some releases use for PNGs
WIDE_GREYS = ("I;16", "I;16L", "I;16B", "I;16N", "I")

Key = int | tuple[int, ...] | None


def shrunk(picture: Image.Image, factor: int, key: Key, rows: int | None) -> Image.Image:
    """Return the picture at one ``factor``-th of its size as L, RGB, CMYK or RGBa.

    ``key``: the grey or colour that is transparent. ``rows``: how many are real, if not all; those
    below become white.
    """
    width, height = picture.size
    step = max(1, _BAND_ROWS // factor) * factor
    small: Image.Image | None = None
    for top in range(0, height, step):
        band = _plain(picture.crop((0, top, width, min(top + step, height))), key)
        band = band.reduce(factor) if factor > 1 else band
        if small is None:
            small = Image.new(band.mode, _divided(picture.size, factor))
        small.paste(band, (0, top // factor))
    assert small is not None, "a picture has rows"
    if rows is not None:
        small.paste(_white(small), (0, rows // factor, *small.size))
    return small


def placed(
    small: Image.Image, corner: tuple[int, int], size: tuple[int, int], factor: int
) -> Image.Image:
    """Return what ``shrunk`` gave, at ``corner`` of a white ground of ``size``, both in full-size pixels."""
    whole = Image.new(small.mode, _divided(size, factor), _white(small))
    whole.paste(small, (corner[0] // factor, corner[1] // factor))
    return whole


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Return a picture turned upright from its Exif orientation."""
    turn = TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def is_unusual(gamma: int | None) -> bool:
    """Return whether a gamma, in PNG's units, changes how a picture looks."""
    # As browsers do: one close to the usual is ignored.
    return gamma is not None and gamma > 0 and abs(gamma - _USUAL_GAMMA) > _USUAL_GAMMA // 20


def over_white(
    picture: Image.Image, profile: bytes | None, gamma: int | None, *, grey: bool
) -> Image.Image:
    """Return what ``shrunk`` gave as RGB in sRGB, over white.

    ``grey``: it was grey in the file, so a greyscale profile applies to it.
    """
    if picture.mode != "RGBa":
        return _in_srgb(picture, profile, gamma, grey)
    picture = picture.convert("RGBA")
    ground = Image.new("RGB", picture.size, (255, 255, 255))
    colours = _in_srgb(picture.convert("RGB"), profile, gamma, grey)
    ground.paste(colours, mask=picture.getchannel("A"))
    return ground


def _divided(size: tuple[int, int], factor: int) -> tuple[int, int]:
    return -(-size[0] // factor), -(-size[1] // factor)


def _white(picture: Image.Image) -> tuple[int, ...]:
    return (255,) * len(picture.getbands())


def _plain(band: Image.Image, key: Key) -> Image.Image:
    """Return a strip as L, RGB or CMYK, or as RGBa if it may be transparent."""
    if band.mode in WIDE_GREYS:
        band = _eight_bits(band, key)
    elif band.mode == "1":
        band = band.convert("L")
    if key is not None and band.mode in ("L", "RGB"):
        band.info["transparency"] = key
    if band.has_transparency_data:
        return band.convert("RGBA").convert("RGBa")
    return band if band.mode in ("L", "RGB", "CMYK") else band.convert("RGB")


def _eight_bits(band: Image.Image, key: Key) -> Image.Image:
    # Pillow would clip such greys at 255. numpy is imported here because the API rarely needs it.
    import numpy as np

    values = np.asarray(band).clip(0, 65_535)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if key is None:
        return grey
    opaque = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, opaque))


def _in_srgb(
    picture: Image.Image, profile: bytes | None, gamma: int | None, grey: bool
) -> Image.Image:
    managed = _by_profile(picture, profile, grey) if profile else None
    if managed is not None:
        return managed
    picture = picture.convert("RGB")
    return picture.point(_curve(gamma) * 3) if gamma and is_unusual(gamma) else picture


def _by_profile(picture: Image.Image, profile: bytes, grey: bool) -> Image.Image | None:
    """Return the picture converted to sRGB by its colour profile; None if the profile does not fit it."""
    from PIL import ImageCms

    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = own.profile.xcolor_space.strip()
        if space == "GRAY" and grey:
            picture = picture.convert("L")
        elif space == "RGB" and picture.mode != "CMYK":
            picture = picture.convert("RGB")
        elif space != picture.mode:
            return None
        return ImageCms.profileToProfile(
            picture, own, _srgb(), ImageCms.Intent(ImageCms.getDefaultIntent(own)), outputMode="RGB"
        )
    # Profiles are often broken; viewers then ignore them.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@cache
def _srgb() -> Any:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _curve(gamma: int) -> list[int]:
    """Return the sRGB value for each value that was written with this gamma."""
    curve = []
    for value in range(256):
        light = (value / 255) ** (100_000 / gamma)
        shown = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        curve.append(round(shown * 255))
    return curve
