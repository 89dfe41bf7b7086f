"""The API's only use of Celery: a bare producer that renders each lane's message once.

Called by ``create_app``. It loads no worker and no engine: tasks are sent by name. Why:
docs/decisions/0002-one-message-a-job.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from celery import Celery

from api.concurrency import THREADS, Concurrency
from limner.errors import StoreDown
from limner.message import Messages
from limner.settings import Settings
from limner.settings.broker import redis_address
from limner.store import Store
from limner.store.waits import allowed_s, count_waited

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
        # The first callers may each render the same; so none of them waits for another's lock.
        outcome: list[Messages | BaseException] = []
        ended = self._concurrency.event()

        def run() -> None:
            try:
                outcome.append(self._concurrency.offload(self._render))
            # Whatever it is, who waits for the messages raises it.
            except BaseException as error:  # noqa: BLE001
                outcome.append(error)
            ended.set()

        began = time.monotonic()
        self._concurrency.spawn(run)
        ended.wait(max(0.0, allowed_s(self._most_s)))
        count_waited(time.monotonic() - began)
        if not outcome:
            raise StoreDown("The broker does not respond")
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]
