"""kombu's Redis transport, with foreign messages set aside before anything parses them.

A chain of subclasses down to where a message comes off its queue: ``AMQP`` (which ``workers.app`` names
to Celery) → ``Connection`` → ``Transport`` → ``Channel`` → its client. Only reading differs, and where its
connections lead (``limner/store/primary.py``); whatever ``workers.vetting`` refuses looks to kombu like a
poll that found nothing. Why: docs/decisions/0008-vetting-transport.md.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from celery.app import amqp
from kombu import connection
from kombu.transport import redis
from kombu.utils.url import maybe_sanitize_url

from limner.log import event
from limner.settings.redis_address import RedisAddress
from limner.store.aside import Why
from limner.store.lookout import primary_of
from limner.store.primary import leading
from workers.vetting import QUEUES, Strange, vet, vet_broadcast

log = logging.getLogger(__name__)

#: the queue's name for a broadcast message, and for queues that are not ours
BROADCAST, OTHER = "broadcast", "other"


class SetAside(Protocol):
    """Stores a foreign message (queue, why, the message); returns how many to report in the log."""

    def __call__(self, queue: str, why: Why, message: bytes, /) -> int: ...


def _nowhere(_queue: str, _why: Why, _message: bytes) -> int:
    """Store nothing, in a process without a store: workers store the messages they meet."""
    return 0


class Sieve:
    """Lets our own messages through; one per process."""

    #: stores the others, once the process has a store
    set_aside: SetAside = staticmethod(_nowhere)

    def passes(self, queue: str, raw: bytes) -> bool:
        """Return whether a message from a queue is one of ours; if not, set it aside."""
        try:
            vet(raw, queue)
        except Strange as strange:
            self._take(queue if queue in QUEUES else OTHER, strange.why, raw)
            return False
        return True

    def passes_broadcast(self, raw: bytes) -> bool:
        """Return whether a broadcast is one that Celery sends."""
        try:
            vet_broadcast(raw)
        except Strange as strange:
            self._take(BROADCAST, strange.why, raw)
            return False
        return True

    def _take(self, queue: str, why: Why, raw: bytes) -> None:
        try:
            # Many may come at once: the store decides when a kind is due for a log line.
            count = self.set_aside(queue, why, raw)
        # Whatever happens, a foreign message must not take the worker down.
        except Exception:  # noqa: BLE001
            count = 1
        if count:
            event(
                log,
                "message.set_aside",
                level=logging.WARNING,
                queue=queue,
                why=why.value,
                bytes=len(raw),
                count=count,
            )


sieve = Sieve()


class _Client:
    """Reads queues and broadcasts; mixed into redis-py's client."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Return the reply; for BRPOP, None, as after a timeout, if the message is foreign."""
        reply = super().parse_response(connection, command_name, **options)  # type: ignore[misc]
        if command_name == "BRPOP" and reply:
            # kombu appends a message's priority to the name of its queue.
            queue = reply[0].decode().partition(redis.Channel.sep)[0]
            return reply if sieve.passes(queue, reply[1]) else None
        return reply

    def pubsub(self, **options: Any) -> Any:
        """Return the listener for broadcasts; a foreign one reads as an empty reply."""
        subscription = super().pubsub(**options)  # type: ignore[misc]
        read = subscription.parse_response

        def heard(*args: Any, **kwargs: Any) -> Any:
            reply = read(*args, **kwargs)
            told = isinstance(reply, list) and reply[0].endswith(b"message")
            return reply if not told or sieve.passes_broadcast(reply[-1]) else None

        subscription.parse_response = heard
        return subscription


class LedChannel(redis.Channel):
    """Makes connections that lead to the primary."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        made: Any = self.connection.client
        address = RedisAddress.of_broker(made.as_uri(include_password=True), made.ssl or None)
        options: dict[str, Any] = super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]
        options["db"] = address.db
        # To kombu, an error that a server answers is one of the program, and would end the process.
        options["connection_class"] = leading(options["connection_class"], strict=True)
        return options | {"primary": primary_of(address)}


class Channel(LedChannel):
    """Reads queues and broadcasts, without foreign messages."""

    def _get_client(self) -> Any:
        return type("Client", (_Client, super()._get_client()), {})  # type: ignore[misc]


class LedTransport(redis.Transport):
    """kombu's Redis transport where only its connections differ."""

    Channel = LedChannel


class Transport(redis.Transport):
    """kombu's Redis transport with channels that vet what they read."""

    Channel = Channel


#: between two attempts to connect: the first pause, and how it grows. kombu's own reach half a minute,
#: and whoever waits for Redis must go on soon after it is back.
RETRY_S, RETRY_MORE_S, RETRY_MOST_S = 0.5, 0.5, 2.0


class Connection(connection.Connection):
    """A connection that uses our transport wherever kombu would use its own."""

    _ours: type[redis.Transport] = Transport

    def get_transport_cls(self) -> Any:
        """Return the transport's class, whatever form the broker's URL has."""
        found: Any = super().get_transport_cls()
        return self._ours if found is redis.Transport else found

    def Pool(self, limit: int | None = None, **options: Any) -> Any:  # noqa: N802
        """Return a pool of connections that use this transport."""
        return _Pool(self, limit, **options)

    def info(self) -> dict[str, Any]:
        """Return what Celery and Flower show of it: without a password that kombu overlooks in a URL."""
        told: dict[str, Any] = super().info()
        return told | {"hostname": maybe_sanitize_url(told["hostname"])}

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        # Those who say by themselves how to wait pass everything in order.
        if len(args) < 3:
            options = {
                "interval_start": RETRY_S,
                "interval_step": RETRY_MORE_S,
                "interval_max": RETRY_MOST_S,
            } | options
        return super()._ensure_connection(*args, **options)


class _Pooled(connection.PooledConnection, Connection):  # type: ignore[misc]
    """One of a pool: Celery sends on it, and reads only the answers to its own questions."""

    _ours = LedTransport


class _Pool(connection.ConnectionPool):
    """kombu's pool, which makes connections of its own class otherwise."""

    def new(self) -> Any:
        return _Pooled(self, **dict(self.connection._info(resolve=False)))


class AMQP(amqp.AMQP):
    """The part of Celery that makes connections and consumers."""

    Connection = Connection
