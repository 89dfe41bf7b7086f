"""Any one key is lost, of every kind that there is: nothing crashes, nothing waits for ever, no slot is held for ever.

``ROWS`` says of every kind what becomes of what it held. A kind that is not in it fails here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from limner.job import Status
from limner.request import Lane
from limner.store import Store, scripts
from tests.contract.busy_house import CLIENTS, House
from tests.contract.kept_house import Kept, kind_of, lose
from tests.contract.lanes_view import READ
from tests.lua_keys import QUEUE, Keys

REBUILT, ANEW, GONE = "rebuilt", "anew", "gone"
#: kind, with a colon if there are several keys of it → whether it is rebuilt, begins anew, or is gone, and from what,
#: or what that means
ROWS: dict[str, tuple[str, str]] = {
    # jobs
    "job:": (GONE, "the job: requests for it get 404, what it held is freed, its callbacks end"),
    "tag:": (REBUILT, "records"),
    "jobs:": (REBUILT, "records"),
    "waits:": (REBUILT, "records"),
    "runs:": (REBUILT, "records"),
    "deadlines": (REBUILT, "records"),
    "failures": (GONE, "the list of the last failures; it fills again"),
    "idem:": (GONE, "a caller that repeats its request gets a second job"),
    "tries:": (GONE, "a client library that repeats its request gets a second job"),
    "tentative": (REBUILT, "records"),
    "touched": (ANEW, ""),
    "awaited:": (GONE, "the job may be cancelled by one of several requests that wait for it"),
    "budget:": (GONE, "what was used and spent of the budgets; they begin again at nothing"),
    "story:": (GONE, "its watchers get the present state only"),
    "places:": (ANEW, "goes on after the jobs that wait"),
    # lanes
    "waiting:": (REBUILT, "records"),
    "ready:": (REBUILT, "the workers that hold them ask again"),
    "holds": (REBUILT, "records, heartbeats"),
    "leases": (REBUILT, "records, heartbeats"),
    "slots:": (
        REBUILT,
        "records, heartbeats; until then an engine may get more drawings than it has slots",
    ),
    "grant:": (ANEW, "the worker asks again"),
    "queue:": (REBUILT, "records"),
    "back:": (REBUILT, "records"),
    "turns:": (REBUILT, "queues; who waits starts at the present virtual time"),
    "heads:": (REBUILT, "queues"),
    "ends:": (ANEW, "clients owe nothing for what was drawn before"),
    "virtual:": (ANEW, "goes on from the smallest tag, and the last turn of those that have one"),
    "pace:": (ANEW, "no estimates until some jobs have started"),
    "costs:": (ANEW, "all drawings cost the same until some were drawn"),
    "messages": (ANEW, "counted again"),
    "stalled": (ANEW, "noticed again"),
    "looked": (ANEW, ""),
    "fast": (REBUILT, "jobs that wait"),
    "relaxed": (REBUILT, "jobs that wait"),
    "worker:": (ANEW, "with the next heartbeat, of those that live"),
    "workers:": (ANEW, "with the next heartbeat, of those that live"),
    "mended": (ANEW, "the walk begins again"),
    "mending": (ANEW, "the next walk comes to them"),
    "mending:": (ANEW, "the round begins again"),
    # engines
    "engines": (REBUILT, "heartbeats"),
    "settings:": (REBUILT, "workers register their engines again"),
    "engine:": (ANEW, "as of a new engine: healthy, until it shows otherwise"),
    "absent": (ANEW, "counted again"),
    "cancels:": (GONE, "drawings that nobody needs are drawn to their end"),
    # callbacks
    "outq:": (REBUILT, "the end is told again from the record; transitions before it are gone"),
    "out:": (REBUILT, "the end is told once more, under the same webhook-id"),
    "resend:": (GONE, "resend again"),
    "dead:": (GONE, "the dead letters of the job"),
    "dead": (REBUILT, "dead letters"),
    "log:": (GONE, "the attempts that were made"),
    "due": (REBUILT, "outboxes"),
    "parked:": (ANEW, "callbacks that waited for a place are looked at again"),
    "parked": (ANEW, "callbacks that waited for a place are looked at again"),
    "parkedat": (ANEW, "callbacks that waited for a place are looked at again"),
    "wake": (ANEW, "hints; what is due is found without"),
    "ticked": (ANEW, ""),
    "recheck": (ANEW, ""),
    "took:": (ANEW, "a lease that was taken and lost its answer ends"),
    "turns": (ANEW, "goes on from the time"),
    "line:": (ANEW, "queued up again"),
    "strangers:": (ANEW, "queued up again"),
    "lobby": (ANEW, "queued up again"),
    "lobby:": (ANEW, "queued up again"),
    "flights:": (ANEW, "a few more in flight for one lease"),
    "trials:": (ANEW, "a few more in flight for one lease"),
    "probation:": (ANEW, "a few more in flight for one lease"),
    "fate:": (ANEW, "receivers are proven again"),
    "fates": (ANEW, ""),
    "fates:": (ANEW, ""),
    "host:": (ANEW, "hosts are found to be sick again"),
    "opens": (ANEW, "breakers close by their own time"),
    "rests": (ANEW, "sick hosts are tried again"),
    "endpoint:": (GONE, "a default URL that was switched off is tried again"),
    "epoch": (ANEW, ""),
    "salt": (ANEW, "a new epoch"),
    "schema": (ANEW, "marked again with the next tick"),
    "schema_lock": (ANEW, "a migration that has lost it ends, and the next one does it again"),
    "healed": (ANEW, ""),
    "beats": (ANEW, ""),
    "beaten": (ANEW, "a new epoch, and workers register their engines again"),
    # clients, operators and what they set
    "client:": (GONE, "the client: its token is refused; make it again"),
    "clients": (REBUILT, "clients"),
    "tokens": (REBUILT, "clients"),
    "rate:": (ANEW, ""),
    "wrong": (ANEW, ""),
    "operator:": (GONE, "the operator; make it again"),
    "operators": (REBUILT, "operators"),
    "operator_tokens": (REBUILT, "operators"),
    "session:": (GONE, "the session; enter again"),
    "sessions:": (ANEW, "the holder's sessions are counted again as they are used"),
    "ticket:": (GONE, "the link; make another"),
    "tickets:": (GONE, "a newer link does not replace the one before"),
    "levers": (GONE, "what was paused runs, and engines have the settings of limner.toml"),
    "paused_clients": (GONE, "clients that were paused are not"),
    "resumed": (GONE, "jobs that waited for what was paused may have waited too long"),
    "audit": (GONE, "the audit trail"),
    "draft:": (GONE, "buttons' windows that were open"),
    "drafts:": (GONE, "buttons' windows that were open"),
    "upload:": (GONE, "the upload; its file is deleted in time"),
    "uploads:": (REBUILT, "uploads"),
    "chosen:": (GONE, "a client's choice of a model"),
    # pictures
    "spool:": (GONE, "the account; the files are deleted with their day"),
    "spent:": (REBUILT, "records, when accounts are recalculated"),
    "spooled": (REBUILT, "accounts, when they are recalculated"),
    "reckoned:": (ANEW, ""),
    "drops": (GONE, "files to delete; they are deleted with their day"),
    "folders": (ANEW, "the folder's own marker"),
    "folders_seen": (ANEW, ""),
    "image_store": (ANEW, "the first one that a process says it uses"),
    "image_sizes": (ANEW, "measured again within an hour"),
    "pruning": (ANEW, "the pictures are looked through once more, by two processes at most"),
    "image_stores": (ANEW, "said again within ten seconds"),
    "image_stores_seen": (ANEW, "said again within ten seconds"),
    # what is told to operators
    "numbers": (GONE, "counters begin again at 0"),
    "history:": (GONE, "the lane's last hour; it is noted again from now on"),
    "trials": (GONE, "test events on their way; ask for another"),
    "trying:": (ANEW, ""),
    "trial:": (GONE, "a test event's answer; ask for another"),
    "reports": (ANEW, "reported again within a minute"),
    "report": (ANEW, "reported again within a minute"),
    "warned": (ANEW, "warnings are logged once more"),
    "clocks": (ANEW, "told again with the next heartbeats"),
    "aside": (GONE, "foreign messages that were set aside"),
    "aside_last": (GONE, ""),
    "aside_told": (ANEW, ""),
}
#: their scores are moments from which something is waited for, and begin again
MOMENTS = {
    "jobs:",
    "holds",
    "leases",
    "due",
    "tentative",
    "parked",
    "parked:",
    "turns:",
    "ready:",
    "workers:",
    "spent:",
    "dead",
}
#: what there is none of when nothing is left to do
WORK = (
    *(
        "waits:",
        "tentative",
        "runs:",
        "waiting:",
        "ready:",
        "holds",
        "leases",
        "slots:",
        "queue:",
        "back:",
        "turns:",
        "heads:",
    ),
    *(
        "deadlines",
        "due",
        "parked",
        "parked:",
        "parkedat",
        "outq:",
        "resend:",
        "fast",
        "relaxed",
        "wake",
    ),
)


def content(store: Store, *kinds: str) -> dict[str, dict[str, Any]]:
    """What is in the keys of these kinds, by kind; without moments that begin again."""
    redis: Any = store.redis
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for name in sorted(name for name in redis.keys("*") if kind_of(name) in kinds):
        with redis.pipeline() as pipe:
            READ[redis.type(name)](pipe, name)
            (held,) = pipe.execute()
        if kind_of(name) in MOMENTS:
            held = sorted(member for member, _ in held)
        found[kind_of(name)][name] = len(held) if kind_of(name) in set(Lane) else held
    return found


@pytest.fixture(scope="module")
def settled(kept, redis_url: str) -> dict[str, dict[str, Any]]:
    """What is in the keys of each kind when all was looked after for a while, and nothing was lost."""
    house = lose(kept, redis_url, [])
    found = content(house.store, *ROWS)
    house.store.close()
    return found


#: kinds that are lost alone; of the others nothing is made again, so that several of unlike subjects go together
ALONE = [
    kind
    for kind, (fate, _) in ROWS.items()
    if fate == REBUILT
    or kind in ("job:", "ready:", "grant:", "client:", "operator:", "engine:", "virtual:")
]
OTHERS = [kind for kind in ROWS if kind not in ALONE]
TOGETHER = [OTHERS[place::12] for place in range(12)]


def cases_of(kept: Kept, kind: str) -> list[list[str]]:
    """Which keys of a kind are lost: all, and also one alone, as the rest of them might tell what it held."""
    names = kept.names(kind)
    alone = 7 if kind == "job:" else 3 if kind in ("out:", "outq:") else 1
    some = [[name] for name in names[:: -(-len(names) // alone)]]
    return some if len(some) == len(names) else [*some, names]


def work_left(store: Store) -> list[str]:
    return [name for name in store.redis.keys("*") if kind_of(name) in WORK]


def untold(store: Store) -> list[str]:
    """The jobs that have not ended, or of whose end nobody was told."""
    ids = [name.removeprefix("limner:job:") for name in store.redis.keys("limner:job:*")]
    with store.redis.pipeline(transaction=False) as pipe:
        for job in ids:
            pipe.hmget(f"limner:job:{job}", "status", "dest")
            pipe.hmget(f"limner:out:{job}", "last", "gone", "buried")
        rows = pipe.execute()
    return [
        job
        for job, (status, dest), told in zip(ids, rows[::2], rows[1::2], strict=True)
        if not Status(status).ended or (dest and not any(told))
    ]


def read_all(store: Store) -> None:
    """What operators and callers may read."""
    numbers = store.numbers.read()
    assert all(lane.waiting == 0 for lane in numbers.lanes.values())
    assert numbers.callbacks_pending == 0
    assert store.loads.of(CLIENTS) == {}
    for client in CLIENTS:
        assert store.jobs.waiting_count(client) == store.jobs.running_count(client) == 0
        for job in store.jobs.page(client, limit=100).jobs[:3]:
            assert store.jobs.get(job.id).status.ended
            store.stories.after(job.id, 0)
            store.outbox.told(job.id)
            store.numbers.look(job.id)
        store.uploads.newest(client, 9)
        store.drafts.find(client, ["d"])
        store.spool.mend(client)
        store.spool.of(client)
        store.clients.get(client)
        store.outbox.endpoint(client)
    store.outbox.dead()
    store.jobs.failures(9)
    store.levers.halted()
    store.levers.audit(99)
    store.operators.all()
    store.aside.list(9)


def test_every_kind_of_key_has_a_row_and_is_tried(kept):
    """What scripts read and write, and what the store's Python does beside them."""
    keys = Keys({name: path.read_text() for name, path in scripts.paths().items()})
    kinds = set().union(*keys.reads.values(), *keys.writes.values()) - {QUEUE}
    for path in Path(scripts.__file__).parent.rglob("*.py"):
        kinds |= set(re.findall(r"""_prefix(?:\}| \+ ")([a-z_]+)(?=[":{])""", path.read_text()))
    # A channel is no key.
    kinds.discard("changed")

    assert kinds | set(Lane) == {kind.rstrip(":") for kind in ROWS}
    assert {kind_of(name) for name in kept.dumps} == set(ROWS)


