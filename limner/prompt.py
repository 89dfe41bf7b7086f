"""Midjourney's flags: written from a request's fields, and parsed where a caller typed them.

``compile_prompt`` makes the final prompt when a job is accepted. ``prompt_of`` returns what a request
asks for; it parses the caller's own text, never what we compiled ourselves. What counts as a flag is
decided by ``limner.flags``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from limner.flags import take_flags
from limner.ratios import CELL_SIZE_PX, nearest_ratio
from limner.request import Request

NIJI_VERSION = "6"
NIJI_STYLES = ("cute", "expressive", "original", "scenic")
STYLES = ("raw",)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed prompt: its words and the values of its flags; None if a flag is absent."""

    words: str
    ar: str | None = None
    #: the ratio in the text, if ``ar`` is only the nearest to it
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


def prompt_of(request: Request) -> Prompt:
    """Return what a request asks for: its fields and, for absent ones, the flags in its text.

    So ``origin/imagine``, whose flags are all in the text, is drawn by the same rules.
    """
    said = parse_prompt(request.prompt_en)
    if request.origin:
        return said
    fields: dict[str, Any] = {
        "chaos": request.chaos,
        "stylize": request.stylize,
        "style": request.style or None,
        "niji": request.niji or None,
        "tile": request.tile or None,
        "iw": request.iw,
    }
    if request.ar is not None:
        said = replace(said, ar=request.ar, ar_requested=request.ar_requested)
    return replace(said, **{name: value for name, value in fields.items() if value is not None})


def parse_prompt(text: str) -> Prompt:
    """Parse a prompt; a later flag overrides an earlier one.

    Numbers out of range are clamped. Flags that none of our engines supports are removed, because they are
    not words; what only looks like a flag stays.
    """
    words, flags = take_flags(text)
    found = {flag.name: flag.value for flag in flags}
    ar, ar_requested = _ratio(found.get("ar", ""))
    style = next((f.value or f.name for f in reversed(flags) if f.name in ("style", "raw")), "")
    return Prompt(
        words=words,
        ar=ar,
        ar_requested=ar_requested,
        chaos=_number(found.get("chaos"), 0, 100),
        stylize=_number(found.get("stylize"), 0, 1000),
        style=style.lower() if style.lower() in (*STYLES, *NIJI_STYLES) else "",
        niji="niji" in found,
        tile="tile" in found,
        iw=_number(found.get("iw"), 0, 2),
        negative=found.get("no", ""),
        seed=_seed(found.get("seed")),
    )


def _plain(number: float) -> str:
    # Never with an exponent (1e-07): Midjourney does not parse that.
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _number(text: str | None, low: float, high: float) -> float | None:
    return None if text is None else min(max(float(text), low), high)


def _seed(text: str | None) -> int | None:
    # Other programs use a negative number for "any".
    if text is None or float(text) < 0:
        return None
    return int(min(float(text), 2**32 - 1))


def _ratio(text: str) -> tuple[str | None, str | None]:
    """Return the nearest of the seven ratios to ``text``, and the text itself if it is not one of them."""
    # East Asian input methods type a colon of their own.
    text = text.replace("：", ":")
    if not text or text in CELL_SIZE_PX:
        return text or None, None
    width, _, height = text.partition(":")
    return nearest_ratio(float(width), float(height)), text
