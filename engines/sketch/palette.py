"""Colours: sRGB, linear light and OKLab, and the palette that a picture is painted with.

Moods (``moods.py``) are written in hex; a ``Palette`` holds them in OKLab, where mixing, turning the
hue and desaturating look even. Pixels are mixed in linear light, as in nature.
OKLab: https://bottosson.github.io/posts/oklab/
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from engines.sketch.noise import Floats

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LMS = np.linalg.inv(_TO_LMS).astype(np.float32)
_FROM_LAB = np.linalg.inv(_TO_LAB).astype(np.float32)

#: linear light in steps of 1/4095 → sRGB byte
_GAMMA_STEPS = 4095
_steps = np.arange(_GAMMA_STEPS + 1) / _GAMMA_STEPS
_TO_BYTE = np.round(
    255 * np.where(_steps <= 0.0031308, 12.92 * _steps, 1.055 * _steps ** (1 / 2.4) - 0.055)
).astype(np.uint8)
_bytes = np.arange(256) / 255
_FROM_BYTE = np.where(_bytes <= 0.04045, _bytes / 12.92, ((_bytes + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def from_hex(text: str) -> Floats:
    """Return ``"#rrggbb"`` as OKLab."""
    values = [int(text[i : i + 2], 16) for i in (1, 3, 5)]
    return to_oklab(_FROM_BYTE[values])


def to_oklab(linear: Floats) -> Floats:
    """Return linear light (…, 3) as OKLab."""
    return np.asarray(np.cbrt(np.maximum(linear, 0) @ _TO_LMS.T) @ _TO_LAB.T, np.float32)


def to_linear(oklab: Floats) -> Floats:
    """Return OKLab (…, 3) as linear light, never below black."""
    lms = oklab @ _FROM_LAB.T
    return np.maximum(lms * lms * lms @ _FROM_LMS.T, 0).astype(np.float32)


def to_bytes(linear: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return linear light as sRGB bytes."""
    return _TO_BYTE[(np.clip(linear, 0, 1) * _GAMMA_STEPS).astype(np.uint16)]


def from_bytes(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Floats:
    """Return sRGB bytes as linear light."""
    return _FROM_BYTE[pixels]


def mix(first: Floats, second: Floats, share: float) -> Floats:
    """Return the colour ``share`` of the way from ``first`` to ``second``."""
    return np.asarray(first + (second - first) * np.float32(share), np.float32)


def lighter(oklab: Floats, amount: float) -> Floats:
    """Return the colour with its lightness changed by ``amount``, clipped to black and white."""
    changed = oklab.copy()
    changed[..., 0] = np.clip(changed[..., 0] + amount, 0.02, 0.99)
    return changed


def turned(oklab: Floats, degrees: float, chroma: float = 1.0) -> Floats:
    """Return colours with their hue turned and their chroma multiplied."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle) * chroma, np.sin(angle) * chroma
    matrix = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float32)
    return np.asarray(oklab @ matrix.T, np.float32)


def ramp(stops: Floats, where: Floats) -> Floats:
    """Return linear light for positions 0-1 along evenly spaced ``stops`` (n, 3), mixed in OKLab."""
    steps = np.linspace(0, len(stops) - 1, 512)
    marks = np.arange(len(stops))
    lab = np.stack([np.interp(steps, marks, stops[:, i]) for i in range(3)], axis=-1)
    table = to_linear(lab.astype(np.float32))
    return np.asarray(table[np.clip(where * 511, 0, 511).astype(np.int32)])


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one picture, in OKLab; the rows of ``sky`` go from the top to the horizon."""

    sky: Floats
    far: Floats
    near: Floats
    water: Floats
    light: Floats
    ink: Floats
    accents: Floats

    @classmethod
    def from_hex(
        cls, sky: str, far: str, near: str, water: str, light: str, ink: str, accents: str
    ) -> Self:
        """Parse a palette whose lists are separated by spaces."""
        return cls(
            sky=np.stack([from_hex(text) for text in sky.split()]),
            far=from_hex(far),
            near=from_hex(near),
            water=from_hex(water),
            light=from_hex(light),
            ink=from_hex(ink),
            accents=np.stack([from_hex(text) for text in accents.split()]),
        )

    def turned(self, degrees: float, chroma: float = 1.0) -> Palette:
        """Return the palette with every hue turned."""
        parts = {name: turned(getattr(self, name), degrees, chroma) for name in self.__slots__}
        return replace(self, **parts)

    def mixed(self, other: Palette, share: float) -> Palette:
        """Return the palette ``share`` of the way to another."""
        parts = {
            name: mix(getattr(self, name), getattr(other, name), share) for name in self.__slots__
        }
        return replace(self, **parts)

    @property
    def haze(self) -> Floats:
        """The colour that distant things fade to: the sky just above the horizon."""
        return np.asarray(self.sky[-1], np.float32)

    @property
    def darkness(self) -> float:
        """Return how dark it is: 0 in the sun, 1 under the stars."""
        return float(np.clip((0.62 - self.sky[:, 0].mean()) / 0.35, 0, 1))
