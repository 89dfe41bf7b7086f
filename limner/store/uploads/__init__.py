"""Files that clients upload before they name them in a request; called by the API.

An upload is in the spool's account like the pictures of a job that has ended: within its client's quota, it
makes room when room is needed, and the callback workers delete it when it is old.
"""

from __future__ import annotations

from typing import Any

from redis import Redis

from limner.compact_json import compact_json
from limner.errors import InlineFull
from limner.store.connection import guarded
from limner.store.jobs import FULL_RETRY_AFTER_S, ROOM_CALLS_MOST
from limner.store.policy import to_ms
from limner.store.scripts import Scripts
from limner.upload import Upload

#: of one client; the oldest goes when there are more
UPLOADS_MOST = 1000


class Uploads:
    """The uploads of all clients."""

    def __init__(self, redis: Redis, prefix: str, scripts: Scripts) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._scripts = scripts

    @guarded
    def keep(
        self, client: str, fields: dict[str, str], room_bytes: int, quota_bytes: int, keep_s: float
    ) -> Upload:
        """Record an upload whose file is in the image store: its id, key, name, type, size and sha256.

        Raises:
            InlineFull: the pictures of the client's jobs leave no room for it.
        """
        for _ in range(ROOM_CALLS_MOST):
            answer = self._scripts(
                "keep_upload",
                fields["id"],
                client,
                room_bytes,
                quota_bytes,
                compact_json(fields),
                to_ms(keep_s),
                UPLOADS_MOST,
            )
            if answer[0] == "kept":
                times = {"created_ms": answer[1], "expires_ms": answer[2]}
                return Upload.from_record(fields | times)
            if answer[0] == "full":
                break
        raise InlineFull(FULL_RETRY_AFTER_S)

    @guarded
    def get(self, client: str, upload_id: str) -> Upload | None:
        """Return a client's upload; None: there is none, or it has made room."""
        found = self._many(client, [upload_id])
        return found[0] if found else None

    @guarded
    def newest(self, client: str, most: int) -> list[Upload]:
        """Return a client's last uploads, the newest first."""
        return self._many(
            client, self._redis.zrevrange(f"{self._prefix}uploads:{client}", 0, most - 1)
        )

    @guarded
    def drop(self, client: str, upload_id: str) -> bool:
        """Drop an upload, whose file is deleted soon; return whether there was one."""
        return bool(self._scripts("drop_upload", upload_id, client))

    def _many(self, client: str, ids: list[str]) -> list[Upload]:
        with self._redis.pipeline(transaction=False) as pipe:
            for upload_id in ids:
                pipe.hgetall(f"{self._prefix}upload:{upload_id}")
                pipe.hexists(f"{self._prefix}spool:{client}", upload_id)
            rows = pipe.execute()
        return [
            Upload.from_record(record)
            for record, is_there in zip(rows[::2], rows[1::2], strict=True)
            if record and is_there and record["client"] == client
        ]
