"""Many jobs on a rehearsed engine: what the load test, the bench and the tests of recovery share."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence

import psutil
from celery import Celery

from limner.callback.policy import destination
from limner.message import Messages
from limner.request import Lane, Request
from limner.settings.broker import broker_url
from tests.acceptance.house import House
from tests.conftest import wait_until

#: so many jobs of one client may wait: more than any load has
WAITING_CAP = 10_000_000


def stage(
    seconds: float = 1.0, steps: int = 4, *, fast: int = 4, relaxed: int = 2, gap_s: float = 0
) -> str:
    """Return the table of a rehearsal engine that notes its drawings in the house's ledger."""
    return f"""
[[engine]]
name = "stage"
driver = "rehearsal"
seconds = {seconds}
steps = {steps}
ledger = "LEDGER"
fast = {{ slots = {fast} }}
relaxed = {{ slots = {relaxed}, gap_s = {gap_s} }}
"""


def comfy_table(url: str, slots: int) -> str:
    """Return the table of an engine at a ComfyUI server, or its stand-in."""
    return f"""
[[engine]]
name = "comfy"
driver = "comfyui"
url = "{url}"
checkpoint = "sd15.safetensors"
fast = {{ slots = {slots} }}
"""


@functools.cache
def messages_of(house: House) -> Messages:
    """Return the message templates for the house's broker, rendered once as a process of ours does."""
    with Celery("limner", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=broker_url(house.settings))
        return Messages.render(app)


def accept_many(
    house: House,
    count: int,
    prompt: str = "a lighthouse",
    *,
    callback_url: str | None = None,
    lanes: Sequence[Lane] = (Lane.FAST,),
    extra: str | None = None,
) -> list[str]:
    """Put so many jobs into the store, as the API does, the lanes by turns; return their ids."""
    templates, ids = messages_of(house), [uuid.uuid4().hex for _ in range(count)]
    goes_to = destination(callback_url) if callback_url else None
    for number, job_id in enumerate(ids):
        request = Request(
            prompt_en=prompt,
            lane=lanes[number % len(lanes)],
            tag=uuid.uuid4().hex,
            callback_url=callback_url,
            extra=extra,
        )
        house.store.jobs.accept(
            job_id,
            "ann",
            request,
            (1, 2, 3, 4),
            templates,
            waiting_cap=WAITING_CAP,
            destination=goes_to,
        )
    return ids


def unfinished(house: House) -> int:
    """Return how many jobs wait or are drawn."""
    jobs = house.store.jobs
    return jobs.waiting_count("ann") + jobs.running_count("ann")


def wait_for_all(house: House, down_to: int = 0) -> None:
    """Wait for as long as jobs end: how long that takes says more of the machine than of us."""
    while (left := unfinished(house)) > down_to:
        wait_until(lambda left=left: unfinished(house) < left, 60, "the end of one more job")


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process, with what it started."""
    family = psutil.Process(pid)
    members = [family, *family.children(recursive=True)]
    return sum(member.memory_info().rss for member in members)
