"""The API's only use of Celery: a bare producer that renders each lane's message once.

Called by ``create_app``. It loads no worker and no engine: tasks are sent by name. Why:
docs/decisions/0002-one-message-a-job.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from celery import Celery

from limner.errors import StoreDown
from limner.message import Messages
from limner.settings import Settings
from limner.settings.broker import redis_address
from limner.store import Store
from limner.store.waits import allowed_s, count_waited

#: kombu connects for itself, and repeats what fails
RENDER_S = 2.0


def messages_of(settings: Settings, store: Store) -> Callable[[], Messages]:
    """Return the messages for the configured broker, rendered on first use."""

    def render() -> Messages:
        with Celery("limner", set_as_current=False) as app:
            app.config_from_object("celeryconfig")
            # create_app's settings take precedence over those that celeryconfig read from the environment.
            redis = redis_address(settings)
            tls = dict(redis.tls) if redis.tls else False
            app.conf.update(
                broker_url=redis.broker_url,
                broker_use_ssl=tls,
                # A worker's patience would keep a rendering that nobody waits for from being done anew.
                broker_transport_options={
                    **app.conf.broker_transport_options,
                    "socket_timeout": store.waits.connect_s,
                    "socket_connect_timeout": store.waits.connect_s,
                },
            )
            return Messages.render(app)

    return InTime(render, store.ping)


class InTime:
    """Renders in a thread of its own, and lets each caller wait no longer than its request may."""

    def __init__(
        self, render: Callable[[], Messages], ping: Callable[[], None], most_s: float = RENDER_S
    ) -> None:
        self._render = render
        self._ping = ping
        self._most_s = most_s
        self._lock = threading.Lock()
        self._messages: Messages | None = None
        self._rendering: Future[Messages] | None = None

    def __call__(self) -> Messages:
        """Return the messages.

        Raises:
            StoreDown: the broker cannot be reached, or not in time.
        """
        if self._messages is None:
            self._ping()
            self._messages = self._awaited(self._begun())
        return self._messages

    def _begun(self) -> Future[Messages]:
        """Return the one rendering of all callers; a new one after one that failed."""
        with self._lock:
            if self._rendering is None or self._rendering.done():
                self._rendering = Future()
                threading.Thread(
                    target=self._run, args=(self._rendering,), name="render", daemon=True
                ).start()
            return self._rendering

    def _awaited(self, rendering: Future[Messages]) -> Messages:
        began = time.monotonic()
        try:
            return rendering.result(max(0.0, allowed_s(self._most_s)))
        except FutureTimeout:
            raise StoreDown("The broker does not respond") from None
        finally:
            count_waited(time.monotonic() - began)

    def _run(self, rendering: Future[Messages]) -> None:
        try:
            rendering.set_result(self._render())
        # Whatever it is, those who wait for the messages raise it.
        except BaseException as error:  # noqa: BLE001
            rendering.set_exception(error)
