"""The lookout: sees within a second that the primary is another server now, also if nobody asks for anything.

A thread in each process that uses Redis, with a connection of its own. What it finds, it tells the
process's ``Primary``, which shuts down the connections that lead elsewhere: none of them would notice by
itself if the former primary lives on, or vanished without a word.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from typing import Any

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from limner.log import event
from limner.settings.redis_address import RedisAddress
from limner.store.primary import Leading, NotPrimary, Primary, leading
from limner.store.sentinels import ANSWER_S, Sentinels

log = logging.getLogger(__name__)

#: between two looks
PAUSE_S = 1.0

_primaries: weakref.WeakValueDictionary[str, Primary] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def primary_of(address: RedisAddress) -> Primary:
    """Return what this process knows of the primary of an address."""
    key = f"{address.broker_url} {sorted((address.tls or {}).items())}"
    with _lock:
        return _primaries.setdefault(key, Primary(address, _post))


def _post(primary: Primary) -> None:
    looked_after = weakref.ref(primary)
    threading.Thread(target=_run, args=(looked_after,), name="redis-lookout", daemon=True).start()


def _run(looked_after: weakref.ref[Primary]) -> None:
    lookout: Lookout | None = None
    pause = threading.Event()
    is_failing = False
    # A command that ends soon needs none.
    while not pause.wait(PAUSE_S):
        primary = looked_after()
        if primary is None:
            break
        lookout = lookout or Lookout(primary)
        try:
            lookout.look(primary)
            is_failing = False
        # Nobody starts another lookout: whatever this look met, the next may be better.
        except Exception:  # noqa: BLE001
            lookout.close()
            if not is_failing:
                event(log, "lookout.failed", level=logging.ERROR, error=True)
            is_failing = True
        del primary
    if lookout:
        lookout.close()


class Lookout:
    """Looks after the primary of one address. For one thread."""

    def __init__(self, primary: Primary) -> None:
        address = primary.address
        # Not the primary itself, which lives only as long as somebody uses it.
        self._sentinels = Sentinels(address, primary.silent) if address.sentinels else None
        self._pool = ConnectionPool.from_url(
            address.client_url,
            socket_connect_timeout=ANSWER_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._line: Any = None
        #: the server that was the primary when it last answered
        self._peer: object = None
        self._well_at = 0.0
        self._was_closed = False

    def look(self, primary: Primary) -> None:
        """Look once, and have connections dropped that lead elsewhere."""
        line = self._line = self._line or self._line_to(primary)
        if not primary.is_used(besides=line):
            self.close()
            return
        if self._sentinels:
            asked_at = time.monotonic()
            try:
                if primary.named(self._sentinels.ask(), asked_at):
                    line.disconnect()
            except RedisError:
                pass  # the others may know, at the next look
        try:
            self._look_at(primary, line)
        except NotPrimary:
            self._was_closed = True
        except TimeoutError:
            # Slow is not gone; what was asked of it may still be answered.
            self._was_closed = False
        except ConnectionError:
            self._was_closed = True
        except RedisError:
            pass  # a user of an access list who may not even connect: others tell

    def _look_at(self, primary: Primary, line: Leading) -> None:
        if line.is_connected:
            if line.role() == "replica":
                line.disconnect()  # type: ignore[no-untyped-call]
                primary.left(line.peer)
                return
        else:
            line.connect()  # type: ignore[no-untyped-call]
            former, well_at = self._peer, self._well_at
            if former not in (None, line.peer):
                primary.drop(lambda other: other.peer == former)
            elif former and self._was_closed:
                # It was closed by the server or on the way, so these are closed as well.
                primary.drop(lambda other: other.peer == former and other.joined_at < well_at)
            self._peer = line.peer
        self._well_at = time.monotonic()

    def _line_to(self, primary: Primary) -> Leading:
        pool = self._pool
        line: Leading = leading(pool.connection_class)(primary=primary, **pool.connection_kwargs)
        return line

    def close(self) -> None:
        """Close every connection; the next look makes them anew."""
        if self._line:
            self._line.disconnect()
        # It holds the primary, which lives only as long as somebody uses it.
        self._line = None
        if self._sentinels:
            self._sentinels.close()
