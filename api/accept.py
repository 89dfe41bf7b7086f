"""Turn one checked request into a job: lane, callback URL, inline pictures, seeds, one script.

Called by the views of ``draw`` and ``follow``. When ``accept`` returns, Redis has the job and its message.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Iterator
from dataclasses import replace

from api.guard import caller, check_lane
from api.house import House, Seeds, house
from limner.callback import destination
from limner.errors import ImagesDown, ParentGone, RequestError
from limner.followup import FollowUp
from limner.job import SPOOL, Job, Picture, Request
from limner.log import event
from limner.prompt import parse_prompt
from limner.store import Idempotency
from schemas.references import is_inline

log = logging.getLogger(__name__)


def accept(
    request: Request,
    key: Idempotency | None,
    *,
    follow_up: FollowUp | None = None,
    cell: Picture | None = None,
    seeds: Seeds | None = None,
) -> Job:
    """Keep the job that the caller asks for and queue it, or find the one its key made before.

    ``cell``: the follow-up only picks that picture, and the job is done with a copy of it.

    Raises:
        LaneNotAllowed, IdempotencyConflict, WaitingFull, JobConflict: it may not, or not now.
        ParentGone: a picture that it needs is not kept any more.
        StoreDown: Redis is away.
    """
    here, client = house(), caller()
    check_lane(client, request.lane)
    url = request.callback_url or client.callback_url or here.settings.callback_url
    cap = client.waiting_cap
    messages = here.messages()
    job_id = here.job_id()
    with _kept_if_accepted(here) as kept:
        references = _spooled(here, request.references, kept)
        if (url, references) != (request.callback_url, request.references):
            request = replace(request, callback_url=url, references=references)
        job = here.store.jobs.accept(
            job_id,
            client.name,
            request,
            seeds or _seeds(here, request),
            messages,
            waiting_cap=here.settings.waiting_cap if cap is None else cap,
            destination=destination(url) if url else None,
            idempotency=key,
            follow_up=follow_up,
            picked=_copied(here, cell, kept) if cell else None,
        ).job
        if job.id != job_id:
            _drop(here, kept)
            return job
    event(log, "job.accepted", job=job_id, client=client.name, lane=str(request.lane))
    return job


def new_seeds() -> Seeds:
    """Return four random seeds."""
    bits = random.getrandbits(128)
    return _four(bits >> shift for shift in (0, 32, 64, 96))


def _seeds(here: House, request: Request) -> Seeds:
    # Few prompts name a seed, and reading one costs more than looking for the word.
    named = "seed" in request.prompt_en.lower()
    seed = parse_prompt(request.final_prompt()).seed if named else None
    return here.seeds() if seed is None else _four(seed + cell for cell in range(4))


def _four(numbers: Iterator[int]) -> Seeds:
    first, second, third, fourth = (number % 2**32 for number in numbers)
    return first, second, third, fourth


@contextlib.contextmanager
def _kept_if_accepted(here: House) -> Iterator[list[str]]:
    """Collect the keys of pictures put into the store for a job; take them out if it is refused.

    They stay when the store failed: the script may have run, and the answer have been lost. What
    belongs to no job goes with the others of its age.
    """
    kept: list[str] = []
    try:
        yield kept
    except RequestError:
        _drop(here, kept)
        raise


def _spooled(here: House, references: tuple[str, ...], kept: list[str]) -> tuple[str, ...]:
    """Put inline pictures into the image store; an earlier job's are copied, as it drops its own."""
    found = []
    for reference in references:
        if reference.startswith(SPOOL):
            data = _stored(here, reference.removeprefix(SPOOL))
        elif is_inline(reference):
            data = reference.encode()
        else:
            found.append(reference)
            continue
        kept.append(here.images.put("spool", data, "txt", here.now()))
        found.append(SPOOL + kept[-1])
    return tuple(found)


def _copied(here: House, cell: Picture, kept: list[str]) -> Picture:
    """Copy a cell, so that it is kept as long as the job that picked it."""
    key = here.images.key_of(cell.url)
    suffix = key.rpartition(".")[2]
    kept.append(here.images.put("drawings", _stored(here, key), suffix, here.now()))
    return replace(cell, url=here.images.url(kept[-1]))


def _stored(here: House, key: str) -> bytes:
    """Return what the image store keeps of an earlier job.

    Raises:
        ParentGone: it does not keep it any more.
    """
    try:
        return here.images.get(key)
    except KeyError:
        raise ParentGone from None


def _drop(here: House, kept: list[str]) -> None:
    for key in kept:
        # What cannot be dropped now goes with the others of its age.
        with contextlib.suppress(ImagesDown):
            here.images.delete(key)
