"""The Celery app that Flower runs on: our settings, our transport, and no task.

Flower follows the events that workers send to all; what others send there would end its thread for them.
"""

from __future__ import annotations

from celery import Celery

from limner.privacy import keep_to_ourselves
from workers.panel import shut
from workers.transport import AMQP

app = Celery("limner", amqp=AMQP)
app.config_from_object("celeryconfig")

keep_to_ourselves()
shut()
