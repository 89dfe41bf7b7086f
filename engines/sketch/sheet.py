"""The contact sheet: pictures from the command line, one grid or a page of prompts and parameters.

``python -m engines.sketch.sheet "a fox in the snow" --out fox.png`` draws one grid;
``--sheet`` makes a page of the given prompts, or else of a built-in set that shows every parameter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from engines.sketch.order import Order
from engines.sketch.painter import UnreadablePicture, notes, paint
from engines.sketch.reading import read
from limner.errors import ConfigError
from limner.exits import exit_code
from limner.printing import document
from limner.ratios import CELL_SIZE_PX, nearest_ratio

LABEL_PX, GAP_PX, PAPER = 22, 8, (250, 248, 243)

#: height of a line under a picture, and how many there are: understood, near, ignored
CLAIM_PX, CLAIMS = 14, 3

#: the page for no prompt
PROMPTS = (
    "misty mountains and a lake at dawn",
    "a tiger in the snow, watercolor",
    "rush hour traffic, yellow taxis, rain, night",
    "an old lighthouse in a storm, waves",
    "portrait of a woman with red hair, smiling, oil painting",
    "papercraft mountains, deer, forest, moon",
    "living room with a fireplace, christmas tree",
    "ramen and sushi",
    "a cat and a puppy in a meadow, spring",
    "logo with the letter K",
    "pixel art castle, full moon, dragon",
    "水墨山水，竹林，一座塔",
)
SHOWN = "a castle under a full moon, fantasy"
PARAMETERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("chaos 0, stylize 100", {}),
    ("chaos 90", {"chaos": 90.0}),
    ("stylize 1000", {"stylize": 1000.0}),
    ("style raw", {"style": "raw"}),
    ("niji", {"niji": True}),
    ("tile", {"tile": True}),
)


def main(argv: list[str]) -> int:
    """Draw what the command line asks for; return the exit status.

    Raises:
        ConfigError: an argument is wrong.
    """
    asked = _parser().parse_args(argv)
    _check_ending(asked.out)
    width, height = CELL_SIZE_PX[_ratio(asked.ar)]
    order = Order(
        prompt="",
        width=width,
        height=height,
        seeds=tuple((asked.seed + i) % 2**32 for i in range(4)),
        negative=asked.no,
        chaos=asked.chaos,
        stylize=asked.stylize,
        style=asked.style,
        niji=asked.niji,
        tile=asked.tile,
        references=tuple(asked.reference),
        image_weight=asked.iw,
    )
    said: Mapping[str, Any] = {}
    try:
        if asked.sheet:
            listed = asked.list.read_text().splitlines() if asked.list else []
            entries = _entries(order, [*asked.prompt, *filter(None, listed)])
            page = _sheet(entries, shrink=asked.shrink, columns=asked.columns, claims=asked.claims)
        else:
            if len(asked.prompt) != 1:
                raise ConfigError("prompt", "give one, or --sheet for a page of several")
            order = replace(order, prompt=asked.prompt[0])
            page = grid(order, shrink=asked.shrink)
            said = notes(order)
            if not asked.json:
                sys.stderr.write(f"understood: {', '.join(said['understood']) or 'nothing'}\n")
                near = [f"{word} as {name}" for word, name in said.get("near", {}).items()]
                sys.stderr.write(f"near: {', '.join(near) or 'nothing'}\n")
                sys.stderr.write(f"ignored: {', '.join(said['ignored']) or 'nothing'}\n")
    except UnreadablePicture as error:
        raise ConfigError("--reference", str(error)) from error
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    page.save(asked.out, quality=86)
    if asked.json:
        document({"picture": str(asked.out), **said})
    return 0


def grid(order: Order, *, shrink: int = 1) -> Image.Image:
    """Return the four cells of one order as a picture."""
    width, height = order.width // shrink, order.height // shrink
    page = Image.new("RGB", (2 * width, 2 * height))
    for cell in range(4):
        picture = Image.fromarray(paint(order, cell, shrink))
        page.paste(picture, (cell % 2 * width, cell // 2 * height))
    return page


def _entries(order: Order, prompts: Sequence[str]) -> list[tuple[str, Order]]:
    if prompts:
        return [(text, replace(order, prompt=text)) for text in prompts]
    entries = [(text, replace(order, prompt=text)) for text in PROMPTS]
    for label, changes in PARAMETERS:
        entries.append((label, replace(order, prompt=SHOWN, **changes)))  # type: ignore[arg-type]
    return entries


def _sheet(
    entries: list[tuple[str, Order]], *, shrink: int, columns: int, claims: bool
) -> Image.Image:
    """Return a page of labelled grids, with what the notes claim of each of them if ``claims``."""
    shrink = max(shrink, 2)
    with ProcessPoolExecutor() as pool:
        grids = list(pool.map(_small_grid, [(order, shrink) for _, order in entries]))
    width = max(picture.width for picture in grids) + GAP_PX
    below = CLAIM_PX * CLAIMS if claims else 0
    height = max(picture.height for picture in grids) + LABEL_PX + below + GAP_PX
    rows = -(-len(grids) // columns)
    page = Image.new(
        "RGB", (min(columns, len(grids)) * width + GAP_PX, rows * height + GAP_PX), PAPER
    )
    pen, font, small = ImageDraw.Draw(page), ImageFont.load_default(13), ImageFont.load_default(11)
    for i, ((label, _), picture) in enumerate(zip(entries, grids, strict=True)):
        left, top = GAP_PX + i % columns * width, GAP_PX + i // columns * height
        # Pillow's built-in font has only Latin letters
        text = label if label.isascii() else f"in Chinese: {', '.join(_names(label))}"
        text = text if len(text) < 62 else text[:60] + "…"
        pen.text((left, top + 2), text, fill=(60, 56, 50), font=font)
        page.paste(picture, (left, top + LABEL_PX))
        for k, line in enumerate(_claims(entries[i][1]) if claims else ()):
            y = top + LABEL_PX + picture.height + 3 + CLAIM_PX * k
            pen.text((left, y), line[: picture.width // 5], fill=(110, 104, 94), font=small)
    return page


def _claims(order: Order) -> list[str]:
    """Return what the notes say, a line each; Pillow's built-in font has only Latin letters."""
    said = notes(order)
    near = [f"{word} (as {name})" for word, name in said.get("near", {}).items()]
    lines = {"understood": said["understood"], "near": near, "ignored": said["ignored"]}
    names = {word: ", ".join(_names(word)) for words in lines.values() for word in words}
    return [
        f"{name}: {', '.join(word if word.isascii() else names[word] or '-' for word in words) or '-'}"
        for name, words in lines.items()
    ]


