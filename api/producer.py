"""The API's only piece of Celery: a bare producer that renders the messages once (DESIGN 3.2.1).

``create_app`` makes one ``LazyMessages``. It loads no worker and no engine: tasks are named, not
imported.
"""

from __future__ import annotations

import threading

from celery import Celery
from kombu.exceptions import KombuError

from limner.broker import broker_url
from limner.errors import StoreDown
from limner.message import Messages
from limner.settings import Settings
from limner.store import Store


class LazyMessages:
    """The rendered messages, made at the first call that finds the broker up.

    So the API starts and answers while Redis is away, and needs no restart when it comes.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._messages: Messages | None = None

    def __call__(self) -> Messages:
        """Return the messages.

        Raises:
            StoreDown: the broker cannot be reached.
        """
        if self._messages is not None:
            return self._messages
        # Asked outside the lock: with Redis away, requests fail side by side, not one by one.
        self._store.ping()
        with self._lock:
            if self._messages is None:
                self._messages = self._render()
            return self._messages

    def _render(self) -> Messages:
        with Celery("limner", set_as_current=False) as app:
            app.config_from_object("celeryconfig")
            # What create_app was given beats what celeryconfig read from the environment.
            app.conf.update(broker_url=broker_url(self._settings))
            errors = app.connection_for_write().connection_errors
            away: tuple[type[BaseException], ...] = (*errors, KombuError)
            try:
                return Messages.render(app)
            except away as error:
                raise StoreDown(f"The broker cannot be reached: {type(error).__name__}") from error
