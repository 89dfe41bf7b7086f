"""The Celery app that Flower runs on: our settings, our transport, our logging, and no task.

Flower consumes the events that workers broadcast; a foreign message there would end its event thread.
"""

from __future__ import annotations

from limner import log
from limner.settings import Settings
from stack.privacy import keep_to_ourselves
from workers import flower_events, queue_lengths
from workers.bare import app as app
from workers.hangup import end_at_hangup
from workers.panel import shut

keep_to_ourselves()
end_at_hangup()
shut()
queue_lengths.install()
flower_events.install()
# Flower configures only its own logging, which `stack.processes` tells it to leave alone.
_settings = Settings.load()
log.set_up(_settings.log_format, _settings.log_level)
log.catch_the_rest()
