"""Midjourney's flags: written from a request's fields, and parsed where a caller typed them.

``compile_prompt`` makes the final prompt when a job is accepted. ``prompt_of`` returns what a request
asks for; it parses the caller's own text, never what we compiled ourselves. What counts as a flag is
decided by ``limner.flags``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from limner.flags import take_flags
from limner.known_flags import DASHES
from limner.ratios import CELL_SIZE_PX, nearest_ratio, ratio_of
from limner.request import Request

NIJI_VERSION = "6"
NIJI_STYLES = ("cute", "expressive", "original", "scenic")
STYLES = ("raw",)
SPEEDS = ("fast", "relax", "turbo")
QUALITIES = (0.25, 0.5, 1.0, 2.0, 4.0)
#: pictures of one kind in a request
LINKS_MOST = 8
_DASHES = re.compile(DASHES)
_WEIGHT = re.compile(r"::[0-9.]{1,20}\Z")


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
    version: str | None = None
    quality: float | None = None
    weird: float | None = None
    raw: bool = False
    draft: bool = False
    hd: bool = False
    #: URLs; codes of Midjourney's own styles are left out
    style_references: tuple[str, ...] = ()
    style_weight: float | None = None
    object_references: tuple[str, ...] = ()
    object_weight: float | None = None


def compile_prompt(request: Request) -> str:
    """Return the prompt with one flag for each parameter that the caller gave, zero included."""
    if request.origin:
        return request.prompt_en
    flags = []
    if ar := _ratio_flag(request):
        flags.append(f"--ar {ar}")
    for name, number in _numbers_of(request):
        if number is not None:
            flags.append(f"--{name} {_plain(number)}")
    if request.raw:
        # It is a style, too; a later one counts more.
        flags.append("--raw")
    if request.style:
        flags.append(f"--style {request.style}")
    flags += [f"--{name}" for name in ("tile", "draft", "hd") if getattr(request, name)]
    if request.iw is not None:
        flags.append(f"--iw {_plain(request.iw)}")
    if request.niji:
        flags.append(f"--niji {request.version or NIJI_VERSION}")
    elif request.version:
        flags.append(f"--v {request.version}")
    for name, links in (("sref", request.style_references), ("oref", request.object_references)):
        if urls := [link for link in links if link[:4].lower() == "http"]:
            flags.append(f"--{name} {' '.join(urls)}")
    if request.negative and request.negative.strip():
        flags.append(f"--no {_without_flags(request.negative)}")
    return " ".join([request.prompt_en.strip(), *flags]).strip()


def _without_flags(text: str) -> str:
    """Return text in which nothing can be read as a flag, for the value of one."""
    return " ".join(_DASHES.sub(" ", text).split())


def _ratio_flag(request: Request) -> str | None:
    if request.size is None:
        return request.ar
    return ratio_of(*request.size)


def _numbers_of(request: Request) -> Iterable[tuple[str, float | None]]:
    yield "chaos", request.chaos
    yield "stylize", request.stylize
    yield "seed", request.seed
    yield "q", request.quality
    yield "weird", request.weird
    yield "sw", request.style_weight
    yield "ow", request.object_weight


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
        "style": request.style or ("raw" if request.raw else None),
        "niji": request.niji or None,
        "tile": request.tile or None,
        "iw": request.iw,
        "seed": request.seed,
        "negative": request.negative,
        "version": request.version,
        "quality": request.quality,
        "weird": request.weird,
        "raw": request.raw or None,
        "draft": request.draft or None,
        "hd": request.hd or None,
        "style_weight": request.style_weight,
        "object_weight": request.object_weight,
    }
    if request.ar is not None:
        said = replace(said, ar=request.ar, ar_requested=request.ar_requested)
    return replace(said, **{name: value for name, value in fields.items() if value is not None})


@lru_cache(maxsize=64)
def parse_prompt(text: str) -> Prompt:
    """Parse a prompt; a later flag overrides an earlier one.

    The last few results are kept, because accepting a job needs its prompt's more than once.
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
        version=found.get("version"),
        quality=_quality(found.get("quality")),
        weird=_number(found.get("weird"), 0, 3000),
        raw="raw" in found,
        draft="draft" in found,
        hd="hd" in found,
        style_references=_links(found.get("sref", "")),
        style_weight=_number(found.get("sw"), 0, 1000),
        object_references=_links(found.get("oref", "")),
        object_weight=_number(found.get("ow"), 0, 1000),
    )


def reworded(text: str, words: str | None, negative: str | None) -> str:
    """Return a prompt with other words, and another value of ``--no`` if it has one; None: those that it has."""
    own, flags = take_flags(text)
    said = own if words is None else _without_flags(words)
    written = [
        f"--no {_without_flags(negative)}"
        if flag.name == "no" and negative is not None
        else text[flag.start : flag.end].strip()
        for flag in flags
    ]
    return " ".join([said, *written]).strip()


def without_speed(text: str) -> tuple[str, str | None]:
    """Return a prompt without its speed flags, and the last of them: fast, relax or turbo."""
    speed, end, pieces = None, 0, []
    for flag in take_flags(text)[1]:
        if flag.name in SPEEDS:
            speed = flag.name
            pieces.append(text[end : flag.start].strip())
            end = flag.end
    rest = text[end:]
    pieces.append(rest.strip() if pieces else rest)
    return " ".join(piece for piece in pieces if piece), speed


def _plain(number: float) -> str:
    # Never with an exponent (1e-07): Midjourney does not parse that.
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _number(text: str | None, low: float, high: float) -> float | None:
    return None if text is None else min(max(float(text), low), high)


def _quality(text: str | None) -> float | None:
    """Return the nearest of the qualities that can be asked for."""
    if text is None:
        return None
    return min(QUALITIES, key=lambda quality: abs(quality - float(text)))


def _links(text: str) -> tuple[str, ...]:
    """Return the links of a flag, without their weights and without codes, as many as may be sent."""
    links = (_WEIGHT.sub("", word.rstrip(",;")) for word in text.split())
    return tuple(link for link in links if link[:4].lower() == "http")[:LINKS_MOST]


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
