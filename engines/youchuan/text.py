"""The text that Youchuan is sent: the final prompt, without flags that its model does not take; pure functions.

Source: Youchuan's guide to version 8.1: it refuses ``--weird``, ``--tile``, ``--draft`` and others, knows ``--raw``
and no ``--style``, and ``--quality`` 1 and 4. Earlier versions take what Midjourney takes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from limner.engine import Brief, Level
from limner.flags import Flag, take_flags

#: the most characters of a text
TEXT_MAX = 8192
#: what version 8 refuses, by the flags' main names; a style is said in another way
_REFUSED_BY_8 = ("weird", "tile", "draft", "stop", "cref", "cw", "bs", "style")
#: what the lane decides, and what a request of ours never is
_NEVER = ("fast", "relax", "turbo", "repeat", "video")
_SEED = re.compile(r"(?<!\S)--seed\s+(\d{1,10})(?!\S)")
_VERSION = re.compile(r"(?<!\S)(--v(?:ersion)?|--niji)\s+(\S+)")


def text_of(brief: Brief, *, version: str, relax: bool, seed: int | None, suffix: str) -> str:
    """Return the text of a drawing; ``version``: the model's, where the caller names none."""
    text = versioned(brief, version)
    text = _without(text, lambda flag: flag.name in _NEVER)
    if is_8(text):
        text = _for_8(text)
    if suffix and brief.style != "raw":
        _, flags = take_flags(text)
        end = flags[0].start if flags else len(text)
        text = f"{text[:end].rstrip()}, {suffix} {text[end:]}".rstrip()
    if seed is not None and not _SEED.search(text):
        text += f" --seed {seed}"
    return text + (" --relax" if relax else "")


def versioned(brief: Brief, version: str) -> str:
    """Return the final prompt with the version by the name that it has here."""
    text = brief.final_prompt
    if brief.model:
        text = _VERSION.sub(lambda found: f"{found[1]} {brief.model}", text)
    if version and not brief.niji and not _VERSION.search(text):
        text += f" --v {version}"
    return text


def is_8(text: str) -> bool:
    """Return whether a text is for version 8, or a later one, which take less."""
    found = _VERSION.findall(text)
    return bool(found) and found[-1][0] != "--niji" and _number(found[-1][1]) >= 8


def seed_in(text: str) -> int | None:
    """Return the seed that a text asks for."""
    found = _SEED.findall(text)
    return int(found[-1]) if found else None


def lost_in_8(brief: Brief) -> Mapping[str, Level]:
    """Return what was asked for and version 8 does not take, as levels."""
    asked = {"weird": brief.weird is not None, "tile": brief.tile, "draft": brief.draft}
    return {name: "none" for name, is_asked in asked.items() if is_asked}


def digest(text: str) -> str:
    """Return what tells two texts apart, but for their seeds, which a follow-up does not have."""
    plain = " ".join(_SEED.sub("", text).split())
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def _for_8(text: str) -> str:
    raw = re.search(r"(?<!\S)--(?:style\s+raw|raw)(?!\S)", text) is not None
    effort = None

    def refused(flag: Flag) -> bool:
        nonlocal effort
        if flag.name == "quality":
            effort = _number(flag.value)
            return True
        return flag.name in _REFUSED_BY_8

    text = _without(text, refused)
    if raw and not re.search(r"(?<!\S)--raw(?!\S)", text):
        text += " --raw"
    if effort is not None and effort > 1:
        text += " --quality 4"
    return text


def _without(text: str, refused: Callable[[Flag], bool]) -> str:
    _, flags = take_flags(text)
    for flag in reversed(flags):
        if refused(flag):
            text = text[: flag.start].rstrip() + text[flag.end :]
    return text


def _number(text: str) -> float:
    found = re.match(r"\d{1,4}(?:\.\d{1,4})?", text)
    return float(found[0]) if found else 0.0
