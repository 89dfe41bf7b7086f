"""What Limner needs of the server itself: its version, and that it keeps what it is told.

Read by ``limner up`` at its start and by ``limner doctor``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from limner.store.connection import guarded

VERSION_MIN = (6, 2)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server as it stands; None where it does not tell (hosted ones hide their settings)."""

    product: str
    version: str
    append_only: bool | None
    eviction: str | None

    @property
    def too_old(self) -> bool:
        """Return whether Limner's scripts cannot run there."""
        numbers = tuple(int(part) for part in self.version.split(".")[:2] if part.isdigit())
        return numbers < VERSION_MIN

    def warnings(self) -> list[str]:
        """Return one sentence for each thing that would be lost on this server."""
        found = []
        if self.append_only is None:
            found.append("Redis does not tell whether its append-only file is on: see to it.")
        elif not self.append_only:
            found.append(
                "Redis runs without its append-only file: a restart of it loses every job, "
                "callback and token since its last snapshot. Set `appendonly yes`."
            )
        if self.eviction not in (None, "noeviction"):
            found.append(
                f"Redis evicts keys when its memory is full (maxmemory-policy {self.eviction}): "
                "jobs and callbacks would vanish. Set `maxmemory-policy noeviction`."
            )
        return found


@guarded
def server_facts(redis: Redis) -> ServerFacts:
    """Ask the server what it is and how it is set up.

    Raises:
        StoreDown: it cannot be reached.
    """
    client: Any = redis
    server, memory = client.info("server"), client.info("memory")
    try:
        append_only = client.config_get("appendonly").get("appendonly")
    except ResponseError:
        append_only = None
    product = "Valkey" if "valkey_version" in server else "Redis"
    return ServerFacts(
        product=product,
        version=str(server.get("valkey_version") or server["redis_version"]),
        append_only=None if append_only is None else append_only == "yes",
        eviction=memory.get("maxmemory_policy"),
    )
