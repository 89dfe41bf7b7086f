"""Make the brief that an engine gets for a job; called by the drawing worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.canvas import Size, hd
from limner.engine import Brief, Edit, Parent
from limner.job import Job
from limner.prompt import compile_prompt, prompt_of
from limner.ratios import CELL_SIZE_PX, SQUARE
from limner.request import CELLS, Lane, Request


@dataclass(frozen=True, slots=True)
class Pictures:
    """The picture files that an engine starts from."""

    references: tuple[Path, ...] = ()
    style_references: tuple[Path, ...] = ()
    object_references: tuple[Path, ...] = ()
    parent: Parent | None = None
    edit: Edit | None = None


def brief_of(
    job: Job,
    pictures: Pictures = Pictures(),
    attempt: int = 0,
    *,
    models: Mapping[str, str] | None = None,
    draws_any_count: bool = True,
) -> Brief:
    """Return what an engine may know about ``job``.

    ``models``: the engine's own model for each version. ``draws_any_count``: it can draw fewer than four
    cells; another one gets four seeds, whatever the job's count. The words are those of its translation, if it has
    one.
    """
    request, final_prompt = job.request, job.final_prompt
    if job.translation and (translated := job.translation.of(request)) is not request:
        request, final_prompt = translated, compile_prompt(translated)
    prompt = prompt_of(request)
    width, height = size_of_request(request)
    change = request.change if request.operation == "upscale" else None
    return Brief(
        job_id=job.id,
        prompt=prompt.words,
        final_prompt=final_prompt,
        negative=prompt.negative,
        width=width,
        height=height,
        seeds=job.seeds if draws_any_count else four_seeds(job.seeds),
        chaos=prompt.chaos,
        stylize=prompt.stylize,
        style=prompt.style,
        niji=prompt.niji,
        tile=prompt.tile,
        references=pictures.references,
        iw=prompt.iw,
        style_references=pictures.style_references,
        style_weight=prompt.style_weight,
        object_references=pictures.object_references,
        object_weight=prompt.object_weight,
        quality=prompt.quality,
        weird=prompt.weird,
        draft=prompt.draft,
        model=(models or {}).get(prompt.version or ""),
        operation=request.operation,
        upscale="subtle" if change and change.kind == "subtle" else "creative" if change else None,
        edit=pictures.edit,
        parent=pictures.parent,
        fast=job.lane is Lane.FAST,
        attempt=attempt,
    )


def size_of_request(request: Request) -> Size:
    """Return the width and height of one cell that a request asks for, in pixels."""
    if request.size:
        return request.size
    said = prompt_of(request)
    size = CELL_SIZE_PX[said.ar or SQUARE]
    return hd(size) if said.hd else size


def four_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """Return as many seeds as an engine needs that always draws four cells."""
    more = CELLS - len(seeds)
    return (*seeds, *((seeds[-1] + step) % 2**32 for step in range(1, more + 1)))
