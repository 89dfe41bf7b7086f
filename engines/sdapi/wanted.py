"""Turn a brief into the bodies of ``/sdapi/v1/txt2img`` and ``img2img``; pure, used by ``engine``.

Source: ``modules/api/models.py`` of A1111 and Forge, ``examples/server/routes_sdapi.cpp`` of
stable-diffusion.cpp. In one batch, picture i is drawn with seed + i. With ``subseed_strength`` above
zero all pictures of a batch have one seed, and picture i varies it towards subseed + i: the smaller it
is, the more *alike* the pictures are, and here chaos decides that.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.remote.cells import to_png
from limner.engine import Brief

#: sd-server parses parameters in the prompt between such tags: callers must not set them
_EXTRA_ARGS = re.compile(r"</?\s*sd_cpp_extra_args\s*>", re.IGNORECASE)
_NIJI_WORDS = "anime illustration, clean line art, cel shading"
_STYLE_WORDS = {
    "cute": "cute, charming, rounded shapes",
    "expressive": "expressive, dynamic pose, vivid",
    "original": "",
    "scenic": "scenic, detailed background, cinematic light",
}
#: distilled models run without guidance, and fail with it
CFG_LEAST_TO_VARY = 2.0
_SEED_MAX = 2**32 - 1
_SIDE_STEP_PX = 8


@dataclass(frozen=True, slots=True)
class SdapiManner:
    """The operator's options for this server."""

    steps: int = 20
    cfg: float = 7.0
    sampler: str | None = None
    scheduler: str | None = None
    checkpoint: str | None = None
    niji_checkpoint: str | None = None
    #: words added to every prompt except in style raw
    suffix: str = ""
    negative: str = ""
    #: how many times larger than the cell to draw, before scaling down
    scale: float = 1.0
    #: four pictures in one request; otherwise four requests, each with the exact seed
    batch: bool = True


@dataclass(frozen=True, slots=True)
class SdapiRequest:
    """One request: its path and body, the cells that it draws and their seeds."""

    path: str
    body: dict[str, Any]
    cells: tuple[int, ...]
    seeds: tuple[int, ...]


def wanted(
    brief: Brief, manner: SdapiManner, *, batch: bool, tiling: bool, subseeds: bool
) -> list[SdapiRequest]:
    """Return the requests that draw a brief's four cells, in order.

    ``tiling`` and ``subseeds`` say whether the server knows these fields.
    """
    body = _common(brief, manner)
    if tiling and brief.tile:
        body["tiling"] = True
    path = "/sdapi/v1/txt2img"
    start = _start_of(brief)
    if start:
        picture, strength = start
        size = body["width"], body["height"]
        body["init_images"] = [base64.b64encode(to_png(picture, *size)).decode()]
        body["denoising_strength"] = strength
        path = "/sdapi/v1/img2img"
    spread = _spread(brief) if subseeds else None
    if not batch:
        return [_single(path, body, brief, cell, spread) for cell in range(4)]
    first = min(brief.seeds[0], _SEED_MAX - 3)
    body |= {"batch_size": 4, "seed": first}
    if spread is not None:
        body |= {"subseed": first, "subseed_strength": spread}
    return [SdapiRequest(path, body, (0, 1, 2, 3), tuple(first + cell for cell in range(4)))]


def _single(
    path: str, body: dict[str, Any], brief: Brief, cell: int, spread: float | None
) -> SdapiRequest:
    seed = brief.seeds[cell]
    own: dict[str, Any] = {"batch_size": 1, "seed": seed}
    if spread is not None:
        own = own | {"seed": brief.seeds[0], "subseed": seed, "subseed_strength": spread}
    return SdapiRequest(path, body | own, (cell,), (seed,))


def _common(brief: Brief, manner: SdapiManner) -> dict[str, Any]:
    body: dict[str, Any] = {
        "prompt": _prompt(brief, manner),
        "negative_prompt": _join(_safe(brief.negative), manner.negative),
        "width": _side(brief.width * manner.scale),
        "height": _side(brief.height * manner.scale),
        "steps": manner.steps,
        "cfg_scale": _cfg(brief, manner),
        "n_iter": 1,
        "send_images": True,
        "save_images": False,
    }
    if manner.sampler:
        body["sampler_name"] = manner.sampler
    if manner.scheduler:
        body["scheduler"] = manner.scheduler
    checkpoint = manner.niji_checkpoint if brief.niji else None
    checkpoint = checkpoint or manner.checkpoint
    if checkpoint:
        body["override_settings"] = {"sd_model_checkpoint": checkpoint}
        # If every request names its own, the server's default is never loaded in between.
        body["override_settings_restore_afterwards"] = manner.checkpoint is None
    return body


def _prompt(brief: Brief, manner: SdapiManner) -> str:
    words = [_safe(brief.prompt)]
    if brief.niji:
        words.append("" if manner.niji_checkpoint else _NIJI_WORDS)
        words.append(_STYLE_WORDS.get(brief.style, ""))
    if brief.style != "raw":
        words.append(manner.suffix)
    return _join(*words)


def _start_of(brief: Brief) -> tuple[Path, float] | None:
    """Return the picture to start from and how far to depart from it, 0-1."""
    if brief.parent and brief.parent.picture:
        return brief.parent.picture, brief.parent.strength
    if brief.references:
        iw = 1.0 if brief.iw is None else brief.iw
        return brief.references[0], round(1 - 0.35 * iw, 3)
    return None


def _cfg(brief: Brief, manner: SdapiManner) -> float:
    """Return the guidance: the lower, the more freedom for the model's own taste."""
    if brief.stylize is None or manner.cfg < CFG_LEAST_TO_VARY:
        return manner.cfg
    return round(max(1.5, manner.cfg + 2 - 5 * brief.stylize / 1000), 2)


def _spread(brief: Brief) -> float | None:
    return None if brief.chaos is None else round(0.4 + 0.6 * brief.chaos / 100, 3)


def _side(pixels: float) -> int:
    return max(_SIDE_STEP_PX, round(pixels / _SIDE_STEP_PX) * _SIDE_STEP_PX)


def _safe(text: str) -> str:
    return _EXTRA_ARGS.sub(" ", text)


def _join(*words: str) -> str:
    return ", ".join(word for word in words if word.strip())
