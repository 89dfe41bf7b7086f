"""What Limner needs of the server itself: its version, and that it keeps what it is told.

Read by every process at its start, by ``/readyz`` and by ``limner doctor``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from limner.errors import StoreDown, StoreRefused
from limner.store.answers import pairs
from limner.store.connection import CLUSTER, guarded
from limner.store.primary import IS_REPLICA, NotPrimary, asking_leave, role_of

VERSION_MIN = (6, 2)
#: the share of its memory from which on operators are warned
MEMORY_HIGH = 0.8
MEMORY_FULL = 0.99
#: one key of each kind that kombu and Celery have beside ours
BROKER_KEYS = (
    *("fast", "relaxed", "callbacks", "unacked", "unacked_index", "unacked_mutex"),
    *("_kombu.binding.callbacks", "celeryev.rights", "rights.reply.celery.pidbox"),
)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server as it stands; None where it does not tell (hosted ones hide their settings)."""

    product: str
    version: str | None
    append_only: bool | None
    eviction: str | None
    #: standalone, cluster or sentinel
    mode: str | None = None
    memory_bytes: int | None = None
    #: its ``maxmemory``, or else what its machine has
    memory_limit_bytes: int | None = None
    #: its ``maxmemory``; 0: it has none
    maxmemory_bytes: int | None = None
    #: what of ``memory_bytes`` does not count towards that: buffers of replicas and of its file
    uncounted_bytes: int = 0
    #: how many follow it and have been given all data
    replicas: int | None = None
    #: how many must have a job before it is accepted
    replicas_asked: int = 0

    @property
    def too_old(self) -> bool:
        """Return whether Limner's scripts cannot run there."""
        parts = (self.version or "").split(".")[:2]
        numbers = tuple(int(part) for part in parts if part.isdigit())
        return bool(numbers) and numbers < VERSION_MIN

    def refusal(self) -> str | None:
        """Return why Limner cannot work with this server, as one clause, or None."""
        if self.too_old:
            return f"{self.product} {self.version} is too old: Limner needs 6.2"
        if self.mode == "cluster":
            return f"Redis does not serve this gateway: {CLUSTER}"
        if self.mode == "sentinel":
            return "Redis does not serve this gateway: it is a Sentinel; name the server it watches"
        return None

    def too_few_replicas(self) -> str | None:
        """Return that jobs are refused for want of replicas, as one sentence, or None."""
        if self.replicas is None or self.replicas >= self.replicas_asked:
            return None
        return (
            f"Too few replicas follow Redis ({self.replicas} of {self.replicas_asked}): "
            "no job is accepted."
        )

    def warnings(self) -> dict[str, str]:
        """Return what would be lost on this server: the setting it is about → one sentence."""
        found = {}
        untold = [
            what
            for value, what in (
                (self.append_only, "`appendonly yes`"),
                (self.eviction, "`maxmemory-policy noeviction`"),
            )
            if value is None
        ]
        if untold:
            found["untold"] = (
                f"Redis does not tell whether {' and '.join(untold)} holds: see to it."
            )
        if self.append_only is False:
            found["appendonly"] = (
                "Redis runs without its append-only file: a restart of it loses every job, "
                "callback and token since its last snapshot. Set `appendonly yes`."
            )
        if self.eviction not in (None, "noeviction"):
            found["maxmemory-policy"] = (
                f"Redis evicts keys when its memory is full (maxmemory-policy {self.eviction}): "
                "jobs and callbacks would vanish. Set `maxmemory-policy noeviction`."
            )
        return found

    def memory_warnings(self) -> dict[str, str]:
        """Return what is wrong with its memory: ``unset``, ``high`` or ``full`` → one sentence."""
        found = {}
        if self.maxmemory_bytes == 0:
            found["unset"] = (
                "Redis has no `maxmemory`: when its machine's memory is used up, the system kills it, where it should "
                "refuse what is new until there is room. Set `maxmemory` below what the machine has."
            )
        used, limit = self.memory_bytes, self.memory_limit_bytes
        if used is None or not limit:
            return found
        # Near the edge some commands still find room, and some do not.
        if self.maxmemory_bytes and used - self.uncounted_bytes >= MEMORY_FULL * limit:
            found["full"] = (
                f"Redis's memory is full ({gigabytes(limit)}), and it refuses to write: requests are refused with "
                "503, and nothing starts, ends or is called back until there is room. Raise `maxmemory`."
            )
        elif used > MEMORY_HIGH * limit:
            found["high"] = (
                f"Redis uses {100 * used / limit:.0f} % of its memory of {gigabytes(limit)}: when it is full, requests "
                "are refused with 503 until there is room. Raise `maxmemory`, or keep jobs for fewer days."
            )
        return found


