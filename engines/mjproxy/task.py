"""Interpret a midjourney-proxy's record of a task; pure functions.

Source: ``Task.java`` and ``TaskStatus.java`` of novicezk/midjourney-proxy; ``TaskInfo.cs`` of
trueai-org/midjourney-proxy, which adds MODAL, CANCEL and ``imageUrls``. Reasons of failure are free
text, in Chinese or English, partly Midjourney's own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from limner.errors import EngineBusy, EngineDown, EngineError, Refused, Rejected

#: the only code that says that the submission itself is wrong
_INVALID = 4
#: how much of a reason is read
REASON_MAX = 2000

#: of a description: how much of it is read, and how many prompts it has
DESCRIPTION_MAX, PROMPTS = 20_000, 4
SEED_DIGITS = 10

State = Literal["waiting", "drawing", "done", "failed", "cancelled", "asks"]

_STATES: dict[str, State] = {
    "NOT_START": "waiting",
    "SUBMITTED": "drawing",
    "IN_PROGRESS": "drawing",
    "SUCCESS": "done",
    "FAILURE": "failed",
    "CANCEL": "cancelled",
    "MODAL": "asks",
}
_KEYCAP = re.compile(r"[1-9]\ufe0f?\u20e3\s*")
_PERCENT = re.compile(r"(\d{1,3})(?:\.\d+)?\s*%")
_TIMEOUT = re.compile(r"time[\s_-]*d?\s*out|超时", re.IGNORECASE)
_CANCELLED = re.compile(r"取消|cancel", re.IGNORECASE)
_SHUT_OUT = re.compile(
    r"account.{0,40}(?:banned|blocked|suspended|disabled)|封号|[账帐]号.{0,10}(?:封|禁用)"
    # About the person only: a prompt may be blocked as well, which is its caller's concern.
    r"|\byou(?:'ve| have| are|r access (?:has|is))(?: \w+ly| been| now)* (?:banned|blocked|suspended)",
    re.IGNORECASE,
)
_MODERATED = re.compile(
    r"banned|blocked|moderat|sensitive|nsfw|violat|敏感|违规|违禁|审核", re.IGNORECASE
)
_PARAMETER = re.compile(
    r"invalid (?:parameter|link|option|value)|unrecognized|param\w* error|参数", re.IGNORECASE
)
_REFERENCE = re.compile(r"base64|upload|image (?:url|link|prompt)|垫图|图片", re.IGNORECASE)
_CREDIT = re.compile(
    r"credit|quota|subscri|fast hours|per day|额度|余额|订阅|次数|今日|每日", re.IGNORECASE
)
_FULL = re.compile(r"queue|full|concurren|too many|limit|队列|并发|排队|上限|繁忙", re.IGNORECASE)
_NO_ACCOUNT = re.compile(r"instance|account|实例|账号|帐号", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Task:
    """One poll of a task."""

    id: str
    state: State
    #: 0-1, or None if it does not say
    fraction: float | None
    #: the grid, or a preview of it while it is drawn
    picture: str
    #: the four cells, if the server has split them; else empty
    cells: tuple[str, ...]
    reason: str
    mode: str
    #: the seed, if the server has asked Midjourney for it
    seed: int | None = None
    #: of a description
    prompts: tuple[str, ...] = ()

    @property
    def timed_out(self) -> bool:
        """Whether the server gave up only because it took long: the picture may still come."""
        return self.state == "failed" and bool(_TIMEOUT.search(self.reason))


def task_of(told: Mapping[str, Any]) -> Task:
    """Parse a record; an unknown status counts as drawing."""
    urls = told.get("imageUrls")
    cells = tuple(_url(item) for item in urls) if isinstance(urls, list) else ()
    return Task(
        id=str(told.get("id", "")),
        state=_STATES.get(str(told.get("status", "")).upper(), "drawing"),
        fraction=_fraction(told.get("progress")),
        picture=_url(told.get("imageUrl")),
        cells=cells if len(cells) == 4 and all(cells) else (),
        reason=str(told.get("failReason") or "")[:REASON_MAX],
        mode=str(told.get("mode") or "")[:40],
        seed=_seed(told.get("seed")),
        prompts=_prompts(told),
    )


def failure(task: Task) -> EngineError:
    """Return the error for a task that ended without its picture; the task's own words are not passed on."""
    reason = task.reason
    if task.state == "asks":
        return Rejected("failed", "The engine asks for a confirmation that nobody can give.")
    if task.state == "cancelled" or _CANCELLED.search(reason):
        return Rejected("failed", "The drawing was cancelled at the engine.")
    return (
        _by_words(reason)
        or (EngineDown("no account can draw") if _NO_ACCOUNT.search(reason) else None)
        or EngineError("The engine failed to draw this.")
    )


def refusal(code: int, text: str) -> EngineError:
    """Return the error for a response to a submission with a code other than 1, 21 and 22."""
    match code:
        case 23:
            return EngineBusy(5.0, "its queue is full")
        case 24:
            return Rejected("moderated", "The prompt was refused by moderation.")
        case 3:
            return EngineBusy(10.0, "no account can draw now")
        case 9:
            return EngineBusy(10.0, "it failed inside, or its queue is full")
    known = _by_words(text)
    if not known and _NO_ACCOUNT.search(text):
        return EngineBusy(10.0, "no account can draw now")
    if not known and code == _INVALID:
        return Rejected("parameter", "The engine does not take this prompt.")
    # An unknown code says nothing about the caller.
    return known or EngineError(f"The engine refused with code {str(code)[:20]}.")


def _by_words(text: str) -> EngineError | None:
    if _SHUT_OUT.search(text):
        return Refused("credentials", "the account is shut out")
    if _MODERATED.search(text):
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if _CREDIT.search(text):
        return Refused("credit", "the account may draw no more for now")
    if _FULL.search(text):
        return EngineBusy(10.0, "its queue is full")
    if _PARAMETER.search(text):
        return Rejected("parameter", "The engine does not take these parameters.")
    if _REFERENCE.search(text):
        return Rejected("reference", "The engine could not use the reference images.")
    return None


def _fraction(value: Any) -> float | None:
    """Parse "42%", also inside other text; None for "Waiting to start" and the like."""
    found = _PERCENT.search(str(value or ""))
    return min(int(found[1]), 100) / 100 if found else None


def _seed(value: Any) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= SEED_DIGITS else None


def _prompts(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the prompts of a description: lines that begin with a keycap digit."""
    if str(told.get("action", "")).upper() != "DESCRIBE":
        return ()
    properties = told.get("properties")
    said = properties.get("finalPrompt") if isinstance(properties, Mapping) else None
    text = str(said or told.get("promptEn") or told.get("prompt") or "")[:DESCRIPTION_MAX]
    lines = (line.strip() for line in text.splitlines())
    found = [_KEYCAP.sub("", line) for line in lines if _KEYCAP.match(line)]
    # Some relays drop the digits.
    prompts = found or [line.strip() for line in text.splitlines()]
    return tuple(dict.fromkeys(prompt for prompt in prompts if prompt))[:PROMPTS]


def _url(item: Any) -> str:
    if isinstance(item, Mapping):
        item = item.get("url")
    return item if isinstance(item, str) else ""
