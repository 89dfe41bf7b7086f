"""What a cog prediction came to: pictures, our errors, the progress that its log shows; pure functions.

Seen with cog 0.23: a model that fails is a 200 with the status ``failed`` and the exception's text; a wrong
input is a 422 with FastAPI's ``detail``. Models print progress as they like, nearly all with tqdm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engines.cog.model import CogModel
from engines.remote.cells import from_base64
from engines.remote.failure import failure, says
from engines.remote.session import Answer, Answered, Remote
from limner.errors import BadResult, EngineError, OutOfMemory, Refused, Rejected
from limner.plural import counted

_MODERATED = re.compile(
    r"\bnsfw\b|safety[ _]check|safety filter|sensitive content|content policy|flagged as|moderat"
)
_MEMORY = re.compile(r"out of memory|outofmemory|failed to allocate|cannot allocate memory")
_CALLERS = ("prompt", "negative", "width", "height", "seed")
_PICTURES = ("picture", "pictures", "mask")
#: tqdm's bar, or a step of several at the end of a line
_BAR = re.compile(r"(\d{1,3})%\|")
_STEP = re.compile(r"(?:^|[\s(\[])(\d{1,4})\s*/\s*(\d{1,4})(?=[\s)\]:,]|$)")
_PERCENT = re.compile(r"(?:^|\s)(\d{1,3}(?:\.\d+)?)\s?%")
#: bars of what comes before the drawing
_BEFORE = re.compile(r"load|download|fetch", re.I)
_LOG_MAX_CHARACTERS = 4000


def pictures(answer: Answer, count: int, remote: Remote, prompt: str = "") -> list[bytes]:
    """Return ``count`` pictures from a finished prediction of ``prompt``.

    Raises:
        EngineError: it failed, or pictures are missing.
    """
    told = answer.table()
    match told.get("status"):
        case "succeeded":
            images = outputs(told.get("output"))
        case "canceled" | "aborted":
            raise BadResult("Somebody cancelled the drawing.")
        case "failed":
            raise failed(str(told.get("error") or ""), prompt)
        case _:
            raise BadResult("The engine's answer has no status.")
    if len(images) < count:
        raise BadResult(f"The engine gave {counted(len(images), 'picture')} instead of {count}.")
    return [_picture(image, remote) for image in images[:count]]


def outputs(output: Any) -> list[str]:
    """Return the files in an output: one, a list, or a table of either."""
    if isinstance(output, str):
        return [output]
    if isinstance(output, list):
        return [one for one in output if isinstance(one, str)]
    if isinstance(output, dict):
        return [file for value in output.values() for file in outputs(value) if _is_file(file)]
    return []


def shown(output: Any) -> list[bytes]:
    """Return the pictures that a running prediction has yielded, as far as its state contains them."""
    images = []
    for one in outputs(output):
        try:
            images.append(from_base64(one if one.startswith("data:") else None))
        except BadResult:
            break
    return images


def failed(words: str, prompt: str = "") -> EngineError:
    """Return the error for what a model said as it failed; what it quotes from the prompt decides nothing."""
    said = words.lower()
    if says(said, _MEMORY, prompt):
        return OutOfMemory()
    if says(said, _MODERATED, prompt):
        return Rejected("moderated", "The model refuses to show what it drew.")
    return failure("The model failed.", words)


def wrong_input(error: Answered, model: CogModel) -> EngineError:
    """Return the error for a refused input: whose matter it is depends on what it is for."""
    detail = error.answer.table().get("detail")
    errors = [one for one in detail if isinstance(one, dict)] if isinstance(detail, list) else []
    places = [one["loc"] for one in errors if isinstance(one.get("loc"), list)]
    named = {str(place[-1]) for place in places if place}
    wrong = [role for role, one in model.roles.items() if one.name in named]
    others = sorted(named & (set(model.inputs) - {model.roles[role].name for role in wrong}))
    if others or any(role not in (*_CALLERS, *_PICTURES) for role in wrong):
        ours = (others or [model.roles[role].name for role in wrong])[0]
        return Refused("setup", f"the model does not take our {ours}")
    if any(role in _PICTURES for role in wrong):
        return Rejected("reference", "The engine could not read the reference image.")
    if wrong:
        return Rejected("parameter", "The engine does not take these parameters.")
    return error


def fraction(logs: Any) -> float:
    """Return how far the drawing is by the last of its log's lines that says so; 0 if none does."""
    if not isinstance(logs, str):
        return 0.0
    for line in reversed(re.split(r"[\r\n]+", logs[-_LOG_MAX_CHARACTERS:])):
        if _BEFORE.search(line):
            continue
        bars = _BAR.findall(line)
        steps = [(int(n), int(of)) for n, of in _STEP.findall(line) if 0 < int(of) >= int(n)]
        percents = _PERCENT.findall(line)
        if bars:
            return min(int(bars[-1]), 100) / 100
        if steps:
            return steps[-1][0] / steps[-1][1]
        if percents:
            return min(float(percents[-1]), 100.0) / 100
    return 0.0


def seconds_of(told: Mapping[str, Any]) -> float:
    """Return the seconds that the prediction took by the server's clock; 0 if it does not say."""
    metrics = told.get("metrics")
    seconds = metrics.get("predict_time") if isinstance(metrics, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return 0.0
    return float(seconds) if 0 <= seconds < 1e9 else 0.0


def _picture(file: str, remote: Remote) -> bytes:
    if file.startswith("data:"):
        return from_base64(file)
    if file.startswith(("http://", "https://")):
        return remote.download(file)
    raise BadResult("The model's output is no picture.")


def _is_file(text: str) -> bool:
    return text.startswith(("data:", "http://", "https://"))