def _names(prompt: str) -> list[str]:
    reading = read(prompt)
    return [*reading.moods, *(mention.name for mention in reading.mentions)]


def _small_grid(entry: tuple[Order, int]) -> Image.Image:
    order, shrink = entry
    return grid(order, shrink=shrink)


def _ratio(text: str) -> str:
    width, _, height = text.partition(":")
    try:
        return nearest_ratio(float(width), float(height))
    except (ValueError, ZeroDivisionError):
        raise ConfigError("--ar", f"must be like 3:2 (it is {text!r})") from None


def _check_ending(out: Path) -> None:
    """Return if a picture can be written to a file of that name."""
    if out.suffix.lower() not in Image.registered_extensions():
        raise ConfigError("--out", f"must end in .png, .jpg or the like (it is {str(out)!r})")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="limner sketch", description="Draw with the default engine."
    )
    parser.add_argument("prompt", nargs="*", help="what is drawn; several with --sheet")
    parser.add_argument("--sheet", action="store_true", help="a page of prompts and parameters")
    parser.add_argument("--list", type=Path, help="a file of more prompts for the page, one a line")
    parser.add_argument("--columns", type=int, default=3, help="pictures in a row of the page")
    parser.add_argument("--claims", action="store_true", help="print the notes under each picture")
    parser.add_argument("--out", type=Path, default=Path("sketch.png"), help="picture to write")
    parser.add_argument("--ar", default="1:1", help="aspect ratio, nearest of the seven")
    parser.add_argument("--seed", type=int, default=1, help="of the first cell; the others follow")
    parser.add_argument("--chaos", type=float, default=0.0, help="0-100")
    parser.add_argument("--stylize", type=float, default=100.0, help="0-1000")
    parser.add_argument(
        "--style", default="", choices=["", "raw", "cute", "expressive", "original", "scenic"]
    )
    parser.add_argument("--niji", action="store_true", help="flat tones and an ink line")
    parser.add_argument("--tile", action="store_true", help="a seamless pattern")
    parser.add_argument("--no", default="", help="what must not be seen")
    parser.add_argument("--reference", action="append", default=[], help="a picture; repeatable")
    parser.add_argument("--iw", type=float, default=1.0, help="0-2, weight of the references")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--shrink", type=int, default=1, help="paint at this part of the size")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(lambda: main(sys.argv[1:])))
