"""What a brief asks for, in words: image models of this kind have no other way; pure functions."""

from __future__ import annotations

import re

from limner.engine import Brief

#: sd-server parses parameters in the prompt between such tags: callers must not set them
_EXTRA_ARGS = re.compile(r"</?\s*sd_cpp_extra_args\s*>", re.IGNORECASE)
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


def prompt_of(
    brief: Brief, suffix: str, cell: int, about_pictures: str, *, negative_apart: bool
) -> str:
    """Return the words for a cell; ``negative_apart``: the server takes what must not show elsewhere."""
    words = [safe(brief.prompt)]
    if brief.niji:
        words.append("anime illustration")
    words.append(_STYLE_WORDS.get(brief.style, ""))
    if brief.stylize is not None:
        words.append(next(text for least, text in _STYLISED if brief.stylize > least))
    if brief.weird is not None:
        words.append(next((text for least, text in _WEIRD if brief.weird > least), ""))
    if brief.chaos is not None:
        words.append(next((text[cell] for least, text in _SPREAD if brief.chaos > least), ""))
    if brief.style != "raw":
        words.append(suffix)
    words.append(about_pictures)
    text = ", ".join(word for word in words if word.strip())
    if brief.negative and not negative_apart:
        text += f". Without: {safe(brief.negative)}."
    return text


def safe(text: str) -> str:
    """Return a caller's text without what sd-server would take for parameters."""
    return _EXTRA_ARGS.sub(" ", text)
