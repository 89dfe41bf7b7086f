"""The bodies of ``txt2img`` and ``img2img``, loaded into requests; used by ``api/faces/sdapi/drawing.py``.

Clients send every setting that the web UI has. What no engine here has a word for is left out, and the answer
says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError

from limner.canvas import Size, drawable
from limner.compact_json import compact_json
from limner.errors import InvalidRequest
from limner.request import CELLS, Change, Lane, Request
from schemas.fields import Boolean, Integer, Number, Strict, Text, clean_text
from schemas.prompt_fields import NEGATIVE_LENGTH, SEED_MOST, PromptText
from schemas.references import Reference, References
from schemas.wire import Lenient

FACE = "sdapi"
#: the web UI's own bounds; a wider picture than four to one is beyond what engines draw
SIDE_LEAST_PX, SIDE_MOST_PX = 64, 2048
RATIO_MOST = 4
PICTURES_MOST = 16
TASK_LENGTH = 255
MODEL_LENGTH = 100
#: the web UI's
DENOISING = 0.75
#: what drivers make of a reference's weight, turned round: see engines/sdapi
_DENOISING_A_WEIGHT = 0.35
_IGNORED_MOST = 50
_NAME_LENGTH = 64


class Checkpoint(Strict[str]):
    """The model in ``override_settings``; the other settings are the web UI's."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, Mapping):
            raise ValidationError("Must be an object.")
        name = value.get("sd_model_checkpoint") or ""
        if len(clean_text(name)) > MODEL_LENGTH:
            raise ValidationError(f"sd_model_checkpoint must be at most {MODEL_LENGTH} characters.")
        return str(name)


@dataclass(frozen=True, slots=True)
class AskedPictures:
    """What is asked for."""

    #: of the first job; each draws up to four pictures
    request: Request
    count: int
    #: exact
    size: Size
    model: str
    sends_images: bool
    task: str | None
    #: the names of settings that have no effect here
    ignored: tuple[str, ...]

    def requests(self) -> list[Request]:
        """Return a request for each job."""
        seed = self.request.seed
        return [
            replace(
                self.request,
                count=min(CELLS, self.count - first),
                seed=None if seed is None else (seed + first) % (SEED_MOST + 1),
            )
            for first in range(0, self.count, CELLS)
        ]


class TextToImage(Lenient):
    """The body of ``POST /sdapi/v1/txt2img``."""

    prompt = PromptText()
    negative_prompt = Text(longest=NEGATIVE_LENGTH)
    seed = Integer(-1, 2**53, absent=-1)
    batch_size = Integer(1, PICTURES_MOST, absent=1)
    n_iter = Integer(1, PICTURES_MOST, absent=1)
    width = Integer(SIDE_LEAST_PX, SIDE_MOST_PX, absent=512)
    height = Integer(SIDE_LEAST_PX, SIDE_MOST_PX, absent=512)
    tiling = Boolean(absent=False)
    send_images = Boolean(absent=True)
    force_task_id = Text(longest=TASK_LENGTH)
    override_settings = Checkpoint(absent="")

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse too many pictures, and those too wide or too high."""
        wrong = {}
        if found["batch_size"] * found["n_iter"] > PICTURES_MOST:
            wrong["n_iter"] = [f"With batch_size, must make at most {PICTURES_MOST} pictures."]
        sides = found["width"], found["height"]
        if max(sides) > RATIO_MOST * min(sides):
            wrong["width"] = [f"Must be at most {RATIO_MOST} times the height, or a part of it."]
        return wrong

    def read(self, body: Mapping[str, Any], lane: Lane, tag: str) -> AskedPictures:
        """Return what is asked for, in a lane and with a tag.

        Raises:
            InvalidRequest: a field is wrong.
            BodyTooLarge: a picture exceeds its size limit.
        """
        found = self.fields_of(body)
        task, size = found["force_task_id"] or None, (found["width"], found["height"])
        request = Request(
            prompt_en=found["prompt"],
            lane=lane,
            tag=tag,
            size=drawable(size),
            negative=found["negative_prompt"] or None,
            seed=None if found["seed"] < 0 else found["seed"] % (SEED_MOST + 1),
            tile=found["tiling"],
            face=FACE,
            echo=compact_json({"task": task}) if task else None,
        )
        return AskedPictures(
            request=self.with_pictures(request, found),
            count=found["batch_size"] * found["n_iter"],
            size=size,
            model=found["override_settings"],
            sends_images=found["send_images"],
            task=task,
            ignored=self._ignored(body),
        )

    def with_pictures(self, request: Request, found: Mapping[str, Any]) -> Request:
        """Return the request with the pictures that come along: none."""
        return request

    def _ignored(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        said = (name for name, value in body.items() if value not in (None, "", False, [], {}))
        unknown = sorted(name[:_NAME_LENGTH] for name in said if name not in self.names)
        return tuple(unknown[:_IGNORED_MOST])


class ImageToImage(TextToImage):
    """The body of ``POST /sdapi/v1/img2img``."""

    init_images = References(least=1, required=True)
    denoising_strength = Number(0, 1, absent=DENOISING)
    mask = Reference()

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse a mask of several pictures, too."""
        wrong = super().misfits(found)
        if found["mask"] and len(found["init_images"]) > 1:
            wrong["mask"] = ["Belongs to one picture: send one in init_images."]
        return wrong

    def with_pictures(self, request: Request, found: Mapping[str, Any]) -> Request:
        """Return the request with its pictures: what it begins from, or the part of one that is redrawn."""
        images = found["init_images"]
        if found["mask"]:
            change = Change(0, mask=found["mask"])
            return replace(request, operation="edit", change=change, references=images)
        weight = min(2.0, (1 - found["denoising_strength"]) / _DENOISING_A_WEIGHT)
        return replace(request, references=images, iw=round(weight, 2))


class OptionsSchema(Lenient):
    """The body of ``POST /sdapi/v1/options``: of a web UI's settings, there is the model."""

    sd_model_checkpoint = Text(longest=MODEL_LENGTH, absent="")

    def read(self, body: Mapping[str, Any]) -> str:
        """Return the model that it names; "": none.

        Raises:
            InvalidRequest: it is no name.
        """
        return str(self.fields_of(body)["sd_model_checkpoint"])


def no_such_model(field: str, names: list[str]) -> InvalidRequest:
    """Return the refusal of a model's name that is not on offer."""
    return InvalidRequest({field: [f"sd_model_checkpoint must be one of {', '.join(names)}."]})
