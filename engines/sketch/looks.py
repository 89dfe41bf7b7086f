"""The looks: in what material a picture is made, whatever its hour and weather.

Read by ``lexicon.py`` (the words), ``planner.py`` and ``finish.py`` (the effect). A look has no palette:
"a winter night in watercolour" keeps the colours of a winter night.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaintManner:
    """A material, by the words that ask for it; its name is its effect on the finish."""

    words: str
    #: words for manners that it comes close to
    near: str = ""


LOOKS: dict[str, PaintManner] = {
    "papercraft": PaintManner(
        "papercraft, paper craft, paper cut, papercut, cut paper, paper cutout, paper art, layered paper, "
        "made of paper, 剪纸, 纸艺, 纸雕",
        "origami, collage, kirigami, 折纸",
    ),
    "oil": PaintManner(
        "oil painting, oil paint, oil on canvas, oils, oil, impasto, palette knife, 油画",
        "acrylic painting, impressionist, impressionism, expressionist, van gogh, monet, rembrandt, 印象派, 梵高",
    ),
    "watercolour": PaintManner(
        "watercolor, watercolour, watercolors, watercolours, watercolor painting, watercolour painting, "
        "aquarelle, 水彩, 水彩画",
        "gouache",
    ),
    "pixel": PaintManner(
        "pixel art, pixelart, pixel, pixelated, 8bit, 8 - bit, 16bit, 16 - bit, 像素, 像素画, 像素风",
        "voxel, minecraft",
    ),
}
