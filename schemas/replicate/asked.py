"""The body of a new prediction, loaded into a request; used by ``api/faces/replicate``.

Models on Replicate have inputs of their own. The names that most of them share are understood here; others
are ignored, and the prediction's logs say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError

from limner.canvas import Size, drawable
from limner.errors import BodyTooLarge, FieldErrors, InvalidRequest
from limner.prompt import parse_prompt
from limner.request import CELLS, Change, Lane, Request
from limner.settings import Alias
from schemas.cursor import Cursor
from schemas.fields import CallbackUrl, Integer, Number, OneOf, Strict, Text
from schemas.prompt_fields import DEADLINE_MAX_S, NEGATIVE_LENGTH, SEED_MOST, PromptText
from schemas.references import MOST_REFERENCES, Reference
from schemas.replicate.echo import NAME, NAME_LENGTH, Echo
from schemas.replicate.input_fields import (
    SIDE_MOST_PX,
    AnyRatio,
    AnySeed,
    AnySize,
    OneOrMorePictures,
)
from schemas.wire import Lenient

MODEL_LENGTH = 100
VERSION_LENGTH = 256
#: in the logs, at most
IGNORED_MOST = 20
#: event → the statuses of which it tells; the ends are told in any case
EVENTS: Mapping[str, tuple[str, ...]] = {
    "start": ("waiting", "submitted"),
    "output": ("drawing",),
    "logs": ("drawing",),
    "completed": (),
}
#: the picture to start from, in the order in which they are handed on
_PICTURES = (
    "image",
    "input_image",
    *(f"input_image_{number}" for number in range(2, MOST_REFERENCES + 1)),
    "image_input",
    "input_images",
    "image_prompt",
)
#: how far from the picture: 1 is all anew
_STRENGTHS = ("prompt_strength", "strength")
#: how many pictures
_COUNTS = ("num_outputs", "num_images", "number_of_images")
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s?)?")


@dataclass(frozen=True, slots=True)
class NewPrediction:
    """What a body asks for; ``request`` lacks its model's alias, its tag and its deadline."""

    model: str
    version: str | None
    lane: Lane | None
    request: Request
    echo: Echo

    def for_model(self, model: str, alias: Alias, lane: Lane, tag: str) -> Request:
        """Return the whole request."""
        return replace(
            self.request,
            lane=lane,
            tag=tag,
            engine=alias.engine,
            version=alias.version,
            echo=replace(self.echo, model=model).to_json(),
        )


class InputSchema(Lenient):
    """The ``input`` of a prediction."""

    prompt = PromptText()
    negative_prompt = Text(longest=NEGATIVE_LENGTH)
    aspect_ratio = AnyRatio()
    size = AnySize()
    width = Integer(1, SIDE_MOST_PX)
    height = Integer(1, SIDE_MOST_PX)
    num_outputs = Integer(1, CELLS)
    num_images = Integer(1, CELLS)
    number_of_images = Integer(1, CELLS)
    seed = AnySeed(-SEED_MOST, SEED_MOST)
    image = OneOrMorePictures()
    input_image = OneOrMorePictures()
    input_image_2 = OneOrMorePictures()
    input_image_3 = OneOrMorePictures()
    input_image_4 = OneOrMorePictures()
    input_image_5 = OneOrMorePictures()
    input_image_6 = OneOrMorePictures()
    input_image_7 = OneOrMorePictures()
    input_image_8 = OneOrMorePictures()
    image_input = OneOrMorePictures()
    input_images = OneOrMorePictures()
    image_prompt = OneOrMorePictures()
    style_reference_images = OneOrMorePictures()
    mask = Reference()
    strength = Number(0, 1)
    prompt_strength = Number(0, 1)
    # This one is ours.
    lane = OneOf([lane.value for lane in Lane])

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse too many pictures, and a mask that is not of one picture."""
        count = len(pictures_of(found))
        if count > MOST_REFERENCES:
            return {"image": [f"Must be at most {MOST_REFERENCES} images in all."]}
        if found["mask"] and count != 1:
            return {"mask": ["Must come with one image, of which it marks a part."]}
        return {}


class Given(Strict[dict[str, Any]]):
    """A model's input, as it is."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        return value


