"""Celery's own way from a message to a task, for tests of what stands along it."""

from __future__ import annotations

import contextlib

from celery import Celery
from celery.app import trace
from celery.concurrency.thread import TaskPool
from celery.exceptions import TaskRevokedError
from celery.worker import state
from celery.worker.strategy import default
from kombu.transport.virtual import Channel, Message

from limner.message import TASK
from workers.gate import Gate, GatedRequest, install


class Worker:
    """Celery's own way from a received message to a task in the threads pool, with nothing around it."""

    def __init__(self, gate: Gate, body, strategy=default) -> None:
        self.app = Celery("limner", set_as_current=False)
        self.app.config_from_object("celeryconfig")
        install(self.app, gate)
        # Another test's module may have made a task of this name for all apps.
        self.app.tasks.pop(TASK, None)
        self.app.task(name=TASK, bind=True, Request=GatedRequest, shared=False)(body)
        self.task = self.app.tasks[TASK]
        # As `setup_worker_optimizations` does, but for this app alone.
        self.app.use_fast_trace_task = True
        trace._localized[:] = [self.app.tasks, {"application/json"}, "test@here"]
        self.task.__trace__ = trace.build_tracer(TASK, self.task, app=self.app)
        self.pool = TaskPool(4, app=self.app)
        self.connection_errors = ()
        self.hostname = "test@here"
        self.event_dispatcher = None
        self.timer = type("Timer", (), {"call_at": None})()
        self.disable_rate_limits = True
        self.task_buckets: dict = {}
        self.apply_eta_task = self._limit_task = self._limit_post_eta = None
        self.controller = type("C", (), {"state": state})()
        self.receive = strategy(self.task, self.app, self)

    def on_task_request(self, request) -> None:
        with contextlib.suppress(TaskRevokedError):
            request.execute_using_pool(self.pool)

    def take(self, fields: dict, ack=lambda *_: None) -> None:
        taken = Message(fields, channel=Channel.__new__(Channel))
        self.receive(taken, None, ack, lambda *_: None, None)

    def end(self) -> None:
        self.pool.executor.shutdown(wait=True)
