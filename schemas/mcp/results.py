"""Results: what the server says of itself, and a job as a tool's result; used by ``api/faces/mcp``."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from limner.errors import FieldErrors
from limner.followup import buttons_of
from limner.job import Job, Picture, Status
from limner.plural import counted
from schemas.mcp.revisions import REVISIONS, SERVER_INFO, Revision, negotiated
from schemas.mcp.tools import INSTRUCTIONS, TOOLS, Json

#: the list of tools changes with the release only
_KEEP_MS = 3_600_000
_TITLE = "Limner, an imagine gateway"


def initialized(asked: Any, version: str) -> Json:
    """Return the answer to ``initialize``, for the revision asked for."""
    return {
        "protocolVersion": negotiated(asked),
        "capabilities": {"tools": {}},
        "serverInfo": _server(version),
        "instructions": INSTRUCTIONS,
    }


def discovered() -> Json:
    """Return the answer to ``server/discover``."""
    return {
        "supportedVersions": list(REVISIONS),
        "capabilities": {"tools": {}},
        "instructions": INSTRUCTIONS,
        "ttlMs": _KEEP_MS,
        "cacheScope": "public",
    }


def tools_listed(revision: Revision) -> Json:
    """Return the answer to ``tools/list``: all, on one page."""
    listed: Json = {"tools": list(TOOLS)}
    return listed | {"ttlMs": _KEEP_MS, "cacheScope": "public"} if revision.stateless else listed


def completed(result: Json, revision: Revision, version: str) -> Json:
    """Return a result with what the stateless revisions have in each."""
    if not revision.stateless:
        return result
    meta = {SERVER_INFO: _server(version)}
    return {"resultType": "complete", **result, "_meta": meta}


def _server(version: str) -> Json:
    return {"name": "limner", "title": _TITLE, "version": version}


def job_result(
    job: Job, shown: tuple[bytes, str] | None, revision: Revision, *, cancels: bool = False
) -> Json:
    """Return a job as a tool's result.

    ``shown``: a picture to look at, and its content type. ``cancels``: the caller wanted it to end like that.
    """
    content: list[Json] = [{"type": "text", "text": sentence(job)}]
    if shown:
        data, kind = shown
        picture = base64.b64encode(data).decode()
        content.append({"type": "image", "data": picture, "mimeType": kind})
    if revision.links:
        content += (_link(name, picture) for name, picture in _named(job))
    elif lines := [f"{name}: {picture.url}" for name, picture in _named(job)]:
        content.append({"type": "text", "text": "\n".join(lines)})
    failed = job.status is Status.FAILED and not cancels
    return {"content": content, "structuredContent": structured(job), "isError": failed}


def refused_result(message: str, errors: FieldErrors) -> Json:
    """Return a refusal as a tool's result, so that the model can mend what it asked for."""
    lines = [f"{name}: {' '.join(said)}" for name, said in errors.items()]
    text = "\n".join([message, *lines])
    return {"content": [{"type": "text", "text": text}], "isError": True}


def structured(job: Job) -> Json:
    """Return a job in the shape that ``JOB_SCHEMA`` describes."""
    standing = job.standing
    return {
        "job_id": job.id,
        "status": job.status.value,
        "progress": job.progress,
        "prompt": job.request.prompt_en,
        "position": job.position,
        "starts_in_s": standing.starts_in_s if standing else None,
        "waits_for": job.waits_for,
        "reason": job.reason,
        "reason_code": job.reason_code,
        "url": job.picture.url if job.picture else None,
        "pictures": [
            {"url": one.url, "width": one.width, "height": one.height} for one in job.pictures
        ],
        "seeds": list(job.drawn_seeds),
        "prompts": list(job.prompts),
        "buttons": list(buttons_of(job)),
        "engine": job.engine,
        "aspect_ratio": job.ar,
    }


def sentence(job: Job) -> str:
    """Return how a job stands, for a model to read."""
    later = "Call job with this id and a wait_s to wait for it."
    match job.status:
        case Status.WAITING:
            return f"Job {job.id} waits{_place(job)}. {later}"
        case Status.SUBMITTED | Status.DRAWING:
            return f"Job {job.id} is being drawn: {job.progress} %. {later}"
        case Status.FAILED:
            return f"Job {job.id} failed: {job.reason or job.reason_code or 'no reason was kept.'}"
    return " ".join(_of_done(job))


def step(job: Job) -> str:
    """Return how a job stands, for somebody who watches."""
    if job.status is Status.WAITING:
        return f"waiting{_place(job)}"
    return f"drawing: {job.progress} %" if job.progress else "starting"


def _of_done(job: Job) -> Iterable[str]:
    pictures = job.pictures
    if pictures:
        first = pictures[0]
        size = f"{first.width}x{first.height}"
        yield f"Job {job.id} is done: {counted(len(pictures), 'picture')} of {size}."
    else:
        yield f"Job {job.id} is done."
    if job.prompts:
        yield "\n".join(["Prompts that fit the picture:", *job.prompts])
    if buttons := buttons_of(job):
        yield f"To go on, press {', '.join(buttons)}."


def _place(job: Job) -> str:
    if job.waits_for:
        return f" ({job.waits_for})"
    if job.standing is None:
        return f" in the {job.lane} lane"
    starts_s = job.standing.starts_in_s
    about = f", about {starts_s:.0f} s from its start" if starts_s else ""
    return f" in the {job.lane} lane at place {job.position}{about}"


def _named(job: Job) -> Iterable[tuple[str, Picture]]:
    """Yield the finished pictures by name, one by one, then all in one."""
    if job.status is not Status.DONE:
        return
    for number, picture in enumerate(job.pictures, start=1):
        yield f"picture {number}", picture
    if job.picture and job.picture not in job.pictures:
        yield "all in one", job.picture


def _link(name: str, picture: Picture) -> Json:
    kind = {"jpg": "image/jpeg", "webp": "image/webp"}.get(picture.url.rpartition(".")[2])
    return {
        "type": "resource_link",
        "uri": picture.url,
        "name": name,
        "mimeType": kind or "image/png",
        "description": f"{picture.width}x{picture.height}",
    }
