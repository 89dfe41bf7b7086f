"""A Redis client for a process with an event loop; used by ``limner/store/connection.py``.

A socket that an event loop serves belongs to that loop's thread. The threads beside it, which handle
pictures, use Redis as well.
"""

from __future__ import annotations

import threading

import redis


class PerThread(redis.Redis):
    """A client whose connections stay in the thread that opened them."""

    _model: redis.ConnectionPool
    _own: threading.local

    @property
    def connection_pool(self) -> redis.ConnectionPool:
        """The pool of the calling thread, like that of the thread that made the client."""
        if not hasattr(self._own, "pool"):
            model = self._model
            self._own.pool = redis.ConnectionPool(
                model.connection_class, model.max_connections, **model.connection_kwargs
            )
        pool: redis.ConnectionPool = self._own.pool
        return pool

    @connection_pool.setter
    def connection_pool(self, pool: redis.ConnectionPool) -> None:
        self._model, self._own = pool, threading.local()
        self._own.pool = pool
