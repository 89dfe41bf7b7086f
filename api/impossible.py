"""Refuse at once what can never work: addresses that no client may reach, pictures that nobody can read.

Called by ``api/accept.py``, and where a request is only tried. A worker would find the same when the job's turn
comes, which may be hours later. What only time can show (a name that resolves to a forbidden address, a server that
is down) is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from api.access.guard import caller
from api.face import face_named
from api.house import House, house
from limner.client import Client
from limner.egress.address import AddressNotAllowed
from limner.egress.target import UrlRefused
from limner.errors import Crowded, InvalidRequest, ParentGone, TooManyAtOnce
from limner.pictures.decoding import (
    REFERENCE_FORMATS,
    UnreadablePictureError,
    decoding_pixels,
    open_picture,
)
from limner.pictures.inline import decode
from limner.request import SPOOL, Request
from limner.settings.reachable import check_url
from schemas.names import wire_name
from schemas.references import is_inline

#: A picture is decoded only to see that it can be, so the least size will do.
LOOK_SIDE_PX = 64
#: Pixels that are decoded for one request, some 0.3 s on one core; of pictures beyond it, only the head is read.
LOOK_PIXELS = 12_500_000
#: requests of one client, and of all, whose pictures are decoded at once; the threads for pictures (``ASIDE`` of
#: ``api/server/greenlets.py``) have other work, too
CLIENT_LOOKS, LOOKS = 2, 4

_NOT_ALLOWED = "This address is not allowed."


def check_possible(request: Request, *, repeats: bool = False, picks: bool = False) -> None:
    """Return unless something in the request can never work.

    ``repeats``: pictures that are in the spool were judged with an earlier job's request. ``picks``: a cell is picked,
    for which the request's pictures are not needed.

    Raises:
        InvalidRequest: a callback URL or a picture's is an address that is not allowed, or a picture that is here
            cannot be read.
        ParentGone: a picture of ours that an earlier job's request names has been deleted.
        ImagesDown: the image store is down.
    """
    here, client = house(), caller()
    errors: dict[str, list[str]] = {}
    if request.callback_url and (wrong := _wrong_url(request.callback_url, here, client)):
        errors[_named(request, "callback_url")] = [wrong]
    if request.pictures and not picks:
        with ExitStack() as held:
            look = _Look(here, client, _budget(here, client, held), repeats=repeats)
            for name, pictures in _groups(request):
                if sentences := [*look.wrong(pictures, alone=name == "mask")]:
                    errors.setdefault(_named(request, name), []).extend(sentences)
    if errors:
        raise InvalidRequest(errors)


def _groups(request: Request) -> Iterator[tuple[str, Sequence[str]]]:
    yield "references", request.references
    yield "style_references", request.style_references
    yield "object_references", request.object_references
    if request.change and request.change.mask:
        yield "mask", (request.change.mask,)


def _named(request: Request, name: str) -> str:
    """Return what a field is called in the face that the request came through."""
    face = face_named(request.face)
    return (face.names.get(name) if face else None) or wire_name(name)


def _wrong_url(url: str, here: House, client: Client) -> str | None:
    try:
        check_url(url, here.settings, client.callback_allow)
    except AddressNotAllowed:
        return _NOT_ALLOWED
    except UrlRefused as error:
        # Readers have refused it; a repeated request may be of a release that did not.
        return str(error)
    return None


def _budget(here: House, client: Client, held: ExitStack) -> int:
    """Return how many pixels may be decoded: none while this client's other pictures, or all, take up enough."""
    try:
        held.enter_context(here.looks.hold(client.name))
    except (TooManyAtOnce, Crowded):
        return 0
    return LOOK_PIXELS


class _Look:
    """One request's pictures, looked at one by one outside the event loop."""

    def __init__(self, here: House, client: Client, pixels: int, *, repeats: bool) -> None:
        self._here = here
        self._client = client
        self._pixels = pixels
        self._repeats = repeats

    def wrong(self, pictures: Sequence[str], *, alone: bool) -> Iterator[str]:
        """Give a sentence for each picture that cannot be used; ``alone``: it is the mask."""
        for number, reference in enumerate(pictures, start=1):
            name = "The mask" if alone else f"Image {number}"
            try:
                self._check(reference)
            except UnreadablePictureError as error:
                yield f"{name} {error}."
            except AddressNotAllowed:
                yield f"{name} is at an address that is not allowed."

    def _check(self, reference: str) -> None:
        if reference.startswith(SPOOL):
            if not self._repeats:
                self._check_text(self._uploaded(reference))
        elif is_inline(reference):
            self._check_text(reference)
        elif not self._is_ours(reference):
            with suppress(UrlRefused):
                check_url(reference, self._here.settings, self._client.callback_allow)

    def _is_ours(self, url: str) -> bool:
        """Return whether a picture at that address is one of ours, and there."""
        images = self._here.images
        try:
            key = images.own_key(url)
            if key is None:
                return False
            if images.has(key):
                return True
        except KeyError:
            pass
        if self._repeats:
            raise ParentGone
        raise UnreadablePictureError("is not here, or not any more")

    def _uploaded(self, reference: str) -> str:
        try:
            return self._here.images.get(reference.removeprefix(SPOOL)).decode("ascii", "replace")
        except KeyError:
            # Gone since it was found: `accept` says so.
            return ""

    def _check_text(self, text: str) -> None:
        if not text:
            return
        spent, wrong = self._here.images.aside(_look, text, self._pixels)
        self._pixels -= spent
        if wrong:
            raise wrong


def _look(text: str, pixels: int) -> tuple[int, UnreadablePictureError | None]:
    """Decode a picture if that takes no more than so many pixels; return how many it took, and what is wrong.

    A broken picture may take as long as a good one, so it counts as well.
    """
    spent = 0
    try:
        data = decode(text)
        needed = decoding_pixels(data, REFERENCE_FORMATS)
        if needed <= pixels:
            spent = needed
            open_picture(data, REFERENCE_FORMATS, LOOK_SIDE_PX)
    except UnreadablePictureError as error:
        return spent, error
    except ValueError:
        return spent, UnreadablePictureError("is not base64")
    return spent, None
