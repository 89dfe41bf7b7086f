"""The API's only use of Celery: a bare producer that renders each lane's message once.

Called by ``create_app``. It loads no worker and no engine: tasks are sent by name. Why:
docs/decisions/0002-one-message-a-job.md.
"""

from __future__ import annotations

from celery import Celery

from limner.message import LazyMessages, Messages
from limner.settings import Settings
from limner.settings.broker import redis_address
from limner.store import Store


def messages_of(settings: Settings, store: Store) -> LazyMessages:
    """Return the messages for the configured broker, rendered on first use."""

    def render() -> Messages:
        with Celery("limner", set_as_current=False) as app:
            app.config_from_object("celeryconfig")
            # create_app's settings take precedence over those that celeryconfig read from the environment.
            redis = redis_address(settings)
            tls = dict(redis.tls) if redis.tls else False
            app.conf.update(broker_url=redis.broker_url, broker_use_ssl=tls)
            return Messages.render(app)

    return LazyMessages(render, store.ping)