class Events(Strict[tuple[str, ...] | None]):
    """The events to be told of, as the statuses that they are here."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list.")
        if any(not isinstance(one, str) or one not in EVENTS for one in value[: len(EVENTS)]) or (
            len(value) > len(EVENTS)
        ):
            raise ValidationError(f"Must be a list of {', '.join(EVENTS)}.")
        return tuple(dict.fromkeys(status for one in value for status in EVENTS[one]))


class PredictionSchema(Lenient):
    """The body of a new prediction, at each of the three addresses."""

    input = Given(required=True)
    model = Text(longest=MODEL_LENGTH)
    version = Text(longest=VERSION_LENGTH)
    webhook = CallbackUrl()
    webhook_events_filter = Events()

    def read(self, body: Mapping[str, Any]) -> NewPrediction:
        """Return what the caller asks for.

        Raises:
            InvalidRequest: a field is wrong.
            BodyTooLarge: a picture is too large.
        """
        found = self.fields_of(body)
        given = found["input"]
        try:
            fields = _INPUT.fields_of(given)
        except InvalidRequest as error:
            raise InvalidRequest(_inside(error.errors), error.message) from None
        except BodyTooLarge as error:
            raise BodyTooLarge(errors=_inside(error.errors)) from None
        request = replace(
            _request_of(fields),
            callback_url=found["webhook"],
            callback_statuses=found["webhook_events_filter"],
        )
        model, version = found["model"] or "", found["version"]
        notes = tuple(_notes(given, fields, request))
        echo = Echo(model, _id_in(version or ""), given, notes)
        lane = Lane(fields["lane"]) if fields["lane"] else None
        return NewPrediction(model, version, lane, request, echo)


class ListSchema(Lenient):
    """The query of a list."""

    cursor = Cursor()

    def read(self, query: Mapping[str, str]) -> str | None:
        """Return where the list begins; None: at the newest.

        Raises:
            InvalidRequest: that is no cursor.
        """
        cursor: str | None = self.fields_of({name: one for name, one in query.items() if one})[
            "cursor"
        ]
        return cursor


def pictures_of(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the pictures to start from."""
    return tuple(one for name in _PICTURES for one in found[name])


def _id_in(version: str) -> str | None:
    """Return the id of a version that is named as owner/name:id, owner/name or id."""
    if ":" in version or "/" not in version:
        return version.rpartition(":")[2] or None
    return None


def deadline_s(text: str) -> float:
    """Return the seconds that a ``Cancel-After`` header gives a prediction.

    Raises:
        InvalidRequest: it is no duration, or too short or long.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    found = hours * 3600 + minutes * 60 + seconds
    if not 1 <= found <= DEADLINE_MAX_S:
        raise InvalidRequest({"Cancel-After": ["Must be a duration like 30s, 5m or 1h30m."]})
    return float(found)


def _request_of(found: Mapping[str, Any]) -> Request:
    pictures, size = pictures_of(found), _size_in(found)
    ar, ar_requested = found["aspect_ratio"] or (None, None)
    if size or (found["mask"] and not ar) or parse_prompt(found["prompt"]).ar:
        ar = ar_requested = None
    strength = next((found[name] for name in _STRENGTHS if found[name] is not None), None)
    edits = found["mask"] is not None
    return Request(
        prompt_en=found["prompt"],
        lane=Lane.FAST,
        tag="",
        negative=found["negative_prompt"] or None,
        ar=ar,
        ar_requested=ar_requested,
        size=drawable(size) if size else None,
        count=next((found[name] for name in _COUNTS if found[name]), 1),
        seed=found["seed"],
        references=pictures,
        # The weight of a picture is 0 to 2 here: 2 keeps most of it.
        iw=None if strength is None or not pictures or edits else round(2 * (1 - strength), 3),
        style_references=found["style_reference_images"],
        operation="edit" if edits else "draw",
        change=Change(0, mask=found["mask"]) if edits else None,
        face=NAME,
    )


def _size_in(found: Mapping[str, Any]) -> Size | None:
    if found["width"] and found["height"]:
        return found["width"], found["height"]
    size: Size | None = found["size"]
    return size


def _notes(given: Mapping[str, Any], found: Mapping[str, Any], request: Request) -> list[str]:
    said = {name: value for name, value in given.items() if value not in (None, "", [])}
    unknown = sorted(name[:NAME_LENGTH] for name in said.keys() - _INPUT.names)
    more = f" and {len(unknown) - IGNORED_MOST} more" if len(unknown) > IGNORED_MOST else ""
    notes = [f"Not used here: {', '.join(unknown[:IGNORED_MOST])}{more}."] if unknown else []
    notes += [
        f"Not used: this value of {name}."
        for name in sorted(said.keys() & found.keys())
        if found[name] is None
    ]
    notes += [
        f"Not used: {name} without {other}."
        for name, other in (("width", "height"), ("height", "width"))
        if found[name] and not found[other]
    ]
    if request.size and request.size != _size_in(found):
        notes.append(f"Drawn at {request.size[0]}x{request.size[1]}.")
    return notes


def _inside(errors: FieldErrors) -> FieldErrors:
    return {f"input.{name}": sentences for name, sentences in errors.items()}


_INPUT = InputSchema()
