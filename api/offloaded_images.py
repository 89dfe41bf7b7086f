"""The image store as views use it: what may wait for a disk or a bucket is done outside the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

from api.concurrency import Offload
from limner.pictures.addresses import Kind
from limner.pictures.conversion import PictureForm, converted, kept_converted
from limner.pictures.editing import Encoded
from limner.pictures.image_store import Deleted, Images
from limner.pictures.thumbnails import thumbnail

P = ParamSpec("P")
R = TypeVar("R")


class OffloadedImages:
    """``limner.pictures.image_store.Images`` for a process with an event loop; each call is one hand-over."""

    def __init__(self, images: Images, offload: Offload) -> None:
        #: for threads of their own
        self.direct = images
        self._offload = offload

    def put(self, kind: Kind, data: bytes, suffix: str, now: datetime) -> str:
        """Store a picture, and return its key."""
        return self._offload(self.direct.put, kind, data, suffix, now)

    def get(self, key: str) -> bytes:
        """Return a picture."""
        return self._offload(self.direct.get, key)

    def thumbnail(self, key: str, side_px: int) -> bytes:
        """Return a picture's thumbnail."""
        return self._offload(thumbnail, self.direct, key, side_px)

    def converted(self, key: str, form: PictureForm) -> Encoded:
        """Return a picture in the form that its caller wants."""
        return self._offload(converted, self.direct, key, form)

    def kept_converted(self, key: str, form: PictureForm) -> str:
        """Store a drawing in the form that its caller wants, and return the key."""
        return self._offload(kept_converted, self.direct, key, form)

    def aside(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call what works on a picture that is not stored."""
        return self._offload(function, *args, **kwargs)

    def size_of(self, key: str) -> int:
        """Return a picture's size, bytes."""
        return self._offload(self.direct.size_of, key)

    def has(self, key: str) -> bool:
        """Return whether a picture is there."""
        return self._offload(self.direct.has, key)

    def delete(self, key: str) -> None:
        """Delete a picture."""
        self._offload(self.direct.delete, key)

    def delete_all(self, keys: Sequence[str], within_s: float) -> Deleted:
        """Delete pictures, as many as ``within_s`` permits."""
        return self._offload(self.direct.delete_all, keys, within_s)

    def url(self, key: str) -> str:
        """Return the URL of a picture."""
        return self.direct.url(key)

    def key_of(self, url: str) -> str:
        """Return the key of the picture at a URL."""
        return self.direct.key_of(url)

    def own_key(self, url: str) -> str | None:
        """Return the key of the picture that callers see at a URL, if it is ours."""
        return self.direct.own_key(url)
