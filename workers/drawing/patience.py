"""Calls to Redis and the image store, retried until it is back; used by every step of a drawing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limner.errors import ImagesDown, JobNotFound, PicturesNotKept, StaleLease, StoreDown
from limner.log import event
from workers.drawing.keeper import Drawing

log = logging.getLogger(__name__)

T = TypeVar("T")

STORE_RETRY_S = 0.5
#: backoff while the image store is down; the last pause is repeated
IMAGES_RETRY_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
#: how long a finished drawing waits for the image store before its job fails
IMAGES_PATIENCE_S = 600.0


class Patience:
    """Retries store calls of one process's drawings, until the process must stop."""

    def __init__(self) -> None:
        #: set when the process starts nothing more: what waits for its slot is let go
        self.retired = False
        #: set when the process is told to stop: what it holds is handed over
        self.draining = False

    def store(self, call: Callable[[], T]) -> T:
        """Make a store call, with retries until Redis is back or the process must stop.

        Raises:
            StaleLease: the job is gone.
            StoreDown: the process stops before Redis is back; the lease will expire.
        """
        while True:
            try:
                return call()
            except JobNotFound:
                raise StaleLease from None
            except StoreDown:
                if self.draining:
                    raise
                time.sleep(STORE_RETRY_S)

    def images(self, drawing: Drawing, call: Callable[[], T]) -> T | None:
        """Use the image store, with retries; None if told to stop meanwhile.

        Meanwhile the lease is renewed, and the engine draws other jobs.

        Raises:
            PicturesNotKept: the store was down for ``IMAGES_PATIENCE_S``.
        """
        given_up_s = time.monotonic() + IMAGES_PATIENCE_S
        tries = 0
        while True:
            try:
                return call()
            except ImagesDown as error:
                event(
                    log,
                    "images.missed",
                    level=logging.WARNING,
                    job=drawing.job_id,
                    why=error.message,
                )
                pause_s = IMAGES_RETRY_S[min(tries, len(IMAGES_RETRY_S) - 1)]
                if time.monotonic() + pause_s > given_up_s:
                    raise PicturesNotKept from error
            tries += 1
            if drawing.wait(pause_s):
                return None