def gigabytes(size_bytes: int) -> str:
    """Return a size for people: ``1.9 GB``, ``96 MB``."""
    if size_bytes < 2**30:
        return f"{size_bytes / 2**20:.0f} MB"
    return f"{size_bytes / 2**30:.1f} GB"


@guarded
def set_memory(redis: Redis, most_bytes: int) -> None:
    """Change how much memory a server of ours may use.

    Raises:
        StoreDown: it cannot be reached.
    """
    redis.config_set("maxmemory", most_bytes)


@guarded
def server_facts(redis: Redis, replicas: int = 0) -> ServerFacts:
    """Ask the server what it is and how it is set up; ``replicas``: how many must have a job.

    Raises:
        StoreDown: it cannot be reached.
    """
    client: Any = redis
    # What keeps us out altogether, such as a wrong database, shows here.
    client.ping()
    # What every user may ask: product, version, mode and role.
    greeting = _asked(lambda: pairs(client.execute_command("HELLO")))
    if role_of(greeting) == "replica":
        raise NotPrimary(IS_REPLICA)
    server = _asked(lambda: client.info("server")) or greeting
    memory = _asked(lambda: client.info("memory"))
    append_only = _asked(lambda: client.config_get("appendonly")).get("appendonly")
    following = _asked(lambda: client.info("replication")) if replicas else {}
    version = server.get("valkey_version") or server.get("redis_version") or server.get("version")
    return ServerFacts(
        product="Valkey" if _is_valkey(server) else "Redis",
        version=None if version is None else str(version),
        append_only=None if append_only is None else append_only == "yes",
        eviction=memory.get("maxmemory_policy"),
        mode=server.get("server_mode") or server.get("redis_mode") or server.get("mode"),
        memory_bytes=memory.get("used_memory"),
        memory_limit_bytes=memory.get("maxmemory") or memory.get("total_system_memory"),
        maxmemory_bytes=memory.get("maxmemory"),
        uncounted_bytes=memory.get("mem_not_counted_for_evict") or 0,
        replicas=_online(following) if following else None,
        replicas_asked=replicas,
    )


def usable(redis: Redis, replicas: int = 0) -> ServerFacts:
    """Return what the server is, once it was seen to be one that Limner can work with.

    ``replicas``: how many must have a job; that they are there now is not asked for.

    Raises:
        StoreRefused: it is not, and its operator must act first.
        StoreDown: it cannot be reached.
    """
    facts = server_facts(redis, replicas)
    if refusal := facts.refusal():
        raise StoreRefused(refusal)
    try:
        _try_rights(redis, replicas)
    except StoreRefused:
        raise
    except StoreDown:
        pass  # a memory or a disk that is full says nothing of rights
    return facts


@guarded
def _try_rights(redis: Redis, replicas: int) -> None:
    """Do once, without a trace, what a user of an access list must be allowed to do.

    docs/operations.md lists what that is.
    """
    client: Any = redis
    database = client.connection_pool.connection_kwargs.get("db", 0)
    client.exists(*BROKER_KEYS)
    # Within a script, as nearly all we do is.
    client.eval(
        "redis.call('SET', KEYS[1], redis.call('TIME')[1], 'PX', 1) return redis.call('DEL', KEYS[1])",
        1,
        "limner:rights",
    )
    if replicas:
        client.wait(0, 1)
    with client.pipeline() as pipeline:
        pipeline.lpush("callbacks.rights", "").delete("callbacks.rights").execute()
    with client.pubsub() as events:
        events.psubscribe(f"/{database}.celery.pidbox", f"/{database}.celeryev/*")
        events.parse_response()


def _asked(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the server tells; nothing if it has no such command, or not for this user."""
    try:
        with asking_leave():
            return ask()
    except ResponseError:
        return {}


def _online(said: dict[str, Any]) -> int:
    """Return how many replicas INFO lists that have been given all data."""
    rows = (row for name, row in said.items() if name[:5] == "slave" and isinstance(row, dict))
    return sum(row.get("state") == "online" for row in rows)


def _is_valkey(server: dict[str, Any]) -> bool:
    return "valkey_version" in server or server.get("server") == "valkey"
