"""An alphabet of strokes for monograms: every letter in a box of 60 by 100 hundredths, foot at (0, 0)."""

from __future__ import annotations

from functools import cache
from math import cos, pi, sin

from engines.sketch.shape import Point, Shape, path


def bow(x: float, y: float, across: float, down: float, start: float, end: float) -> list[Point]:
    """Return a part of an ellipse; angles in degrees, anticlockwise from the right."""
    steps = [start + (end - start) * i / 18 for i in range(19)]
    return [(x + across * cos(t * pi / 180), y + down * sin(t * pi / 180)) for t in steps]


def _strokes() -> dict[str, list[list[Point]]]:
    left, right = -0.28, 0.28
    stem = [(left, 0.0), (left, 1.0)]
    far = [(right, 0.0), (right, 1.0)]
    return {
        "a": [path("-32,0 0,100 32,0"), path("-20,34 20,34")],
        "b": [stem, [(left, 1.0), *bow(0.0, 0.76, 0.24, 0.24, 90, -90), (left, 0.52)],
              [*bow(0.02, 0.26, 0.28, 0.26, 90, -90), (left, 0.0)]],
        "c": [bow(0.04, 0.5, 0.36, 0.5, 48, 312)],
        "d": [stem, [(left, 1.0), *bow(-0.08, 0.5, 0.4, 0.5, 90, -90), (left, 0.0)]],
        "e": [stem, path("-28,100 28,100"), path("-28,52 20,52"), path("-28,0 28,0")],
        "f": [stem, path("-28,100 28,100"), path("-28,52 20,52")],
        "g": [bow(0.02, 0.5, 0.36, 0.5, 48, 340), path("6,46 36,46 36,16")],
        "h": [stem, far, path("-28,52 28,52")],
        "i": [path("0,0 0,100"), path("-16,100 16,100"), path("-16,0 16,0")],
        "j": [[(0.2, 1.0), *bow(-0.06, 0.26, 0.26, 0.26, 0, -150)]],
        "k": [stem, path("28,100 -26,46"), path("-12,60 30,0")],
        "l": [stem, path("-28,0 28,0")],
        "m": [path("-38,0 -34,100 0,34 34,100 38,0")],
        "n": [path("-30,0 -30,100 30,0 30,100")],
        "o": [bow(0, 0.5, 0.38, 0.5, 90, 450)],
        "p": [stem, [(left, 1.0), *bow(0.02, 0.73, 0.27, 0.27, 90, -90), (left, 0.46)]],
        "q": [bow(0, 0.5, 0.38, 0.5, 90, 450), path("10,24 36,-6")],
        "r": [stem, [(left, 1.0), *bow(0.02, 0.74, 0.26, 0.26, 90, -90), (left, 0.48)], path("-2,48 30,0")],
        "s": [[*bow(0, 0.75, 0.27, 0.25, 40, 270), *bow(0, 0.25, 0.29, 0.25, 90, -140)]],
        "t": [path("0,0 0,100"), path("-34,100 34,100")],
        "u": [[(left, 1.0), *bow(0, 0.3, 0.28, 0.3, 180, 360), (right, 1.0)]],
        "v": [path("-32,100 0,0 32,100")],
        "w": [path("-44,100 -22,0 0,72 22,0 44,100")],
        "x": [path("-30,100 30,0"), path("30,100 -30,0")],
        "y": [path("-32,100 0,48 32,100"), path("0,48 0,0")],
        "z": [path("-30,100 30,100 -30,0 30,0")],
        "0": [bow(0, 0.5, 0.32, 0.5, 90, 450)], "1": [path("-16,82 4,100 4,0")],
        "2": [[*bow(0, 0.72, 0.27, 0.28, 160, -30), (-0.28, 0.0), (0.28, 0.0)]],
        "3": [bow(0, 0.76, 0.25, 0.24, 150, -90), bow(0, 0.26, 0.28, 0.26, 90, -150)],
        "4": [path("14,0 14,100 -30,30 30,30")],
        "5": [[(0.24, 1.0), (-0.2, 1.0), (-0.24, 0.56), *bow(0, 0.3, 0.28, 0.3, 110, -150)]],
        "6": [[(0.18, 1.0), *bow(0.02, 0.3, 0.3, 0.3, 150, 510)]],
        "7": [path("-28,100 28,100 -8,0")],
        "8": [bow(0, 0.75, 0.24, 0.25, 90, 450), bow(0, 0.25, 0.29, 0.25, 90, 450)],
        "9": [[*bow(-0.02, 0.7, 0.3, 0.3, 330, -30), (-0.18, 0.0)]],
    }  # fmt: skip


@cache
def known_letters() -> frozenset[str]:
    """Return the letters and digits that can be drawn."""
    return frozenset(_strokes())


def letters_shape(text: str, thick: float = 0.15) -> Shape:
    """Return the letters side by side as one shape, its foot in their middle; height 1."""
    shape, strokes = Shape(), _strokes()
    width = 0.92
    start = -width * (len(text) - 1) / 2
    for i, letter in enumerate(text):
        for stroke in strokes[letter]:
            shape.line([(start + i * width + x, y) for x, y in stroke], thick)
            shape.dab(start + i * width + stroke[0][0], stroke[0][1], thick / 2)
    return shape
