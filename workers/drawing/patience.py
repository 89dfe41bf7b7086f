"""Calls to the two stores, made again until the store is back; used by every step of a drawing."""

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
#: pauses while the image store is away, the last one again and again
IMAGES_RETRY_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
#: a finished drawing waits so long for the image store before its job fails
IMAGES_PATIENCE_S = 600.0


class Patience:
    """How long the drawings of one process wait for a store: until the process must end."""

    def __init__(self) -> None:
        #: the process is told to end: what it holds is handed over
        self.draining = False

    def store(self, call: Callable[[], T]) -> T:
        """Make a store call, as often as it takes until Redis is back or the process must end.

        Raises:
            StaleLease: the job is gone.
            StoreDown: the process ends before Redis is back; the lease will lapse.
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
        """Use the image store, as often as it takes; None if told to stop meanwhile.

        The lease is kept all the while, and the engine draws others.

        Raises:
            PicturesNotKept: the store was away for ``IMAGES_PATIENCE_S``.
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
