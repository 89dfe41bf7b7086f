"""The API's only use of Celery: a bare producer that renders each lane's message once.

Called by ``create_app``. It loads no worker and no engine: tasks are sent by name. Why:
docs/decisions/0002-one-message-a-job.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from celery import Celery

from api.concurrency import THREADS, Concurrency, Signal, wait_as_allowed
from limner.errors import StoreDown
from limner.message import Messages
from limner.settings import Settings
from limner.settings.broker import redis_address
from limner.store import Store

#: kombu connects for itself, and repeats what fails
RENDER_S = 2.0
#: by name, as tasks are: what makes connections for workers makes them here, and knows no task either
OUR_TRANSPORT = "workers.transport:AMQP"


def messages_of(
    settings: Settings, store: Store, concurrency: Concurrency = THREADS
) -> Callable[[], Messages]:
    """Return the messages for the configured broker, rendered on first use."""

    def render() -> Messages:
        with Celery("limner", amqp=OUR_TRANSPORT, set_as_current=False) as app:
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

    return InTime(render, store.ping, concurrency)


@dataclass(slots=True)
class Rendering:
    """One rendering, and what came of it once it has ended."""

    ended: Signal
    messages: Messages | None = None
    error: BaseException | None = None


class InTime:
    """Renders beside the requests, and lets each caller wait no longer than its request may."""

    def __init__(
        self,
        render: Callable[[], Messages],
        ping: Callable[[], None],
        concurrency: Concurrency = THREADS,
        most_s: float = RENDER_S,
    ) -> None:
        self._render = render
        self._ping = ping
        self._concurrency = concurrency
        self._most_s = most_s
        self._messages: Messages | None = None
        #: the one that all wait for; none if the last one failed
        self._underway: Rendering | None = None
        # Nothing within waits: an event loop goes on.
        self._beginning = threading.Lock()

    def __call__(self) -> Messages:
        """Return the messages.

        Raises:
            StoreDown: the broker cannot be reached, or not in time.
        """
        if self._messages is None:
            self._ping()
            self._messages = self._rendered()
        return self._messages

    def _rendered(self) -> Messages:
        # All that come meanwhile wait for one rendering: it takes much of a processor, and many may be the first.
        with self._beginning:
            underway = self._underway or self._begun()
        wait_as_allowed(underway.ended, self._most_s)
        if underway.messages is not None:
            return underway.messages
        raise underway.error or StoreDown("The broker does not respond")

    def _begun(self) -> Rendering:
        rendering = self._underway = Rendering(self._concurrency.event())

        def render() -> None:
            try:
                rendering.messages = self._concurrency.offload(self._render)
            # Whatever it is, who waits for the messages raises it.
            except BaseException as error:  # noqa: BLE001
                rendering.error = error
                self._underway = None
            rendering.ended.set()

        self._concurrency.spawn(render)
        return rendering
