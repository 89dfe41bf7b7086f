"""What callers of midjourney-proxy's protocol send, loaded into requests and small values.

Unknown fields are ignored: clients send fields of several servers. What is empty counts as left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError

from limner.errors import InvalidRequest
from limner.prompt import parse_prompt, without_speed
from limner.request import CELLS, Lane, Request
from schemas.fields import REQUIRED, Boolean, CallbackUrl, Integer, OneOf, Strict, Text, clean_text
from schemas.names import camel
from schemas.prompt_fields import EXTRA_LENGTH, PROMPT_LENGTH, PromptText
from schemas.references import MOST_REFERENCES, check_reference
from schemas.wire import Lenient

FACE = "mjproxy"
ID_LENGTH = 64
CUSTOM_ID_LENGTH = 256
IDS_MOST = 1000
BLEND_MOST = 5
#: nothing is posted while a task waits (NOT_START), as midjourney-proxy does it
TOLD = ("submitted", "drawing")
RATIO_OF = {"PORTRAIT": "2:3", "SQUARE": "1:1", "LANDSCAPE": "3:2"}
_LANE_OF = {"FAST": Lane.FAST, "TURBO": Lane.FAST, "RELAX": Lane.RELAXED}
_NIJI = ("NIJI_JOURNEY", "NIJI")
_NAMES = {
    "callback_url": "notifyHook",
    "pictures": "base64Array",
    "picture": "base64",
    "mask": "maskBase64",
}
_SIMPLE = re.compile(r"\s*(\S{1,64})\s+(?:([UV])([1-4])|(R))\s*", re.IGNORECASE)


class SentState(Strict[str]):
    """The caller's own words, which it gets back; a number becomes its text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, (int, float)):
            value = str(value).lower() if isinstance(value, bool) else f"{value}"
        text = clean_text(value)
        if len(text) > EXTRA_LENGTH:
            raise ValidationError(f"Must be at most {EXTRA_LENGTH} characters.")
        return text


class SentPicture(Strict[str | None]):
    """One picture: a data URL, bare base64 or an http(s) URL."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if value == "":
            return None
        check_reference(value)
        return str(value).strip()


class SentPictures(Strict[tuple[str, ...]]):
    """A list of pictures; empty ones are left out."""

    def __init__(self) -> None:
        super().__init__(absent=())

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        found = [item for item in value if item not in (None, "")]
        if len(found) > MOST_REFERENCES:
            raise ValidationError(f"Must have at most {MOST_REFERENCES} images.")
        for item in found:
            check_reference(item)
        return tuple(item.strip() for item in found)


class Speed(Strict[Lane | None]):
    """``mode``, or the first of ``accountFilter.modes``; what says nothing to us is ignored."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Lane | None:
        modes = value.get("modes") if isinstance(value, dict) else [value]
        first = modes[0] if isinstance(modes, list) and modes else None
        return _LANE_OF.get(first.strip().upper()) if isinstance(first, str) else None


class Words(Text):
    """Some text; ``""`` is the same as leaving it out."""

    def __init__(self, longest: int, *, required: bool = False) -> None:
        super().__init__(longest=longest, blank=not required, required=required)


@dataclass(frozen=True, slots=True)
class AskedTask:
    """A request whose lane may be left to others: the path says it, or nobody does."""

    request: Request
    lane: Lane | None


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


class _Body(Lenient):
    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        field_obj.data_key = _NAMES.get(field_name) or camel(field_name)


class _Submit(_Body):
    state = SentState()
    callback_url = CallbackUrl()
    account_filter = Speed()
    mode = Speed()
    bot_type = Text(longest=ID_LENGTH)

    def request_of(self, found: Mapping[str, Any], tag: str, **more: Any) -> AskedTask:
        """Return what is asked for, with ``more`` of the request's fields."""
        said = more.pop("speed", None)
        lane = found["account_filter"] or said or found["mode"]
        request = Request(
            # The view settles it.
            lane=lane or Lane.FAST,
            tag=tag,
            callback_url=found["callback_url"],
            extra=found["state"],
            niji=_is_niji(found["bot_type"]),
            callback_statuses=TOLD,
            face=FACE,
            **more,
        )
        return AskedTask(request, lane)


