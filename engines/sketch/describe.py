"""Four short prompts for a picture, out of what numbers say about it: nothing in them is recognised.

Called by ``child.py``. The words are ones that the painter knows, so that they can be drawn again.
"""

from __future__ import annotations

from engines.sketch.look import Appearance, looked
from engines.sketch.moods import MOODS
from engines.sketch.reference import nearest_mood
from engines.sketch.vocabulary import words_of

#: lightness below which a picture is dark, and above which it is bright
DARK, BRIGHT = 0.4, 0.72

#: mean step in lightness below which a picture is calm, and above which it is busy
CALM, BUSY = 0.015, 0.035


def described(path: str) -> list[str]:
    """Return four prompts, the plainest first."""
    look = looked(path)
    mood = words_of(MOODS[nearest_mood(look.palette)].words)[0]
    colours = _joined(look.colours)
    line = f"{_horizon(look)}, " if look.horizon else ""
    return [
        f"a {_light(look)} {_joined(look.colours[:2])} {_format(look)} picture, {line}{_bustle(look)}",
        f"{look.above} above, {look.below} below, {_light(look)}, {_temperature(look)} colours",
        f"{mood}, {colours}, {_contrast(look)} contrast, {_bustle(look)}",
        f"{_temperature(look)} {_light(look)} scene in {colours}, light from the {_side(look)}, {mood}",
    ]


def _joined(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _light(look: Appearance) -> str:
    return "dark" if look.light < DARK else "bright" if look.light > BRIGHT else "softly lit"


def _bustle(look: Appearance) -> str:
    return "calm" if look.busy < CALM else "busy" if look.busy > BUSY else "some detail"


def _contrast(look: Appearance) -> str:
    return "strong" if look.contrast > 0.2 else "soft" if look.contrast < 0.1 else "medium"


def _temperature(look: Appearance) -> str:
    if look.chroma < 0.025:
        return "nearly grey"
    return "warm" if look.warmth > 0.015 else "cool" if look.warmth < -0.015 else "balanced"


def _format(look: Appearance) -> str:
    ratio = look.width / look.height
    if ratio > 1.9:
        return "wide panorama-format"
    return "landscape-format" if ratio > 1.1 else "portrait-format" if ratio < 0.9 else "square"


def _horizon(look: Appearance) -> str:
    place = look.horizon or 0.5
    return (
        "low horizon"
        if place > 0.6
        else "high horizon"
        if place < 0.42
        else "horizon in the middle"
    )


def _side(look: Appearance) -> str:
    across = "left" if look.bright_x < 0.38 else "right" if look.bright_x > 0.62 else ""
    down = "upper" if look.bright_y < 0.4 else "lower" if look.bright_y > 0.6 else ""
    return " ".join(filter(None, (down, across))) or "middle"
