"""The bodies that ask for a drawing: ``imagine``, ``blend`` and ``describe``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from limner.prompt import parse_prompt, without_speed
from limner.request import Lane, Request
from schemas.fields import REQUIRED, OneOf
from schemas.mjproxy.body import FACE, TOLD, SubmitBody
from schemas.mjproxy.sent import LANE_OF, SentPicture, SentPictures
from schemas.prompt_fields import PromptText
from schemas.references import MOST_REFERENCES

BLEND_MOST = 5
RATIO_OF = {"PORTRAIT": "2:3", "SQUARE": "1:1", "LANDSCAPE": "3:2"}
_NIJI = ("NIJI_JOURNEY", "NIJI")


@dataclass(frozen=True, slots=True)
class AskedTask:
    """A request whose lane may be left to others: the path says it, or nobody does."""

    request: Request
    lane: Lane | None


class _Drawn(SubmitBody):
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


class ImagineBody(_Drawn):
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
            speed=LANE_OF.get(speed.upper()) if speed else None,
            prompt_en=words,
            prompt=found["prompt"],
            references=pictures,
        )
        if asked.request.niji and parse_prompt(words).niji:
            # The text says it already, perhaps with a version.
            return replace(asked, request=replace(asked.request, niji=False))
        return asked


class BlendBody(_Drawn):
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


class DescribeBody(_Drawn):
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
