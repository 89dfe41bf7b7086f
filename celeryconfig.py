"""How Celery is set up for Limner, read by the API's producer, the workers, beat and Flower.

Lower-case names are Celery settings; see its configuration reference for each.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any as _Any

from celery import signals as _signals
from kombu import Queue

from limner import log as _log
from limner.settings.broker import redis_address as _redis_address
from limner.settings.in_force import in_force as _in_force

_settings = _in_force()
_redis = _redis_address(_settings)


@_signals.setup_logging.connect
def _set_up_logging(**_: _Any) -> None:
    """Log as every process of Limner does; Celery sets nothing up itself then."""
    _log.set_up(_settings.log_format, _settings.log_level)
    _log.catch_the_rest()


broker_url = _redis.broker_url
# Said in full: with a bare rediss:// URL, kombu trusts any certificate.
broker_use_ssl = dict(_redis.tls) if _redis.tls else False
broker_connection_retry_on_startup = True
#: None: for ever. A worker outlives any outage of Redis.
broker_connection_max_retries = None
broker_transport_options = {
    # What a worker has taken is not kept in Redis until it is acknowledged: leases repair a crash, and
    # kombu's keys for it (`unacked`) would be shared with every other app in the database.
    "ack_emulation": False,
    # More than the threads that use the pool, or errors come late and look like something else.
    "max_connections": 10_000,
    "socket_timeout": 30,
    "socket_connect_timeout": 3,
    "health_check_interval": _redis.health_check_interval or 30,
}

task_queues = (
    Queue("fast", routing_key="fast"),
    Queue("relaxed", routing_key="relaxed"),
    Queue("callbacks", routing_key="callbacks"),
)
task_default_queue = "callbacks"
task_create_missing_queues = False
task_ignore_result = True
task_acks_late = False
task_serializer = "json"
accept_content = ["json"]
timezone = "UTC"
enable_utc = True

worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False

beat_schedule = {
    "tick": {
        "task": "tick",
        "schedule": timedelta(seconds=_settings.tick_s),
        # A tick that nobody took is worth nothing: the next one does the same.
        "options": {"queue": "callbacks", "expires": _settings.tick_s * 2},
    }
}
