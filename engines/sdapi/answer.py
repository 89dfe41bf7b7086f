"""Interpret an sdapi server's responses: pictures from a 200, our errors from others; pure functions.

Source: ``modules/api/api.py`` of A1111 (errors are ``{"error": type, "detail", "body", "errors"}``),
SD.Next's ``modules/api``, and sd-server's ``{"error": text}``. ``info`` is a JSON *string*, or "".
"""

from __future__ import annotations

import re
from typing import Any

from engines.remote.cells import from_base64
from engines.remote.failure import failure
from engines.remote.reading import read_json
from engines.remote.session import Answer, Answered
from limner.errors import (
    BadResult,
    EngineError,
    OutOfMemory,
    Refused,
    Rejected,
)
from limner.plural import counted

#: words in these servers' error names and messages → what is wrong
_MEMORY = ("outofmemory", "out of memory", "failed to allocate")
_NAN = ("nansexception", "tensor with all nans", "tensor with nans")
_SETUP = re.compile(
    r"(?:sampler|scheduler|script|checkpoint|model)\b.{0,80}\bnot found|unknown checkpoint|not loaded"
    r"|no (?:checkpoint|model)s? (?:found|loaded|selected|available)"
)
#: fields of a request that the operator's options decide, and those that the caller decides
_OURS = re.compile(
    r"\b(steps|cfg_scale|sampler_name|scheduler|override_settings|batch_size|n_iter|save_images"
    r"|send_images|force_task_id|subseed|subseed_strength|tiling|sd_model_checkpoint)\b"
)
_CALLERS = re.compile(r"\b(prompt|negative_prompt|width|height|seed|denoising_strength)\b")
_PICTURE = ("init image", "unidentifiedimage", "invalid encoded image", "invalid image")


def pictures(answer: Answer, count: int) -> tuple[list[bytes], list[int]]:
    """Return ``count`` pictures and as many seeds from a 200; no seeds if the server returns none.

    Raises:
        BadResult: some are missing.
    """
    table = answer.table()
    images = table.get("images")
    info = _info(table.get("info"))
    if not isinstance(images, list):
        raise BadResult("The engine's answer has no pictures.")
    # A server that makes grids puts them first, and reports that.
    first = info.get("index_of_first_image")
    images = images[first if isinstance(first, int) and first > 0 else 0 :]
    if len(images) < count:
        raise BadResult(f"The engine gave {counted(len(images), 'picture')} instead of {count}.")
    return [from_base64(image) for image in images[:count]], _seeds(info, count)


def judge(answer: Answer) -> EngineError | None:
    """Return the error for a response with a status of 400 or more, if its own words decide."""
    fields = _fields(answer.table())
    # FastAPI may quote the body, with the caller's words: then only the fields it names count.
    words = "" if fields else _words(answer)
    if any(word in words for word in _MEMORY):
        return OutOfMemory()
    if any(word in words for word in _NAN):
        return BadResult("The engine's numbers overflowed.")
    if answer.status in (400, 404, 422, 500):
        if any(word in words for word in _PICTURE):
            return Rejected("reference", "The engine could not read the reference image.")
        if _SETUP.search(words):
            return Refused("setup", "a sampler, script or checkpoint is not on the server")
    if answer.status in (400, 422):
        said = fields or words
        ours = _OURS.search(said)
        if ours:
            return Refused("setup", f"the server does not take our {ours[1]}")
        if _CALLERS.search(said):
            return Rejected("parameter", "The engine does not take these parameters.")
    # It may be anything: a server that fails for everyone in this way must not be believed.
    return None


def failed(words: str) -> EngineError:
    """Return the meaning of a failed job's message."""
    said = words.lower()
    if any(word in said for word in _MEMORY):
        return OutOfMemory()
    return failure("The engine could not draw.", words)


def refused_path(error: Answered) -> EngineError:
    """Return the meaning of an error response to the drawing request itself."""
    if error.answer.status in (404, 405):
        return Refused("setup", "the server has no /sdapi/v1: was it started with --api?")
    return error


def _info(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    try:
        info = read_json(text) if isinstance(text, str) else {}
    except BadResult:
        return {}
    return info if isinstance(info, dict) else {}


def _seeds(info: dict[str, Any], count: int) -> list[int]:
    seeds = info.get("all_seeds")
    if not isinstance(seeds, list) or len(seeds) < count:
        return []
    seeds = seeds[:count]
    return seeds if all(isinstance(seed, int) for seed in seeds) else []


def _fields(table: dict[str, Any]) -> str:
    """Return the names of the fields that FastAPI reports as wrong; "" if it reports none."""
    detail = table.get("detail")
    errors = [e for e in detail if isinstance(e, dict)] if isinstance(detail, list) else []
    places = [e["loc"] for e in errors if isinstance(e.get("loc"), list)]
    return " ".join(str(part) for place in places for part in place).lower()


def _words(answer: Answer) -> str:
    """Return the parts that may name the error, in lower case; never shown to anyone."""
    table = answer.table()
    told = [str(table.get(key, "")) for key in ("error", "detail", "errors", "message")]
    return " ".join(told).lower()
