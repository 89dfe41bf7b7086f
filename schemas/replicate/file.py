"""Files as Replicate's clients see them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from limner.job import rfc3339
from limner.upload import Upload

PATH = "/v1/files"
_ID = re.compile(r"[0-9a-f]{32}")


def file_body(upload: Upload, base_url: str) -> dict[str, Any]:
    """Return one file."""
    return {
        "id": upload.id,
        "name": upload.name,
        "content_type": upload.content_type,
        "size": upload.size_bytes,
        "etag": upload.sha256,
        "checksums": {"sha256": upload.sha256},
        "metadata": {},
        "created_at": rfc3339(upload.created_at),
        "expires_at": rfc3339(upload.expires_at),
        "urls": {"get": f"{base_url}{PATH}/{upload.id}"},
    }


def files_body(uploads: Sequence[Upload], base_url: str) -> dict[str, Any]:
    """Return a client's files."""
    found = [file_body(upload, base_url) for upload in uploads]
    return {"previous": None, "next": None, "results": found}


def file_id_in(reference: str, base_url: str) -> str | None:
    """Return the id in the URL of a file of ours; None: it is no such URL."""
    start = f"{base_url}{PATH}/"
    if not reference.startswith(start):
        return None
    found = reference.removeprefix(start).rstrip("/")
    return found if _ID.fullmatch(found) else None
