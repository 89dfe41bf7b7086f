"""The bodies of ``generations`` and ``edits``, loaded into requests; used by ``api/faces/openai``.

Unknown fields are ignored: clients merge what their operators like into the body. One body may ask for
more pictures than a job draws; then it becomes several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from limner.canvas import Size, drawable
from limner.plural import counted
from limner.prompt import parse_prompt
from limner.request import CELLS, Change, Lane, Request
from limner.settings import Alias
from schemas.fields import Boolean, CallbackUrl, Integer, OneOf, Text
from schemas.openai.answer_form import NAME, QUALITY_LENGTH, AnswerForm
from schemas.openai.size import AskedSize
from schemas.prompt_fields import NEGATIVE_LENGTH, SEED_MOST, PromptText
from schemas.references import MOST_REFERENCES, Reference, References
from schemas.wire import Lenient

PROMPT_LENGTH = 32_000
PICTURES_MOST = 10
PARTIALS_MOST = 3
MODEL_LENGTH = 100
#: pixels of one answer: it is held in memory
ANSWER_PIXELS = 40_000_000
#: of these models, the original gives no URLs
_INLINE = ("gpt-image", "chatgpt-image")


class LongPrompt(PromptText):
    """A prompt as long as the original takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = PROMPT_LENGTH


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for."""

    prompt: str
    model: str
    count: int
    wanted: AnswerForm
    stream: bool
    partial_images: int
    lane: Lane | None
    seed: int | None
    negative: str | None
    callback_url: str | None
    images: tuple[str, ...] = ()
    #: inline, transparent where to draw
    mask: str | None = None

    def requests(
        self,
        alias: Alias,
        lane: Lane,
        tag: str,
        *,
        region: tuple[str, Size] | None = None,
        ar: str | None = None,
    ) -> list[Request]:
        """Return a request for each job, four pictures a job.

        ``region``: a mask that is white where to draw, and the size of the picture that it belongs to. ``ar``:
        the ratio to draw if no size is asked for.
        """
        said, size = parse_prompt(self.prompt), self.wanted.size
        seed = said.seed if self.seed is None else self.seed
        whole = Request(
            prompt_en=self.prompt,
            lane=lane,
            tag=tag,
            callback_url=self.callback_url,
            size=drawable(size) if size else None,
            ar=None if size or said.ar else ar,
            negative=self.negative,
            references=self.images,
            engine=alias.engine,
            version=alias.version,
            face=NAME,
            echo=self.wanted.echo(),
        )
        if region:
            mask, size = region
            change = Change(0, mask=mask)
            whole = replace(whole, operation="edit", change=change, size=size, ar=None)
        return [
            replace(
                whole,
                count=min(CELLS, self.count - first),
                # Of the same seed, the next job would draw the same.
                seed=None if seed is None else (seed + first) % (SEED_MOST + 1),
            )
            for first in range(0, self.count, CELLS)
        ]


class GenerationSchema(Lenient):
    """The body of ``POST /v1/images/generations``."""

    prompt = LongPrompt()
    model = Text(longest=MODEL_LENGTH, absent="")
    n = Integer(1, PICTURES_MOST, absent=1)
    size = AskedSize()
    quality = Text(longest=QUALITY_LENGTH, absent="auto")
    response_format = OneOf(("url", "b64_json"))
    output_format = OneOf(("png", "jpeg", "webp"))
    output_compression = Integer(0, 100)
    background = OneOf(("auto", "opaque", "transparent"))
    stream = Boolean(absent=False)
    partial_images = Integer(0, PARTIALS_MOST, absent=0)
    # These are ours.
    seed = Integer(0, SEED_MOST)
    negative_prompt = Text(longest=NEGATIVE_LENGTH)
    lane = OneOf([lane.value for lane in Lane])
    callback_url = CallbackUrl()

    def on_bind_field(self, field_name: str, field_obj: Any) -> None:
        """Name the field on the wire."""
        if field_name == "callback_url":
            field_obj.data_key = "callBackUrl"

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse what cannot be drawn, and an answer that is too large."""
        wrong = {}
        if found["background"] == "transparent":
            wrong["background"] = ["Must be opaque or auto: nothing here draws transparency."]
        size = found["size"]
        if size and found["n"] * size[0] * size[1] > ANSWER_PIXELS:
            wrong["n"] = [
                f"Must be less for pictures of that size: at most {ANSWER_PIXELS} pixels."
            ]
        return wrong

    def read(self, body: Mapping[str, Any]) -> Asked:
        """Return what the caller asks for.

        Raises:
            InvalidRequest: a field is wrong.
            BodyTooLarge: a picture is too large.
        """
        found = self.fields_of(body)
        model = found["model"].strip()
        usual: Literal["url", "b64_json"] = "b64_json" if model.startswith(_INLINE) else "url"
        wanted = AnswerForm(
            # An event of a stream has no field for a URL.
            "b64_json" if found["stream"] else found["response_format"] or usual,
            found["output_format"] or "png",
            found["output_compression"],
            found["size"],
            found["quality"] or "auto",
        )
        return Asked(
            found["prompt"],
            model,
            found["n"],
            wanted,
            found["stream"],
            found["partial_images"],
            Lane(found["lane"]) if found["lane"] else None,
            found["seed"],
            found["negative_prompt"],
            found["callback_url"],
            found.get("image", ()),
            found.get("mask"),
        )


class EditSchema(GenerationSchema):
    """The body of ``POST /v1/images/edits``, its files as base64."""

    image = References(least=1, required=True)
    mask = Reference()

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse more pictures than one with a mask, besides what is refused of ``generations``."""
        wrong = super().misfits(found)
        if found["mask"] and len(found["image"]) > 1:
            wrong["image"] = [f"Must be one image with a mask, or up to {_MOST} without."]
        return wrong


_MOST = counted(MOST_REFERENCES, "image")
