"""The API's only piece of Celery: a bare producer that renders the messages once; see docs/decisions/0002-one-message-a-job.md.

Called by ``create_app``. It loads no worker and no engine: tasks are named, not imported.
"""

from __future__ import annotations

from celery import Celery

from limner.broker import redis_address
from limner.message import LazyMessages, Messages
from limner.settings import Settings
from limner.store import Store


def messages_of(settings: Settings, store: Store) -> LazyMessages:
    """Return the messages for the settings' broker, rendered when they are first asked for."""

    def render() -> Messages:
        with Celery("limner", set_as_current=False) as app:
            app.config_from_object("celeryconfig")
            # What create_app was given beats what celeryconfig read from the environment.
            redis = redis_address(settings)
            tls = dict(redis.tls) if redis.tls else False
            app.conf.update(broker_url=redis.broker_url, broker_use_ssl=tls)
            return Messages.render(app)

    return LazyMessages(render, store.ping)
