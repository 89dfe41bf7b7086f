"""kombu's Redis transport, which sets strange messages aside before anything makes a message of them.

A chain of subclasses down to where a message comes off its queue: ``AMQP`` (which ``workers.app`` names
to Celery) → ``Connection`` → ``Transport`` → ``Channel`` → its client. Only what reads differs; whatever
``workers.vetting`` refuses looks to kombu like a poll that found nothing.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from celery.app import amqp
from kombu import connection
from kombu.transport import redis

from limner.log import event
from limner.store.aside import Why
from workers.vetting import QUEUES, Strange, vet, vet_broadcast

log = logging.getLogger(__name__)

#: what stands for a queue where a message came to all processes, and for queues that are not ours
BROADCAST, OTHER = "broadcast", "other"


class SetAside(Protocol):
    """Keeps a strange message: queue, why, the message; returns how many to tell in the log."""

    def __call__(self, queue: str, why: Why, message: bytes, /) -> int: ...


def _nowhere(_queue: str, _why: Why, _message: bytes) -> int:
    """Keep nothing, for a process without a store: the workers keep what they meet."""
    return 0


class Sieve:
    """Lets our own messages through; one a process."""

    #: where the others go, once the process has a store
    set_aside: SetAside = staticmethod(_nowhere)

    def passes(self, queue: str, raw: bytes) -> bool:
        """Return whether a message off a queue is one of ours; if not, it is set aside."""
        try:
            vet(raw, queue)
        except Strange as strange:
            self._take(queue if queue in QUEUES else OTHER, strange.why, raw)
            return False
        return True

    def passes_broadcast(self, raw: bytes) -> bool:
        """Return whether a message to all processes is one that Celery sends."""
        try:
            vet_broadcast(raw)
        except Strange as strange:
            self._take(BROADCAST, strange.why, raw)
            return False
        return True

    def _take(self, queue: str, why: Why, raw: bytes) -> None:
        try:
            # Many come at once: the store says when one of a kind is worth a line.
            count = self.set_aside(queue, why, raw)
        # Whatever it is, a stranger's message must not cost the worker.
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
        """Return the reply; to BRPOP, None as if time were over where a message is strange."""
        reply = super().parse_response(connection, command_name, **options)  # type: ignore[misc]
        if command_name == "BRPOP" and reply:
            # kombu puts a message's priority behind the name of its queue.
            queue = reply[0].decode().partition(redis.Channel.sep)[0]
            return reply if sieve.passes(queue, reply[1]) else None
        return reply

    def pubsub(self, **options: Any) -> Any:
        """Return what listens to broadcasts; a strange one reads as a reply that says nothing."""
        subscription = super().pubsub(**options)  # type: ignore[misc]
        read = subscription.parse_response

        def heard(*args: Any, **kwargs: Any) -> Any:
            reply = read(*args, **kwargs)
            told = isinstance(reply, list) and reply[0].endswith(b"message")
            return reply if not told or sieve.passes_broadcast(reply[-1]) else None

        subscription.parse_response = heard
        return subscription


class Channel(redis.Channel):
    """Reads queues and broadcasts, strange messages excepted."""

    def _get_client(self) -> Any:
        return type("Client", (_Client, super()._get_client()), {})  # type: ignore[misc]


class Transport(redis.Transport):
    """kombu's Redis transport with these channels."""

    Channel = Channel


class Connection(connection.Connection):
    """A connection that uses them wherever kombu would take its own."""

    def get_transport_cls(self) -> Any:
        """Return the transport's class, whatever form the broker's URL has."""
        found: Any = super().get_transport_cls()
        return Transport if found is redis.Transport else found


class AMQP(amqp.AMQP):
    """Celery's part that makes connections and consumers."""

    Connection = Connection
