"""Turn a brief into the bodies of ``/sdapi/v1/txt2img`` and ``img2img``; pure, used by ``engine``.

Source: ``modules/api/models.py`` of A1111 and Forge, ``examples/server/routes_sdapi.cpp`` of
stable-diffusion.cpp. In one batch, picture i is drawn with seed + i, so only seeds that follow each other
can be drawn in one. With ``subseed_strength`` above
zero all pictures of a batch have one seed, and picture i varies it towards subseed + i: the smaller it
is, the more *alike* the pictures are, and here chaos decides that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engines.remote.manner import guidance_of, joined, steps_of, words_of
from engines.sdapi.start import start_fields
from limner.engine import Brief

IMG2IMG, TXT2IMG = "/sdapi/v1/img2img", "/sdapi/v1/txt2img"
#: sd-server parses parameters in the prompt between such tags: callers must not set them
_EXTRA_ARGS = re.compile(r"</?\s*sd_cpp_extra_args\s*>", re.IGNORECASE)
_SIDE_STEP_PX = 8
#: a picture larger than this is not drawn larger still, to be scaled down
_SIDE_MAX_PX, _AREA_MAX_PX = 2048, 4 * 1024 * 1024


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
    #: pictures whose seeds follow each other in one request; otherwise each in its own
    batch: bool = True
    #: the server's upscaler for subtle upscales
    upscaler: str | None = None
    #: whether the server tiles: ``auto``, if it is of a kind that does; ``yes``, ``no``
    tiling: str = "auto"
    #: more checkpoints, for the versions that a caller may ask for
    versions: tuple[str, ...] = ()


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
    """Return the requests that draw a brief's cells, in order.

    ``tiling`` and ``subseeds`` say whether the server knows these fields.

    Raises:
        Rejected: a picture to start from cannot be read.
    """
    body = _common(brief, manner)
    if tiling and brief.tile:
        body["tiling"] = True
    start = start_fields(brief, (body["width"], body["height"]))
    body |= start
    spread = _spread(brief) if subseeds else None
    requests = []
    for cells in _runs(brief.seeds) if batch else [(n,) for n in range(len(brief.seeds))]:
        seeds = tuple(brief.seeds[cell] for cell in cells)
        own: dict[str, Any] = {"batch_size": len(cells), "seed": seeds[0]}
        if spread is not None:
            own |= {"seed": brief.seeds[0], "subseed": seeds[0], "subseed_strength": spread}
        requests.append(SdapiRequest(IMG2IMG if start else TXT2IMG, body | own, cells, seeds))
    return requests


def _runs(seeds: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the cells whose seeds follow each other."""
    run: tuple[int, ...] = ()
    for cell, seed in enumerate(seeds):
        if run and seed != seeds[run[-1]] + 1:
            yield run
            run = ()
        run = (*run, cell)
    yield run


def drawn_by(brief: Brief, manner: SdapiManner) -> str | None:
    """Return the checkpoint that draws a brief: a version's own before the one for niji."""
    niji = manner.niji_checkpoint if brief.niji else None
    return brief.model or niji or manner.checkpoint


def varies(brief: Brief) -> bool:
    """Return whether the cells are variations of the first one's seed, on servers that can."""
    return brief.chaos is not None and len(brief.seeds) > 1


def _common(brief: Brief, manner: SdapiManner) -> dict[str, Any]:
    scale = _scale(brief, manner)
    body: dict[str, Any] = {
        "prompt": _prompt(brief, manner),
        "negative_prompt": joined(_safe(brief.negative), manner.negative),
        "width": _side(brief.width * scale),
        "height": _side(brief.height * scale),
        "steps": steps_of(brief, manner.steps),
        "cfg_scale": guidance_of(brief, manner.cfg),
        "n_iter": 1,
        "send_images": True,
        "save_images": False,
    }
    if manner.sampler:
        body["sampler_name"] = manner.sampler
    if manner.scheduler:
        body["scheduler"] = manner.scheduler
    checkpoint = drawn_by(brief, manner)
    if checkpoint:
        body["override_settings"] = {"sd_model_checkpoint": checkpoint}
        # If every request names its own, the server's default is never loaded in between.
        body["override_settings_restore_afterwards"] = manner.checkpoint is None
    return body


def _prompt(brief: Brief, manner: SdapiManner) -> str:
    own = bool(manner.niji_checkpoint) and drawn_by(brief, manner) == manner.niji_checkpoint
    return words_of(_safe(brief.prompt), brief, suffix=manner.suffix, niji_model=own)


def _scale(brief: Brief, manner: SdapiManner) -> float:
    """Return how many times larger to draw, at least as large as the cell is."""
    width, height = brief.width, brief.height
    most = min(_SIDE_MAX_PX / max(width, height), math.sqrt(_AREA_MAX_PX / (width * height)))
    return min(manner.scale, max(1.0, most))


def _spread(brief: Brief) -> float | None:
    return round(0.4 + 0.6 * (brief.chaos or 0.0) / 100, 3) if varies(brief) else None


def _side(pixels: float) -> int:
    return max(_SIDE_STEP_PX, round(pixels / _SIDE_STEP_PX) * _SIDE_STEP_PX)


def _safe(text: str) -> str:
    return _EXTRA_ARGS.sub(" ", text)
