"""A job, or the draft of a follow-up, as midjourney-proxy's task; what clients make of each field is in docs.

Times are whole milliseconds, since some clients decode nothing else; what there is not yet is null and
never empty, since some take an empty list for a list.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from limner.draft import Draft
from limner.followup import PAN, REDRAW, REGION, REMIX, UPSCALE, ZOOM, cell_of
from limner.job import Job, Status
from limner.request import CELLS, Lane
from schemas.mjproxy.buttons import buttons_body

STATUS_OF = {
    Status.WAITING: "NOT_START",
    Status.SUBMITTED: "SUBMITTED",
    Status.DRAWING: "IN_PROGRESS",
    Status.DONE: "SUCCESS",
    Status.FAILED: "FAILURE",
}
MODAL = "MODAL"
_ACTION_OF = {
    "draw": "IMAGINE",
    "blend": "BLEND",
    "describe": "DESCRIBE",
    REDRAW: "REROLL",
    UPSCALE: "UPSCALE_HD",
    REGION: "INPAINT",
    ZOOM: "ZOOM",
    PAN: "PAN",
    REMIX: "VARIATION",
}
THUMBNAIL = "?x-oss-process=style/scale512"
_DIGITS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣")


def task_body(job: Job) -> dict[str, Any]:
    """Return the job as a task, ready for JSON."""
    request, found = job.request, _prompts(job)
    words = found or request.prompt or request.prompt_en
    english = (job.translation and job.translation.prompt) or request.prompt_en
    picture = job.picture
    cells = job.cells if len(job.cells) == CELLS and job.status is Status.DONE else ()
    seeds = job.drawn_seeds
    return {
        "id": job.id,
        "action": action_of(job.draw_type),
        "status": STATUS_OF[job.status],
        "progress": _progress(job),
        "prompt": words,
        "promptEn": found or english,
        "description": _description(job.draw_type, words),
        "state": request.extra,
        "submitTime": _ms(job.created_at),
        "startTime": _ms(job.started_at),
        "finishTime": _ms(job.finished_at),
        "failReason": (job.reason or "It failed.") if job.status is Status.FAILED else None,
        "imageUrl": picture.url if picture else None,
        "thumbnailUrl": picture.url + THUMBNAIL if picture else None,
        "width": picture.width if picture else None,
        "height": picture.height if picture else None,
        "imageUrls": [{"url": c.url, "thumbnail": c.url + THUMBNAIL} for c in cells] or None,
        "buttons": buttons_body(job),
        "botType": _bot(request.niji),
        "mode": _mode(job.lane),
        "seed": str(seeds[0]) if seeds else None,
        "properties": {
            "finalPrompt": found or job.final_prompt,
            "finalZhPrompt": None,
            "numberOfQueues": ahead_of(job),
            "notifyHook": request.callback_url,
        },
    }


def draft_body(draft: Draft, parent: Job) -> dict[str, Any]:
    """Return a draft as a task in MODAL, which waits for what is filled into its window."""
    press = draft.press
    prompt = parent.request.prompt_en
    empty = dict.fromkeys(
        ("startTime", "finishTime", "failReason", "imageUrl", "thumbnailUrl", "width", "height",
         "imageUrls", "buttons", "seed")
    )  # fmt: skip
    return {
        "id": draft.id,
        "action": action_of(press.button),
        "status": MODAL,
        "progress": "0%",
        "prompt": parent.request.prompt or prompt,
        "promptEn": prompt,
        "description": _description(press.button, prompt),
        "state": press.extra,
        "submitTime": _ms(draft.created_at),
        "botType": _bot(parent.request.niji),
        "mode": _mode(press.lane),
        **empty,
        "properties": window_of(parent) | {"notifyHook": press.callback_url},
    }


def window_of(parent: Job) -> dict[str, Any]:
    """Return what a window shows before it is filled in."""
    return {"finalPrompt": parent.final_prompt, "remix": True}


def action_of(draw_type: str) -> str:
    """Return the action that a button, or another way to make a job, is called."""
    if cell_of(draw_type) is not None:
        return "UPSCALE" if draw_type.startswith("u") else "VARIATION"
    return _ACTION_OF.get(draw_type, "IMAGINE")


def ahead_of(job: Job) -> int:
    """Return how many jobs start before this one, as far as that is known."""
    return (job.position or 1) - 1


def _progress(job: Job) -> str:
    """Return percents; some clients take nothing else than 100 % for the end, and 100 % for nothing else."""
    if job.status.ended:
        return "100%"
    return f"{min(job.progress, 99)}%" if job.status is Status.DRAWING else "0%"


def _prompts(job: Job) -> str | None:
    lines = [f"{digit} {text}" for digit, text in zip(_DIGITS, job.prompts, strict=False)]
    return "\n\n".join(lines) or None


def _description(draw_type: str, words: str) -> str:
    command = draw_type if draw_type in ("blend", "describe") else "imagine"
    return f"/{command} {words}".strip()


def _bot(niji: bool) -> str:
    return "NIJI_JOURNEY" if niji else "MID_JOURNEY"


def _mode(lane: Lane) -> str:
    return "FAST" if lane is Lane.FAST else "RELAX"


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
