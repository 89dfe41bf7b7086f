"""The bodies that go on from a task, or look some up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.errors import InvalidRequest
from limner.prompt import without_speed
from limner.request import CELLS, Lane
from schemas.fields import REQUIRED, Boolean, Integer, OneOf
from schemas.mjproxy.body import ID_LENGTH, ProxyBody, SubmitBody
from schemas.mjproxy.sent import SentPicture, Words
from schemas.prompt_fields import PROMPT_LENGTH

CUSTOM_ID_LENGTH = 256
IDS_MOST = 1000
_SIMPLE = re.compile(r"\s*(\S{1,64})\s+(?:([UV])([1-4])|(R))\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Follow:
    """A follow-up that is asked for; one of ``custom_id`` and ``letters`` says which."""

    task_id: str
    lane: Lane | None
    callback_url: str | None
    state: str | None
    #: of one of the task's buttons
    custom_id: str | None = None
    #: as in simple-change: u1 … u4, v1 … v4, r
    letters: str | None = None
    strong: bool = False
    remix: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What a caller filled into a window that a button opened."""

    task_id: str
    prompt: str | None
    mask: str | None


class _Follow(SubmitBody):
    def follow_of(self, found: Mapping[str, Any], task_id: str, **more: Any) -> Follow:
        lane = found["account_filter"] or found["mode"]
        return Follow(task_id, lane, found["callback_url"], found["state"], **more)


class ChangeBody(_Follow):
    """The body of ``POST /submit/change``."""

    task_id = Words(ID_LENGTH, required=True)
    action = OneOf(("UPSCALE", "VARIATION", "REROLL"), required=True)
    index = Integer(1, CELLS)

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse a change of a cell that does not say which."""
        needed = found["action"] != "REROLL" and found["index"] is None
        return {"index": [REQUIRED]} if needed else {}

    def read(self, body: Mapping[str, Any]) -> Follow:
        """Return the follow-up that is asked for."""
        found = self.fields_of(body)
        letter = found["action"][0].lower()
        return self.follow_of(
            found, found["task_id"], letters="r" if letter == "r" else f"{letter}{found['index']}"
        )


class SimpleChangeBody(_Follow):
    """The body of ``POST /submit/simple-change``."""

    content = Words(ID_LENGTH * 2, required=True)

    def read(self, body: Mapping[str, Any]) -> Follow:
        """Return the follow-up that is asked for.

        Raises:
            InvalidRequest: ``content`` is not an id and U1 … U4, V1 … V4 or R.
        """
        found = self.fields_of(body)
        match = _SIMPLE.fullmatch(found["content"])
        if not match:
            raise InvalidRequest({"content": ["Must be a task's id and U1-U4, V1-V4 or R."]})
        task_id, letter, index, _again = match.groups()
        return self.follow_of(found, task_id, letters=f"{letter}{index}".lower() if letter else "r")


class ActionBody(_Follow):
    """The body of ``POST /submit/action``."""

    task_id = Words(ID_LENGTH, required=True)
    custom_id = Words(CUSTOM_ID_LENGTH, required=True)
    enable_remix = Boolean(absent=False)
    strong = Boolean(absent=False)

    def read(self, body: Mapping[str, Any]) -> Follow:
        """Return the follow-up that is asked for."""
        found = self.fields_of(body)
        return self.follow_of(
            found,
            found["task_id"],
            custom_id=found["custom_id"],
            strong=found["strong"],
            remix=found["enable_remix"],
        )


class ModalBody(ProxyBody):
    """The body of ``POST /submit/modal``."""

    task_id = Words(ID_LENGTH, required=True)
    prompt = Words(PROMPT_LENGTH)
    mask = SentPicture()

    def read(self, body: Mapping[str, Any]) -> Window:
        """Return what was filled in."""
        found = self.fields_of(body)
        words = without_speed(found["prompt"] or "")[0].strip()
        return Window(found["task_id"], words or None, found["mask"])


class IdsBody(ProxyBody):
    """The body of ``POST /task/list-by-condition``."""

    def read(self, body: Mapping[str, Any]) -> list[str]:
        """Return the ids, each once, without what cannot be one.

        Raises:
            InvalidRequest: it is no list, or too long.
        """
        ids = body.get("ids") or []
        if not isinstance(ids, list) or len(ids) > IDS_MOST:
            raise InvalidRequest({"ids": [f"Must be a list of at most {IDS_MOST} ids."]})
        return list(dict.fromkeys(one for one in ids if isinstance(one, str) and one.isascii()))
