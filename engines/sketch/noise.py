"""Random fields that look the same at every size; the scene and the finish paint with them.

A field is the sum of a few lattices of random numbers, each twice as fine as the one before, enlarged by
Pillow's bicubic filter. So a 64 px preview shows the clouds that the full cell will have. In a tile
every lattice wraps around, which makes the field seamless.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from PIL import Image

#: float32 numbers on a grid: (rows, columns) or (rows, columns, 3). The type does not state the
#: precision, because numpy's own types lose it in most sums.
Floats = npt.NDArray[Any]

#: the bicubic filter reads two cells to each side; one more allows for rounding
MARGIN = 3

#: points of a texture for a full cell; a power of two
TEXTURE = 512


def generator(seed: int, name: str) -> np.random.Generator:
    """Return a random generator for one purpose, independent of all others.

    PCG64 is named because pictures must stay the same if numpy changes its default.
    """
    return np.random.Generator(np.random.PCG64([seed, crc32(name.encode())]))


def enlarge(lattice: Floats, width: int, height: int, *, margin: int = 0) -> Floats:
    """Return the lattice smoothly enlarged to ``width`` x ``height``, without its margin."""
    rows, columns = lattice.shape
    box = (margin, margin, columns - margin, rows - margin)
    image = Image.fromarray(np.ascontiguousarray(lattice, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def fractal(
    rng: np.random.Generator,
    width: int,
    height: int,
    cells: tuple[float, float],
    *,
    octaves: int = 4,
    gain: float = 0.5,
    tile: bool = False,
    finer: int = 0,
) -> Floats:
    """Return a cloud-like field of mean 0 and about ±1; its coarsest octave has ``cells`` (across, down) lumps.

    ``finer``: octaves beyond these, which a larger picture of the same thing shows in addition.
    """
    total = np.zeros((height, width), np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves + finer):
        columns = max(1, round(cells[0] * 2**octave))
        rows = max(1, round(cells[1] * 2**octave))
        # every octave has its own generator, so that leaving out the finest changes nothing else
        if octave < octaves:
            start = int(rng.integers(2**32))
            numbers = np.random.Generator(np.random.PCG64(start))
            power += weight**2
        else:
            numbers = np.random.Generator(np.random.PCG64([start, octave]))
        if octave and columns > 2 * width and rows > 2 * height:
            continue
        if tile:
            lattice = numbers.standard_normal((rows, columns), np.float32)
            lattice = np.pad(lattice, MARGIN, mode="wrap")
        else:
            shape = (rows + 2 * MARGIN, columns + 2 * MARGIN)
            lattice = numbers.standard_normal(shape, np.float32)
        total += weight * enlarge(lattice, width, height, margin=MARGIN)
        weight *= gain
    # bicubic enlarging keeps about 0.6 of the lattice's deviation
    return np.asarray(total * np.float32(0.85 / power**0.5))


def ridge(
    rng: np.random.Generator, width: int, cells: float, *, octaves: int = 5, gain: float = 0.5
) -> Floats:
    """Return a line of hills: one height per column, mean 0 and about ±1."""
    return np.asarray(fractal(rng, width, 1, (cells, 1), octaves=octaves, gain=gain)[0])


class Texture:
    """One seamless field that can be sampled at any coordinates: along a slope, by depth, on a band."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        lumps: int = 8,
        octaves: int = 5,
        points: int = TEXTURE,
        finer: int = 0,
    ) -> None:
        self._points = points
        cells = (lumps, lumps)
        self._field = fractal(rng, points, points, cells, octaves=octaves, tile=True, finer=finer)

    def at(self, across: Floats, down: Floats) -> Floats:
        """Return the field at these coordinates, where 1.0 is the whole texture; they broadcast."""
        columns = np.asarray(across * self._points, np.int32) & (self._points - 1)
        rows = np.asarray(down * self._points, np.int32) & (self._points - 1)
        return np.asarray(self._field[rows, columns])

    def smooth_at(self, across: Floats, down: Floats) -> Floats:
        """Return the same, interpolated, for textures whose points are larger than a pixel."""
        x, y = across * self._points, down * self._points
        left, top = np.floor(x), np.floor(y)
        dx, dy = (x - left).astype(np.float32), (y - top).astype(np.float32)
        column, row = left.astype(np.int32), top.astype(np.int32)
        c0, c1 = column & (self._points - 1), (column + 1) & (self._points - 1)
        r0, r1 = row & (self._points - 1), (row + 1) & (self._points - 1)
        upper = self._field[r0, c0] * (1 - dx) + self._field[r0, c1] * dx
        lower = self._field[r1, c0] * (1 - dx) + self._field[r1, c1] * dx
        return np.asarray(upper * (1 - dy) + lower * dy, np.float32)


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """Return 0 below ``low``, 1 above ``high``, and a soft step between; ``low`` may be the larger."""
    t = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def soften(values: Floats, factor: int) -> Floats:
    """Return a field or a picture blurred over about ``factor`` pixels, cheaply: shrunk and enlarged."""
    if factor < 2:
        return values
    if values.ndim == 3:
        channels = [soften(values[..., i], factor) for i in range(values.shape[2])]
        return np.stack(channels, axis=-1)
    height, width = values.shape
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    small = image.resize(size, Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
