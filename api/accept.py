"""Turn a validated request into a job: lane, callback URL, pictures, seeds, one script.

Called by the views of ``draw`` and ``follow``. When ``accept`` returns, Redis has the job and its message.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from flask import Response, g

from api.access.guard import caller, check_lane
from api.callers_trace import callers_span
from api.choices import check_choices, check_words, has_choices
from api.house import House, Seeds, house
from api.impossible import check_possible
from api.spool import Spooling, check_room, spool_bytes
from limner import tracing
from limner.callback.policy import destination
from limner.client import Client
from limner.egress.target import UrlRefused
from limner.errors import InvalidRequest, ParentGone
from limner.faces import LIMNER
from limner.followup import FollowUp
from limner.ids import random_number
from limner.job import Job, Picture
from limner.log import event
from limner.prompt import prompt_of
from limner.request import CELLS, SPOOL, Request
from limner.store import Idempotency, Try
from limner.tracing import JobTrace

log = logging.getLogger(__name__)

#: most requests of one client, and of all, that wait for replicas at once in a process: of its 2,000 connections to
#: Redis, some stay for whoever asks for something else
CLIENT_COPIES, COPIES = 1000, 1500


def accept(
    request: Request,
    key: Idempotency | Try | None,
    *,
    follow_up: FollowUp | None = None,
    cell: Picture | None = None,
    seeds: Seeds | None = None,
    repeats: bool = False,
    job_id: str | None = None,
) -> Job:
    """Store and enqueue the job, or return the one that this key or an earlier try made.

    ``cell``: the follow-up only picks that picture; the job is done at once, with a copy of it. ``repeats``:
    the request is an earlier job's, and not the caller's own words. ``job_id``: what the job is called; if there
    is one of that id, it is returned and nothing is started.

    Raises:
        LaneNotAllowed, IdempotencyConflict, WaitingFull, BudgetSpent, JobConflict: not allowed, or not now.
        TooManyAtOnce, Crowded: too many wait for replicas of Redis.
        BodyTooLarge, InlineFull: the inline pictures exceed the client's quota, alone or with others.
        WordsForbidden, ModerationDown: its words may not be drawn, or nobody can say so now.
        InvalidRequest: something in it can never work (``api/impossible.py``), or the callback URL that is kept
            for the client or its job is one we refuse to call.
        ParentGone: a picture it needs has been deleted.
        StoreDown, ImagesDown, DiskFull: Redis or the image store is down or full.
        TooFewReplicas, JobInDoubt (StoreDowns): too few replicas of Redis have the job.
    """
    here, client = house(), caller()
    check_lane(client, request.lane)
    if cell is None and here.words:
        if earlier := accepted_before(key):
            return earlier
        check_words(request)
    if cell is None and has_choices(request):
        # A repeated request needs none of them.
        if earlier := accepted_before(key):
            return earlier
        check_choices(request, repeats=repeats)
    url = request.callback_url or client.callback_url or here.settings.callback_url
    if not url and follow_up and request.face == LIMNER:
        url = follow_up.callback_url
    cap = client.waiting_cap
    goes_to = _destination(url, client) if url else None
    messages = here.messages()
    job_id = job_id or here.job_id()
    pictures = request.pictures
    if size_bytes := spool_bytes(here, pictures):
        # A repeated request needs no room.
        if earlier := accepted_before(key):
            return earlier
        copied = any(one.startswith(SPOOL) for one in pictures)
        check_room(here, client, size_bytes, copied=copied)
    _check_possible(request, key, repeats=repeats, picks=cell is not None)
    asker = callers_span()
    accepting = tracing.accepting(
        asker, job=job_id, client=client.name, lane=request.lane.value, face=request.face
    )
    with accepting as span, Spooling(here, client) as spooling:
        trace = JobTrace(span.carried, asker) if span.carried else None
        if pictures:
            request = request.with_pictures(spooling.spooled)
        if url != request.callback_url:
            request = replace(request, callback_url=url)
        picked = spooling.copied(cell) if cell else None
        with _copying(here, client):
            accepted = here.store.jobs.accept(
                job_id,
                client.name,
                request,
                seeds or seeds_of(here, request),
                messages,
                waiting_cap=here.settings.waiting_cap if cap is None else cap,
                destination=goes_to,
                idempotency=key,
                follow_up=follow_up,
                picked=picked,
                charge=spooling.charge(),
                budgets=client.budgets,
                trace=trace,
            )
        job = accepted.job
        span.note(job=job.id, again=accepted.again)
        # Of these very files, this call itself made it: its answer was lost, and redis-py asked again.
        others = job.request.pictures != request.pictures or (picked and job.picture != picked)
        if job.id != job_id or (accepted.again and others):
            spooling.drop()
            _note_replay(key)
            return job
        if accepted.to_drop:
            spooling.make_room(accepted.to_drop)
    event(log, "job.accepted", job=job_id, client=client.name, lane=str(request.lane))
    return job


def accepted_before(key: Idempotency | Try | None) -> Job | None:
    """Return the job that a request with this key, or an earlier try of it, made before, if one did.

    ``accept`` finds it, too; who asks first needs not what may have changed or gone since.
    """
    if not key:
        return None
    here, client = house(), caller()
    with _copying(here, client):
        earlier = here.store.jobs.earlier(client.name, key)
    if earlier:
        _note_replay(key)
    return earlier


def _check_possible(
    request: Request, key: Idempotency | Try | None, *, repeats: bool, picks: bool
) -> None:
    """Return unless the request can never work; an earlier one with this key may have been in time."""
    try:
        check_possible(request, repeats=repeats, picks=picks)
    except (InvalidRequest, ParentGone):
        if not accepted_before(key):
            raise


def _note_replay(key: Idempotency | Try | None) -> None:
    # A library that counts its tries knows nothing of keys.
    g.replayed = isinstance(key, Idempotency)


def tell_replay(response: Response) -> Response:
    """Say that an Idempotency-Key found an earlier request's job; for ``after_request``."""
    if g.get("replayed"):
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _copying(here: House, client: Client) -> AbstractContextManager[object]:
    """Return a block in which a request may wait for replicas, if any are asked for."""
    return here.copies.hold(client.name) if here.store.replicas else nullcontext()


def _destination(url: str, client: Client) -> str:
    try:
        return destination(url)
    except UrlRefused as error:
        # URLs in requests are validated; this one was stored by a release that accepted it.
        event(
            log, "callback_url.refused", level=logging.WARNING, client=client.name, why=str(error)
        )
        message = f"The callback URL kept for this client or job cannot be used. {error}"
        raise InvalidRequest({}, message) from None


def new_seeds() -> Seeds:
    """Return four seeds, each one after the other, as some servers draw them at once.

    The first is unguessable: other callers' seeds reveal nothing about it.
    """
    return _following(random_number() % 2**32, CELLS)


def seeds_of(here: House, request: Request) -> Seeds:
    """Return a seed for each cell: from the one that the caller named on, or unguessable."""
    count = request.count or CELLS
    # Few prompts name a seed, and parsing one costs more than searching for the word.
    named = request.seed is not None or "seed" in request.prompt_en.lower()
    seed = prompt_of(request).seed if named else None
    if seed is None:
        return here.seeds()[:count]
    return _following(seed, count)


def _following(seed: int, count: int) -> Seeds:
    return tuple((seed + cell) % 2**32 for cell in range(count))
