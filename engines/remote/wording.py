"""What a brief asks for, in words: many hosted image models have no other way; pure functions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from limner.engine import Brief, Level

_SPREAD = (
    # chaos above · one phrase per cell
    (75, ("seen from above", "as a tight close-up", "abstracted into shapes", "at another time")),
    (40, ("in a wide view", "from a low angle", "in unusual light", "off centre")),
    (10, ("in a calm composition", "slightly closer", "slightly wider", "in softer light")),
)
_STYLISED = (
    # stylize above · words
    (600, "highly stylised, painterly, with a striking composition"),
    (250, "with artistic flair"),
    (50, ""),
    (-1, "plain and literal"),
)
_WEIRD = (
    # weird above · words
    (1500, "strange, surreal and unlike anything seen before"),
    (300, "unconventional and odd"),
    (0, "with a slightly odd touch"),
)
_STYLE_WORDS = {
    "raw": "without added stylisation",
    "cute": "cute and charming",
    "expressive": "expressive and vivid",
    "scenic": "with a scenic, detailed background",
}


@dataclass(frozen=True, slots=True)
class SharedWords:
    """What goes into the words of every cell beside what the caller asks for.

    ``suffix``: the operator's own, but not with style raw; ``about_pictures``: what the pictures sent along
    are for; ``negative_apart``: what must not show is sent elsewhere, or nowhere; ``spread``: whether chaos
    has other words for each cell.
    """

    suffix: str = ""
    about_pictures: str = ""
    negative_apart: bool = False
    spread: bool = True


def worded(brief: Brief, cell: int, wording: SharedWords = SharedWords()) -> str:
    """Return the words for a cell."""
    words = [brief.prompt]
    if brief.niji:
        words.append("anime illustration")
    words.append(_STYLE_WORDS.get(brief.style, ""))
    if brief.stylize is not None:
        words.append(next(text for least, text in _STYLISED if brief.stylize > least))
    if brief.weird is not None:
        words.append(next((text for least, text in _WEIRD if brief.weird > least), ""))
    if brief.chaos is not None and wording.spread:
        words.append(next((text[cell] for least, text in _SPREAD if brief.chaos > least), ""))
    if brief.style != "raw":
        words.append(wording.suffix)
    words.append(wording.about_pictures)
    text = ", ".join(word for word in words if word.strip())
    if brief.negative and not wording.negative_apart:
        text += f". Without: {brief.negative}."
    return text


def numbered(first: int, count: int) -> str:
    """Return what pictures are called that are sent along, the first of all being 1."""
    if count == 1:
        return f"picture {first}"
    return f"pictures {first} to {first + count - 1}"


def fitting(brief: Brief, room: int, starts: int) -> tuple[Brief, dict[str, Level]]:
    """Return the brief with as many pictures for style and things as a list of ``room`` pictures takes.

    ``starts`` of them are taken already. Also the levels of what is left out.
    """
    left = max(0, room - starts)
    style = brief.style_references[:left]
    things = brief.object_references[: left - len(style)]
    out: dict[str, Level] = {}
    if brief.style_references and not style:
        out["style_references"] = "none"
    if brief.object_references and not things:
        out["object_references"] = "none"
    return dataclasses.replace(brief, style_references=style, object_references=things), out


def about_listed(brief: Brief, starts: int) -> str:
    """Return what a list of pictures is for: ``starts`` to start from, then those for style, then things."""
    words = []
    if brief.parent and brief.parent.picture:
        words.append("a variation of the given picture")
    elif brief.operation == "blend":
        words.append("the given pictures blended into one")
    first = starts + 1
    for paths, role in (
        (brief.style_references, "in the style of"),
        (brief.object_references, "with what is shown in"),
    ):
        if paths:
            words.append(f"{role} {numbered(first, len(paths))}")
        first += len(paths)
    return ", ".join(words)
