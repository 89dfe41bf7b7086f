"""What every view needs, in one object attached to the Flask app; created by ``create_app``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from api.access.door import Doorkeeper
from api.forbidden import WordCheck
from api.offloaded_images import OffloadedImages
from api.overview import Overview
from api.places import Places
from api.wait_places import WaitPlaces
from api.watcher import Watcher
from limner.message import Messages
from limner.settings import Settings
from limner.store import Store

Seeds = tuple[int, ...]
EXTENSION = "limner"


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one API process."""

    settings: Settings
    store: Store
    door: Doorkeeper
    images: OffloadedImages
    #: returns the rendered Celery messages, or raises StoreDown while the broker is down
    messages: Callable[[], Messages]
    #: returns a new job id, 32 hex digits
    job_id: Callable[[], str]
    #: returns seeds for four cells, each below 2**32
    seeds: Callable[[], Seeds]
    now: Callable[[], datetime]
    watcher: Watcher
    overview: Overview
    #: long polls and event streams
    waits: WaitPlaces
    #: requests that wait for replicas of Redis, each on a connection of its own
    copies: Places
    #: what may not be drawn
    words: WordCheck
    #: bytes of request bodies being received and read
    bodies: Places
    #: requests whose pictures are decoded before they are accepted
    looks: Places


def house() -> House:
    """Return the parts of the app that serves this request."""
    return cast("House", current_app.extensions[EXTENSION])
