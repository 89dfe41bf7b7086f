"""How long Redis keeps a key of each kind when nobody looks after it: too short, and what it holds is lost while it
counts; for ever by mistake, and Redis fills up.

``KEPT`` says it of every kind. A kind that is not in it fails here.
"""

from __future__ import annotations

import pytest

from tests.builders import MESSAGES, WORKER, an_accepted_job, an_upload
from tests.contract.kept_house import Kept, kind_of, lose
from tests.contract.lanes_view import is_about

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LEASE = 15 * SECOND
#: of the posters of the busy house, the lease of each
LEASES = (10 * SECOND, 30 * SECOND)
#: as long as its job can wait and be drawn, and is kept then
INDEX = 70 * DAY
ONE = "there is one"
EMPTIED = "emptied as what is in it comes to its end"
SET_UP = "there are as many as operators have set up"
LANES = "there is one of each lane"

#: kind → how long a key of it is kept from the last time on that it was written, ms; and why some are kept for
#: ever, if any are
KEPT: dict[str, tuple[tuple[int, ...], str]] = {
    # jobs
    "job:": ((30 * DAY,), "until the job's end"),
    "tag:": ((INDEX,), ""),
    "jobs:": ((INDEX,), ""),
    "waits:": ((), EMPTIED),
    "runs:": ((), EMPTIED),
    "deadlines": ((), EMPTIED),
    "failures": ((30 * DAY,), ""),
    "idem:": ((DAY,), ""),
    "tries:": ((HOUR,), ""),
    "tentative": ((), EMPTIED),
    "touched": ((), ONE),
    "awaited:": ((2 * HOUR,), ""),
    "budget:": ((32 * DAY,), ""),
    "story:": ((30 * DAY, HOUR), ""),
    "places:": ((), LANES),
    # lanes
    "waiting:": ((), EMPTIED),
    "ready:": ((), EMPTIED),
    "holds": ((), EMPTIED),
    "leases": ((), EMPTIED),
    "slots:": ((), EMPTIED),
    "grant:": ((MINUTE,), ""),
    "queue:": ((), EMPTIED),
    "back:": ((), EMPTIED),
    "turns:": ((), EMPTIED),
    "heads:": ((), EMPTIED),
    "ends:": ((), LANES),
    "virtual:": ((), LANES),
    "pace:": ((), LANES),
    "costs:": ((), LANES),
    "messages": ((), ONE),
    "stalled": ((), ONE),
    "looked": ((), ONE),
    "fast": ((), EMPTIED),
    "relaxed": ((), EMPTIED),
    "worker:": ((2 * LEASE,), ""),
    "workers:": ((), "emptied of those that are not seen any more"),
    "mended": ((), ONE),
    "mending": ((), ONE),
    "mending:": ((), ONE),
    # engines; what is kept of former ones, and for how long: test_engines_former.py
    "engines": ((), SET_UP),
    "settings:": ((), SET_UP),
    "engine:": ((), SET_UP),
    "absent": ((), SET_UP),
    "cancels:": ((DAY,), ""),
    # callbacks
    "outq:": ((), EMPTIED),
    "out:": ((30 * DAY,), "until all is told of the job"),
    "resend:": ((), EMPTIED),
    "dead:": ((30 * DAY,), "until all is told of the job"),
    "dead": ((), "emptied of jobs whose dead letters are not kept any more"),
    "log:": ((30 * DAY,), "until all is told of the job"),
    "due": ((), EMPTIED),
    "parked:": ((), EMPTIED),
    "parked": ((), EMPTIED),
    "parkedat": ((), EMPTIED),
    "wake": ((), "the last 1000"),
    "ticked": ((), ONE),
    "recheck": ((), ONE),
    "took:": (LEASES, ""),
    "turns": ((), ONE),
    "line:": ((HOUR,), ""),
    "strangers:": ((HOUR,), ""),
    "lobby": ((), EMPTIED),
    "lobby:": ((), EMPTIED),
    "flights:": (tuple(lease + MINUTE for lease in LEASES), ""),
    "trials:": (tuple(lease + MINUTE for lease in LEASES), ""),
    "probation:": (tuple(lease + MINUTE for lease in LEASES), ""),
    "fate:": ((DAY,), ""),
    "fates": ((DAY,), ""),
    "fates:": ((DAY,), ""),
    "host:": ((HOUR,), ""),
    "opens": ((), EMPTIED),
    "rests": ((), EMPTIED),
    "endpoint:": ((), SET_UP),
    "epoch": ((), ONE),
    "salt": ((), ONE),
    "schema": ((), ONE),
    "schema_lock": ((10 * SECOND,), ""),
    "healed": ((MINUTE,), ""),
    "beats": ((), ONE),
    "beaten": ((), "the last 1024 processes"),
    # clients, operators and what they set
    "client:": ((), SET_UP),
    "clients": ((), SET_UP),
    "tokens": ((), SET_UP),
    # A request every 100 s, and a second to spare.
    "rate:": ((101 * SECOND,), ""),
    "wrong": ((), "emptied of those whose limit is clear, and bounded"),
    "operator:": ((), SET_UP),
    "operators": ((), SET_UP),
    "operator_tokens": ((), SET_UP),
    "session:": ((3 * DAY,), ""),
    "sessions:": ((14 * DAY,), ""),
    "ticket:": ((15 * MINUTE,), ""),
    "tickets:": ((15 * MINUTE,), ""),
    "levers": ((), SET_UP),
    "paused_clients": ((), SET_UP),
    "resumed": ((), SET_UP),
    "audit": ((), "the last 10000"),
    "draft:": ((DAY,), ""),
    "drafts:": ((DAY,), ""),
    "upload:": ((HOUR,), ""),
    "uploads:": ((HOUR,), ""),
    "chosen:": ((90 * DAY,), ""),
    # pictures
    "spool:": ((), "emptied as files are deleted"),
    "spent:": ((), "emptied as files are deleted"),
    "spooled": ((), SET_UP),
    "reckoned:": ((HOUR,), ""),
    "drops": ((), "emptied as files are deleted"),
    "folders": ((), SET_UP),
    "folders_seen": ((), SET_UP),
    "image_store": ((), ONE),
    "image_sizes": ((), ONE),
    "pruning": ((), ONE),
    "image_stores": ((), "the last 1024 processes"),
    "image_stores_seen": ((), "the last 1024 processes"),
    # what is told to operators
    "numbers": ((), ONE),
    "history:": ((), "the last 120 minutes"),
    "trials": ((), "the last 1000"),
    "trying:": ((30 * SECOND,), ""),
    "trial:": ((MINUTE,), ""),
    "reports": ((), "emptied of what is not found any more"),
    "report": ((), "emptied of what is not found any more"),
    "warned": ((), "what was found last"),
    "clocks": ((), "the last 256 hosts"),
    "aside": ((7 * DAY,), ""),
    "aside_last": ((7 * DAY,), ""),
    "aside_told": ((), "a number of each reason and lane"),
}


