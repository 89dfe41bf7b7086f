"""Turn one checked request into a job: lane, callback URL, inline pictures, seeds, one script.

Called by the views of ``draw``. When ``accept`` returns, Redis has the job and its message.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace

from api.guard import caller, check_lane
from api.house import House, Seeds, house
from limner.callback import destination
from limner.errors import RequestError
from limner.job import Job, Request
from limner.log import event
from limner.prompt import parse_prompt
from limner.store import Idempotency
from schemas.references import is_inline

log = logging.getLogger(__name__)

#: before the image store's key of a picture that was sent inline; a worker reads it by this
SPOOL = "spool:"


def accept(request: Request, key: Idempotency | None) -> Job:
    """Keep the job that the caller asks for and queue it, or find the one its key made before.

    Raises:
        LaneNotAllowed, IdempotencyConflict, WaitingFull: it may not, or not now.
        StoreDown: Redis is away.
    """
    here, client = house(), caller()
    check_lane(client, request.lane)
    url = request.callback_url or client.callback_url or here.settings.callback_url
    cap = client.waiting_cap
    messages = here.messages()
    job_id = here.job_id()
    with _spooled(here, replace(request, callback_url=url)) as (kept, spooled):
        job = here.store.jobs.accept(
            job_id,
            client.name,
            kept,
            _seeds(here, kept),
            messages,
            waiting_cap=here.settings.waiting_cap if cap is None else cap,
            destination=destination(url) if url else None,
            idempotency=key,
        ).job
        if job.id != job_id:
            _drop(here, spooled)
            return job
    event(log, "job.accepted", job=job_id, client=client.name, lane=str(request.lane))
    return job


def new_seeds() -> Seeds:
    """Return four random seeds."""
    bits = secrets.randbits(128)
    return _four(bits >> shift for shift in (0, 32, 64, 96))


def _seeds(here: House, request: Request) -> Seeds:
    text = request.final_prompt()
    # Few prompts name a seed, and reading one costs more than looking for the word.
    seed = parse_prompt(text).seed if "seed" in text.lower() else None
    return here.seeds() if seed is None else _four(seed + cell for cell in range(4))


def _four(numbers: Iterator[int]) -> Seeds:
    first, second, third, fourth = (number % 2**32 for number in numbers)
    return first, second, third, fourth


@contextlib.contextmanager
def _spooled(here: House, request: Request) -> Iterator[tuple[Request, list[str]]]:
    """Put inline pictures into the image store, and take them out again if the job is refused.

    They stay when the store failed: the script may have run, and the answer have been lost. What
    belongs to no job goes when the spool is pruned.
    """
    spooled: list[str] = []
    references = []
    for reference in request.references:
        if is_inline(reference):
            spooled.append(here.images.put("spool", reference.encode(), "txt", here.now()))
            reference = SPOOL + spooled[-1]
        references.append(reference)
    try:
        yield replace(request, references=tuple(references)), spooled
    except RequestError:
        _drop(here, spooled)
        raise


def _drop(here: House, spooled: list[str]) -> None:
    for key in spooled:
        here.images.delete(key)
