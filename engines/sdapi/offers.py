"""What some sdapi servers offer besides drawing: upscalers, and models that describe a picture.

Source: ``modules/api/api.py`` of A1111 and Forge (``POST /sdapi/v1/interrogate`` alone, with the models
``clip`` and ``deepdanbooru``), SD.Next's ``modules/api/endpoints.py`` (``GET`` lists the models). sd-server
has none of it.
"""

from __future__ import annotations

import contextlib
from typing import Any

from engines.remote.cells import from_base64
from engines.remote.describing import four_prompts
from engines.remote.session import Answer, Answered, Remote
from engines.remote.start import encoded
from engines.remote.starting import opened
from engines.sdapi.wanted import SdapiRequest
from limner.engine import Brief
from limner.errors import BadResult, EngineError, Refused

EXTRA, INTERROGATE = "/sdapi/v1/extra-single-image", "/sdapi/v1/interrogate"
_CAPTIONERS = ("clip", "deepdanbooru")
#: which of a list are asked if these two are not in it
_CAPTIONERS_MAX = 2
_POST_ONLY = 405
_TO_A_SIZE = 1
_ASK_S = 1.4
#: A1111's caption for "it went wrong"
_NO_CAPTION = "<error>"


class Offers:
    """What one server offers; asked until it answers, and again after ``forget``.

    While it does not answer, it offers nothing: drawing is another matter.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self.forget()

    def forget(self) -> None:
        """Ask again next time."""
        self._upscalers: frozenset[str] | None = None
        self._captioners: tuple[str, ...] | None = None

    def has_upscaler(self, name: str | None) -> bool:
        """Return whether the server has an upscaler of this name; False for none."""
        if name is None:
            return False
        if self._upscalers is None:
            with contextlib.suppress(EngineError):
                told = self._listed("/sdapi/v1/upscalers") or []
                names = [one.get("name") for one in told if isinstance(one, dict)]
                self._upscalers = frozenset(map(str, names))
        return name in (self._upscalers or ())

    def captioners(self) -> tuple[str, ...]:
        """Return the models that can describe a picture."""
        if self._captioners is None:
            with contextlib.suppress(EngineError):
                listed = self._listed(INTERROGATE)
                names = [str(one) for one in listed or []]
                known = tuple(name for name in _CAPTIONERS if listed is None or name in names)
                self._captioners = known or tuple(names[:_CAPTIONERS_MAX])
        return self._captioners or ()

    def _listed(self, path: str) -> list[Any] | None:
        """Return the list at ``path``; empty if there is no such route, None if one can only post to it."""
        try:
            told = self._remote.get_json(path, read_s=_ASK_S)
        except Answered as error:
            return None if error.answer.status == _POST_ONLY else []
        except Refused:
            # A proxy may guard this path although our password is right.
            return []
        return told if isinstance(told, list) else []


def upscaling(brief: Brief, upscaler: str) -> list[SdapiRequest]:
    """Return the requests that enlarge the parent's picture with the server's upscaler.

    Raises:
        Rejected: it cannot be read.
    """
    parent = brief.parent.picture if brief.parent else None
    body = {
        "image": encoded(opened(parent)) if parent else "",
        "resize_mode": _TO_A_SIZE,
        "upscaling_resize_w": brief.width,
        "upscaling_resize_h": brief.height,
        "upscaling_crop": True,
        "upscaler_1": upscaler,
    }
    return [SdapiRequest(EXTRA, body, (n,), (seed,)) for n, seed in enumerate(brief.seeds)]


def upscaled(answer: Answer) -> bytes:
    """Return the enlarged picture.

    Raises:
        BadResult: there is none.
    """
    return from_base64(answer.table().get("image"))


def describing(brief: Brief, captioners: tuple[str, ...]) -> list[SdapiRequest]:
    """Return the requests that describe the brief's picture.

    Raises:
        Rejected: it cannot be read.
    """
    image = encoded(opened(brief.references[0])) if brief.references else ""
    return [SdapiRequest(INTERROGATE, {"image": image, "model": m}, (), ()) for m in captioners]


def described(answers: list[Answer | EngineError]) -> tuple[str, ...]:
    """Return four prompts.

    Raises:
        EngineError: no model described the picture.
    """
    said = [answer.table().get("caption") for answer in answers if isinstance(answer, Answer)]
    captions = [words for words in said if isinstance(words, str) and _NO_CAPTION not in words]
    if prompts := four_prompts(captions):
        return prompts
    raise next(
        (error for error in answers if isinstance(error, EngineError)),
        BadResult("The engine said nothing about the picture."),
    )
