"""A file that a client has uploaded, to name it in requests that follow; see ``limner/store/uploads``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from limner.job import from_ms


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file; its content is in the image store, in the spool, as base64."""

    id: str
    key: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    #: it may have to make room sooner
    expires_at: datetime

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> Self:
        """Read an upload from its Redis hash."""
        return cls(
            id=record["id"],
            key=record["key"],
            name=record["name"],
            content_type=record["type"],
            size_bytes=int(record["size"]),
            sha256=record["sha256"],
            created_at=from_ms(record["created_ms"]),
            expires_at=from_ms(record["expires_ms"]),
        )
