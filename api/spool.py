"""Pictures that are stored as a job is accepted: inline ones, and copies of an earlier job's.

Used by ``api/accept.py`` only. The script that accepts the job charges their bytes to the client; the
checks here only avoid writing what would be refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

from api.house import House
from limner.client import Client
from limner.errors import (
    BodyTooLarge,
    FieldErrors,
    ImagesDown,
    InlineFull,
    ParentGone,
    RequestError,
    StoreDown,
    TooFewReplicas,
)
from limner.job import Picture
from limner.pictures.place import ANSWER_S
from limner.request import SPOOL
from limner.store import Charge
from limner.store.jobs import FULL_RETRY_AFTER_S
from limner.store.metrics.warning import Code
from limner.store.spool import in_blocks
from schemas.references import is_inline

#: most files deleted within a request: more than a job adds, so a client's spent files do not pile up
DELETED_MOST = 32


def spool_bytes(here: House, references: Iterable[str]) -> int:
    """Return how many bytes a job's pictures will take in the spool, inline ones and copies.

    Raises:
        ParentGone: the earlier job's pictures have been deleted.
        ImagesDown: the image store is down.
    """
    return sum(in_blocks(_size_of(here, one)) for one in references if is_inline(one))


def _size_of(here: House, reference: str) -> int:
    if not reference.startswith(SPOOL):
        return len(reference)
    try:
        return here.images.size_of(reference.removeprefix(SPOOL))
    except KeyError:
        raise ParentGone from None


def quota_bytes_of(here: House, client: Client) -> int:
    """Return a client's quota in the spool, bytes."""
    own = client.inline_quota_mb
    return (here.settings.inline_quota_mb if own is None else own) * 2**20


def check_room(here: House, client: Client, size_bytes: int, *, copied: bool) -> None:
    """Return if the spool may have room for so many bytes, before they are written.

    ``copied``: they are copies of an earlier job's, not sent in the request.

    Raises:
        BodyTooLarge: they exceed the client's whole quota.
        InlineFull: they exceed what its other jobs leave of its quota.
    """
    quota_bytes = quota_bytes_of(here, client)
    if size_bytes > quota_bytes:
        here.store.numbers.count("refused", "inline_too_large")
        raise _too_large(quota_bytes // 2**20, copied=copied)
    if not here.store.spool.has_room(client.name, size_bytes, quota_bytes):
        tell_full(here, client)
        raise InlineFull(FULL_RETRY_AFTER_S)


def _too_large(most_mb: int, *, copied: bool) -> BodyTooLarge:
    if copied:
        return BodyTooLarge(f"That job's inline pictures take more than {most_mb} MB in all.")
    errors: FieldErrors = {"imageList": [f"Must take at most {most_mb} MB in all, as sent."]}
    return BodyTooLarge(errors=errors)


def tell_full(here: House, client: Client) -> None:
    """Warn operators that a client has used up its quota, and count the refusal."""
    # The caller is refused either way.
    with contextlib.suppress(StoreDown):
        here.store.numbers.count("refused", "inline_full")
        here.store.reports.make(
            Code.INLINE_FULL,
            client.name,
            "A client's inline pictures have filled its quota, and more are refused.",
            why=f"{client.name} (`limner clients show {client.name}`)",
        )


class Spooling:
    """The pictures stored for one job; they are deleted again if the job is refused.

    They stay if Redis failed: the script may have run and only its answer been lost. Files that
    belong to no job are deleted with others of their age.
    """

    def __init__(self, here: House, client: Client) -> None:
        self._here = here
        self._client = client
        self._kept: list[str] = []
        self._charged: list[str] = []
        self._size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        if issubclass(kind, (RequestError, ImagesDown, TooFewReplicas)):
            self.drop()
        if issubclass(kind, InlineFull):
            tell_full(self._here, self._client)

    def spooled(self, references: tuple[str, ...]) -> tuple[str, ...]:
        """Store inline pictures; an earlier job's are copied, because its own are deleted first.

        Raises:
            ParentGone: the earlier job's pictures have been deleted.
            ImagesDown: the image store is down or full.
        """
        found = []
        for reference in references:
            if reference.startswith(SPOOL):
                data = self._stored(reference.removeprefix(SPOOL))
            elif is_inline(reference):
                data = reference.encode()
            else:
                found.append(reference)
                continue
            found.append(SPOOL + self._spool(data))
        return tuple(found)

    def copied(self, cell: Picture) -> Picture:
        """Copy a cell, so that it lives as long as the job that picked it."""
        images = self._here.images
        key = images.key_of(cell.url)
        suffix = key.rpartition(".")[2]
        self._kept.append(images.put("drawings", self._stored(key), suffix, self._here.now()))
        return replace(cell, url=images.url(self._kept[-1]))

    def charge(self) -> Charge:
        """Return what ``accept`` has to charge for the spooled pictures."""
        quota_bytes = quota_bytes_of(self._here, self._client)
        return Charge(tuple(self._charged), self._size_bytes, quota_bytes)

    def drop(self) -> None:
        """Delete everything that was stored."""
        for key in self._kept:
            # What cannot be deleted now is deleted with others of its age.
            with contextlib.suppress(ImagesDown):
                self._here.images.delete(key)

    def make_room(self, keys: Sequence[str]) -> None:
        """Delete the files that make room for these pictures; only some, because the caller is waiting.

        The rest, and any failure, is left to the callback worker.
        """
        with contextlib.suppress(StoreDown):
            deleted = self._here.images.delete_all(keys[:DELETED_MOST], ANSWER_S)
            if deleted.gone:
                self._here.store.spool.dropped(deleted.gone)

    def _spool(self, data: bytes) -> str:
        key = self._here.images.put("spool", data, "txt", self._here.now())
        self._kept.append(key)
        self._charged.append(key)
        self._size_bytes += in_blocks(len(data))
        return key

    def _stored(self, key: str) -> bytes:
        """Return an earlier job's picture from the image store.

        Raises:
            ParentGone: it has been deleted.
        """
        try:
            return self._here.images.get(key)
        except KeyError:
            raise ParentGone from None