def check(kind: str, left: dict[str, int], passed_ms: float) -> None:
    """Check how long keys are kept, by what is left of it (0: for ever) after that time at most."""
    ways, reason = KEPT[kind]
    ending = [left_ms for left_ms in left.values() if left_ms]
    for left_ms in ending:
        assert any(way - passed_ms - SECOND <= left_ms <= way for way in ways), left
    assert bool(ending) == bool(ways), left
    assert len(ending) == len(left) or reason, left


def test_every_kind_of_key_has_a_row(kept):
    """That all are in the busy house is seen to beside it (``test_keys_lost.py``)."""
    assert {kind_of(name) for name in kept.dumps} == set(KEPT)


@pytest.mark.parametrize("kind", KEPT)
def test_a_key_is_kept_for_as_long_as_its_kind_is(kept: Kept, kind):
    check(kind, {name: kept.dumps[name][1] for name in kept.names(kind)}, kept.took_ms)


@pytest.mark.parametrize("kind", ["tag:", "jobs:", "uploads:"])
def test_a_key_that_was_lost_and_is_made_again_is_kept_as_long_as_before(kept, redis_url, kind):
    house = lose(kept, redis_url, kept.names(kind))

    left = {name: house.store.redis.pttl(name) for name in kept.names(kind)}
    house.store.close()
    check(kind, left, kept.passed_ms())


# -- what one of several writes alone -------------------------------------------------------------


def test_a_handle_that_is_put_back_is_kept_for_a_day(store):
    store.engines.cancel_later("stage", {"id": "there"})

    assert is_about(store.redis.pttl("limner:cancels:stage"), DAY)


def test_the_list_of_a_clients_uploads_is_kept_as_long_as_the_last_of_them(store):
    for upload, hours in (("u1", 1), ("u2", 2)):
        store.uploads.keep("ann", an_upload(upload), 1, 10**6, hours * 3600)

        assert is_about(store.redis.pttl("limner:uploads:ann"), hours * HOUR)


def test_a_worker_that_claims_without_a_heartbeat_is_forgotten(store):
    job = an_accepted_job(store)

    store.lanes.claim(job.request.lane, "t1", WORKER, job.id, MESSAGES)

    assert 0 < store.redis.pttl(f"limner:worker:{WORKER}") <= 2 * LEASE
