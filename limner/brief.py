"""Make the brief that an engine gets for a job; called by the drawing worker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from limner.engine import Brief, Parent
from limner.job import Job
from limner.prompt import prompt_of
from limner.ratios import CELL_SIZE_PX
from limner.request import Lane


def brief_of(
    job: Job,
    references: Sequence[Path] = (),
    attempt: int = 0,
    parent: Parent | None = None,
) -> Brief:
    """Return what an engine may know about ``job``."""
    prompt = prompt_of(job.request)
    width, height = CELL_SIZE_PX[job.ar]
    return Brief(
        job_id=job.id,
        prompt=prompt.words,
        final_prompt=job.final_prompt,
        negative=prompt.negative,
        width=width,
        height=height,
        seeds=job.seeds,
        chaos=prompt.chaos,
        stylize=prompt.stylize,
        style=prompt.style,
        niji=prompt.niji,
        tile=prompt.tile,
        references=tuple(references),
        iw=prompt.iw,
        parent=parent,
        fast=job.lane is Lane.FAST,
        attempt=attempt,
    )