def _is_niji(bot_type: str | None) -> bool:
    return bool(bot_type) and str(bot_type).strip().upper() in _NIJI


class ImagineBody(_Submit):
    """The body of ``POST /submit/imagine``."""

    prompt = PromptText()
    pictures = SentPictures()
    picture = SentPicture()

    def read(self, body: Mapping[str, Any], tag: str) -> AskedTask:
        """Return what the caller asks for.

        Raises:
            InvalidRequest: a field is wrong.
            BodyTooLarge: a picture exceeds its size limit.
        """
        found = self.fields_of(body)
        words, speed = without_speed(found["prompt"])
        pictures = found["pictures"]
        if found["picture"] and found["picture"] not in pictures:
            pictures = (*pictures, found["picture"])[:MOST_REFERENCES]
        asked = self.request_of(
            found,
            tag,
            speed=_LANE_OF.get(speed.upper()) if speed else None,
            prompt_en=words,
            prompt=found["prompt"],
            references=pictures,
        )
        if asked.request.niji and parse_prompt(words).niji:
            # The text says it already, perhaps with a version.
            return replace(asked, request=replace(asked.request, niji=False))
        return asked


class BlendBody(_Submit):
    """The body of ``POST /submit/blend``."""

    pictures = SentPictures()
    dimensions = OneOf(RATIO_OF)

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse too few and too many pictures."""
        if 2 <= len(found["pictures"]) <= BLEND_MOST:
            return {}
        return {"base64Array": [f"Must have from 2 to {BLEND_MOST} images."]}

    def read(self, body: Mapping[str, Any], tag: str) -> AskedTask:
        """Return what the caller asks for, as ``ImagineBody.read`` does."""
        found = self.fields_of(body)
        return self.request_of(
            found,
            tag,
            prompt_en="",
            operation="blend",
            references=found["pictures"],
            ar=RATIO_OF[found["dimensions"] or "SQUARE"],
        )


class DescribeBody(_Submit):
    """The body of ``POST /submit/describe``."""

    picture = SentPicture()
    link = SentPicture()

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse a body without a picture."""
        return {} if found["picture"] or found["link"] else {"base64": [REQUIRED]}

    def read(self, body: Mapping[str, Any], tag: str) -> AskedTask:
        """Return what the caller asks for, as ``ImagineBody.read`` does."""
        found = self.fields_of(body)
        return self.request_of(
            found,
            tag,
            prompt_en="",
            operation="describe",
            count=1,
            references=(found["picture"] or found["link"],),
        )


class _Follow(_Submit):
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


class ModalBody(_Body):
    """The body of ``POST /submit/modal``."""

    task_id = Words(ID_LENGTH, required=True)
    prompt = Words(PROMPT_LENGTH)
    mask = SentPicture()

    def read(self, body: Mapping[str, Any]) -> Window:
        """Return what was filled in."""
        found = self.fields_of(body)
        words = without_speed(found["prompt"] or "")[0].strip()
        return Window(found["task_id"], words or None, found["mask"])


class IdsBody(_Body):
    """The body of ``POST /task/list-by-condition``."""

    def read(self, body: Mapping[str, Any]) -> list[str]:
        """Return the ids, each once, without what cannot be one.

        Raises:
            InvalidRequest: it is no list, or too long.
        """
        ids = body.get("ids") or []
        if not isinstance(ids, list) or len(ids) > IDS_MOST:
            raise InvalidRequest({"ids": [f"Must be a list of at most {IDS_MOST} ids."]})
        return list(dict.fromkeys(one for one in ids if isinstance(one, str)))
