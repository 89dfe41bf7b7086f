"""The Celery app that Flower runs on: our settings, our transport, our logging, and no task.

Flower consumes the events that workers broadcast; a foreign message there would end its event thread.
"""

from __future__ import annotations

from celery import Celery

from limner import log
from limner.settings import Settings
from stack.privacy import keep_to_ourselves
from workers import queue_lengths
from workers.panel import shut
from workers.transport import AMQP

app = Celery("limner", amqp=AMQP)
app.config_from_object("celeryconfig")

keep_to_ourselves()
shut()
queue_lengths.install()
# Flower configures only its own logging, which `stack.processes` tells it to leave alone.
_settings = Settings.load()
log.set_up(_settings.log_format, _settings.log_level)