def play_on(house: House, lost: list[str]) -> None:
    """Whatever there is to do is done in the end, and so is what comes new."""
    store = house.store
    if not store.clients.get("carol"):
        store.clients.add("carol")
    store.levers.resume("cli:x", "lane", "relaxed")
    store.levers.resume("cli:x", "client", "carol")
    for number in range(40):
        house.play(1, 1 if number < 6 else 4)
        if not work_left(store) and not untold(store):
            break
    assert work_left(store) == [], lost
    assert untold(store) == [], lost
    read_all(store)
    new = [house.accept(lane=lane) for lane in Lane]
    house.play(3)
    assert [store.jobs.get(job).status for job in new] == [Status.DONE] * 2
    assert work_left(store) == []
    store.close()


@pytest.mark.parametrize("kind", ALONE)
def test_a_key_that_is_lost_wedges_nothing_and_what_follows_from_the_rest_is_made_again(
    kept, settled, redis_url, kind
):
    for lost in cases_of(kept, kind):
        house = lose(kept, redis_url, lost)
        found, before = content(house.store, kind)[kind], settled[kind]
        if kind == "slots:":
            assert all(before[name] <= found[name] for name in before), lost
        elif ROWS[kind][0] == REBUILT and kind not in ("outq:", "out:"):
            assert found == before, lost
        play_on(house, lost)


@pytest.mark.parametrize("kinds", TOGETHER, ids=" ".join)
def test_a_key_from_which_nothing_follows_wedges_nothing_when_it_is_lost(kept, redis_url, kinds):
    lost = [name for kind in kinds for name in kept.names(kind)]

    play_on(lose(kept, redis_url, lost), lost)
