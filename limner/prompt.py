"""The final prompt: the one place that turns a request's fields into Midjourney's flags, and back.

``compile_prompt`` is called when a job is accepted; ``parse_prompt`` when its brief is made, so that
``origin/imagine``, whose flags stand in the text, is drawn by the same rules.
Source of the flags: Midjourney's parameter list (``--ar --chaos --stylize --style --tile --iw --niji
--no --seed``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from limner.ratios import CELL_SIZE_PX, nearest_ratio

if TYPE_CHECKING:
    from limner.job import Request

NIJI_VERSION = "6"
NIJI_STYLES = ("cute", "expressive", "original", "scenic")
STYLES = ("raw",)

#: the dash pair is an em dash where a phone's keyboard has been at work
_FLAG = re.compile(r"(?:^|\s)(?:--|—)([a-zA-Z]+)(?=\s|$)")
#: short enough to stay finite; float() alone would also take "nan", "1_0" and other scripts' digits
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt taken apart: the words, and what its flags say; None where a flag is absent."""

    words: str
    ar: str | None = None
    #: what the text says, where ``ar`` is only the nearest to it
    ar_requested: str | None = None
    chaos: float | None = None
    stylize: float | None = None
    style: str = ""
    niji: bool = False
    tile: bool = False
    iw: float | None = None
    negative: str = ""
    seed: int | None = None


def compile_prompt(request: Request) -> str:
    """Return the prompt with one flag for each parameter that the caller gave, zero included."""
    if request.origin:
        return request.prompt_en
    flags = []
    if request.ar is not None:
        flags.append(f"--ar {request.ar}")
    if request.chaos is not None:
        flags.append(f"--chaos {_plain(request.chaos)}")
    if request.stylize is not None:
        flags.append(f"--stylize {_plain(request.stylize)}")
    if request.style:
        flags.append(f"--style {request.style}")
    if request.tile:
        flags.append("--tile")
    if request.iw is not None:
        flags.append(f"--iw {_plain(request.iw)}")
    if request.niji:
        flags.append(f"--niji {NIJI_VERSION}")
    return " ".join([request.prompt_en.strip(), *flags])


def parse_prompt(text: str) -> Prompt:
    """Take a prompt apart; a later flag beats an earlier one, and a senseless value is passed over.

    Numbers beyond their range are brought to its nearest end: an engine never sees them.
    """
    marks = list(_FLAG.finditer(text))
    words = text[: marks[0].start()] if marks else text
    found: dict[str, str] = {}
    for mark, following in zip_longest(marks, marks[1:]):
        end = following.start() if following else len(text)
        found[mark[1].lower()] = text[mark.end() : end].strip()
    niji = "niji" in found
    ar, ar_requested = _ratio(found.get("ar", found.get("aspect", "")))
    style = found.get("style", "").lower()
    return Prompt(
        words=words.strip(),
        ar=ar,
        ar_requested=ar_requested,
        chaos=_number(found.get("chaos", found.get("c", "")), 0, 100),
        stylize=_number(found.get("stylize", found.get("s", "")), 0, 1000),
        style=style if style in (*STYLES, *NIJI_STYLES) else "",
        niji=niji,
        tile="tile" in found,
        iw=_number(found.get("iw", ""), 0, 2),
        negative=found.get("no", ""),
        seed=_seed(found.get("seed", "")),
    )


def _plain(number: float) -> str:
    # Never an exponent (1e-07), which is no number to Midjourney.
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _number(text: str, low: float, high: float) -> float | None:
    if not _DECIMAL.fullmatch(text.removeprefix("-")):
        return None
    return min(max(float(text), low), high)


def _seed(text: str) -> int | None:
    number = _number(text, 0, 2**32 - 1)
    return None if number is None else int(number)


def _ratio(text: str) -> tuple[str | None, str | None]:
    """Return the one of the seven that ``text`` means, and the text where it is another one."""
    if text in CELL_SIZE_PX:
        return text, None
    width, _, height = text.partition(":")
    if not _DECIMAL.fullmatch(width) or not _DECIMAL.fullmatch(height):
        return None, None
    if not float(width) or not float(height):
        return None, None
    return nearest_ratio(float(width), float(height)), text
