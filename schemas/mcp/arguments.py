"""The tools' arguments, loaded into the domain's words; used by ``api/faces/mcp/tools.py``.

Strict, as the gateway's own bodies: a model that guessed a name wrong is told the nearest one, and tries again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.canvas import DIRECTIONS, ZOOMS
from limner.followup import BUTTONS, UPSCALE, UPSCALE_KINDS, Press
from limner.request import CELLS, Lane, Request
from schemas.buttons import misfits_of_button
from schemas.fields import AspectRatio, Boolean, Integer, Number, NumberOf, OneOf, Text
from schemas.prompt_fields import NEGATIVE_LENGTH, SEED_MOST, PromptText
from schemas.references import Reference, References
from schemas.wire import Wire

FACE = "mcp"
#: Below the minute after which clients give up a call by default; some of them cancel it then.
WAIT_S = 50.0
WAIT_MOST_S = 600.0
_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class LoadedArguments:
    """Which lane the arguments name, if any, and how long the call may wait."""

    found: dict[str, Any]
    lane: Lane | None
    wait_s: float


class _Arguments(Wire):
    wait_s = Number(0, WAIT_MOST_S, absent=WAIT_S)

    def read(self, arguments: Mapping[str, Any]) -> LoadedArguments:
        """Return the arguments.

        Raises:
            InvalidRequest: one is wrong or unknown.
        """
        found = self.fields_of(arguments)
        fast = found.pop("fast", None)
        lane = None if fast is None else Lane.FAST if fast else Lane.RELAXED
        return LoadedArguments(found, lane, found.pop("wait_s"))


class ImagineArguments(_Arguments):
    """The arguments of ``imagine``."""

    prompt = PromptText()
    aspect_ratio = AspectRatio(absent=(None, None))
    negative = Text(longest=NEGATIVE_LENGTH)
    seed = Integer(0, SEED_MOST)
    count = Integer(1, CELLS)
    images = References()
    fast = Boolean()


class JobArguments(_Arguments):
    """The arguments of ``job``."""

    id = Text(longest=_ID_LENGTH, blank=False, required=True)
    wait_s = Number(0, WAIT_MOST_S, absent=0.0)


class PressArguments(_Arguments):
    """The arguments of ``press``."""

    id = Text(longest=_ID_LENGTH, blank=False, required=True)
    button = OneOf(BUTTONS, required=True)
    cell = Integer(1, CELLS)
    kind = OneOf(UPSCALE_KINDS)
    scale = NumberOf(ZOOMS)
    direction = OneOf(DIRECTIONS)
    mask = Reference()
    prompt = PromptText(required=False)
    fast = Boolean()

    def misfits(self, found: Mapping[str, Any]) -> dict[str, list[str]]:
        """Refuse arguments that belong to another button, and a button without its own."""
        named = {**found, "prompt_en": found["prompt"]}
        return misfits_of_button(named, lambda name: "prompt" if name == "prompt_en" else name)


class CancelArguments(Wire):
    """The arguments of ``cancel``."""

    id = Text(longest=_ID_LENGTH, blank=False, required=True)

    def read(self, arguments: Mapping[str, Any]) -> str:
        """Return the job's id.

        Raises:
            InvalidRequest: it is missing, or something else is named.
        """
        return str(self.fields_of(arguments)["id"])


def request_of(wanted: LoadedArguments, lane: Lane, tag: str) -> Request:
    """Return what ``imagine`` asks for."""
    found = wanted.found
    ar, ar_requested = found["aspect_ratio"]
    return Request(
        prompt_en=found["prompt"],
        lane=lane,
        tag=tag,
        ar=ar,
        ar_requested=ar_requested,
        negative=found["negative"],
        seed=found["seed"],
        count=found["count"],
        references=found["images"],
        face=FACE,
    )


def press_of(wanted: LoadedArguments, lane: Lane, tag: str) -> Press:
    """Return what ``press`` asks for."""
    found = dict(wanted.found)
    kind = found.pop("kind")
    if found["button"] == UPSCALE and kind is None:
        kind = UPSCALE_KINDS[0]
    return Press(
        message_id=found.pop("id"),
        prompt_en=found.pop("prompt"),
        kind=kind,
        lane=lane,
        tag=tag,
        face=FACE,
        **found,
    )
