"""The Celery app of processes that run no task: beat, ``celery inspect``, and, with more, Flower.

Our settings and our transport, which finds Redis by any form of its address and outlives any answer.
"""

from __future__ import annotations

from celery import Celery, signals

from workers.hangup import end_at_hangup
from workers.transport import AMQP

app = Celery("limner", amqp=AMQP)
app.config_from_object("celeryconfig")
signals.beat_init.connect(end_at_hangup)
