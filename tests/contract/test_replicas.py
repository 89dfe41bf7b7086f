"""Jobs that replicas must have: what is accepted they have, and of what is refused nobody stays in doubt."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis

from limner.__main__ import main
from limner.client import Budgets
from limner.errors import JobInDoubt, JobNotFound, StoreDown, TooFewReplicas, WaitingFull
from limner.followup import FollowUp
from limner.job import Picture, Status
from limner.store import Charge, Idempotency, Policy, Store, Try
from limner.store.jobs import assurance
from limner.store.jobs.search import Wanted
from limner.store.lanes import Result
from tests.builders import (
    MESSAGES,
    WORKER,
    a_request,
    a_worker,
    an_accepted_job,
    an_engine,
    messages_in,
)
from tests.conftest import MovingClock, wait_until
from tests.contract.lanes_view import everything
from tests.replicas import Group, a_group

#: nobody waits that long: a test that did would fail, as the connection's patience ends first
LONG_S = 3600.0
#: longer than a request waits for Redis
LEFT_S = 3.0
KEYED = Idempotency("order-7", "hash")
TAG = uuid.uuid4().hex


@pytest.fixture(scope="module")
def group() -> Iterator[Group]:
    """A primary and two replicas."""
    with a_group(2) as group:
        yield group


@pytest.fixture
def open_store(group: Group, clock: MovingClock) -> Iterator[Callable[..., Store]]:
    """Open stores on the empty primary, or another server, that want so many replicas."""
    group.primary.admin.flushall()
    group.settled()
    stores: list[Store] = []

    def build(replicas: int, url: str = group.primary.url) -> Store:
        stores.append(Store(url, clock=clock, policy=Policy(replicas=replicas)))
        return stores[-1]

    yield build
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store) -> Store:
    """A store that wants one replica."""
    return open_store(1)


@contextlib.contextmanager
def frozen(group: Group) -> Iterator[None]:
    """Let both replicas say nothing meanwhile, and have all data after it."""
    with group.replicas[0].frozen(), group.replicas[1].frozen():
        yield
    group.settled()


@pytest.fixture
def brief(monkeypatch) -> None:
    """Have nobody wait long for replicas that say nothing."""
    monkeypatch.setattr(assurance, "WAIT_S", 0.02)


class Cut:
    """Loses the answers of scripts, or the scripts themselves, as a broken connection does."""

    def __init__(self, store: Store) -> None:
        self._scripts = store.jobs._scripts
        #: script → whether it is run, and what is done first
        self.lost: dict[str, tuple[bool, Callable[[], None]]] = {}
        self.and_then = self._scripts.and_then
        store.jobs._assurance._scripts = self

    def lose(self, name: str, *, ran: bool, first: Callable[[], None] = lambda: None) -> None:
        self.lost[name] = ran, first

    def __call__(self, name: str, *args: Any) -> Any:
        if name not in self.lost:
            return self._scripts(name, *args)
        ran, first = self.lost.pop(name)
        first()
        if ran:
            self._scripts(name, *args)
        raise redis.ConnectionError("Connection closed by server.")


def ask(store: Store, key: Idempotency | Try | None = None, job_id: str = "", **more: Any):
    return store.jobs.accept(
        job_id or uuid.uuid4().hex,
        "ann",
        a_request(tag=TAG, **more.pop("request", {})),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=more.pop("waiting_cap", 9),
        idempotency=key,
        **more,
    )


def in_doubt(store: Store, key: Idempotency | None = KEYED) -> str:
    """Leave a job tentative whose request has ended, and return its id."""
    job_id = uuid.uuid4().hex
    Cut(store).lose("settle", ran=False)
    with pytest.raises(JobInDoubt):
        ask(store, key, job_id)
    store.jobs._assurance._scripts = store.jobs._scripts
    return job_id


def is_waiting_once(store: Store, job_id: str) -> bool:
    # Not by looking it up, which takes it up.
    return (
        store.redis.hget(f"limner:job:{job_id}", "status") == "waiting"
        and messages_in(store) == [job_id]
        and store.jobs.waiting_count("ann") == 1
        and store.redis.zcard("limner:tentative") == 0
    )


# -- what is accepted -----------------------------------------------------------------------------


def test_a_job_is_accepted_once_so_many_replicas_have_it(open_store, group):
    store = open_store(2)
    job = ask(store, KEYED).job

    for replica in group.replicas:
        assert replica.admin.hget(f"limner:job:{job.id}", "client") == "ann"
    assert (job.status, job.position) == (Status.WAITING, 1)
    assert is_waiting_once(store, job.id)


def test_what_is_accepted_with_replicas_is_what_is_accepted_without(open_store, group):
    found = []
    for replicas in (0, 2):
        store = open_store(replicas)
        store.redis.flushall()
        for number, request in enumerate(({}, {"deadline_s": 60}, {"callback_url": "http://r/h"})):
            ask(store, KEYED if number == 0 else None, f"{number}" * 32, request=request)
        found.append(kept(store))

    assert found[0] == found[1]


def test_a_silent_replica_is_done_without_where_others_are_enough(open_store, group, brief):
    with group.replicas[0].frozen():
        accepted = ask(open_store(1))
        with pytest.raises(TooFewReplicas, match="1 of 2"):
            ask(open_store(2))

    assert is_waiting_once(open_store(0), accepted.job.id)


def test_a_repeated_request_is_answered_once_replicas_have_its_job(store, group, brief):
    first = ask(store, KEYED)

    with frozen(group):
        with pytest.raises(JobInDoubt):
            ask(store, KEYED)
        with pytest.raises(JobInDoubt):
            store.jobs.earlier("ann", KEYED)
    assert ask(store, KEYED).job.id == first.job.id
    assert store.jobs.earlier("ann", KEYED).id == first.job.id
    assert is_waiting_once(store, first.job.id)


def test_a_picked_cell_is_done_and_told_only_once_replicas_have_it(store, group, brief):
    picked = {"picked": Picture("http://l/c.png", 8, 8), "destination": "http://r:80"}
    parent = a_done_job(store)
    follow_up = FollowUp(parent, "u1")

    with frozen(group), pytest.raises(TooFewReplicas):
        ask(store, follow_up=follow_up, **picked)
    assert store.redis.hget(f"limner:job:{parent}", "marks") is None
    assert store.redis.keys("limner:outq:*") == []

    job = ask(store, follow_up=follow_up, **picked).job
    assert (job.status, job.picture.url) == (Status.DONE, "http://l/c.png")
    assert store.redis.keys("limner:outq:*") == [f"limner:outq:{job.id}"]
    assert store.redis.hget(f"limner:job:{parent}", "marks") == "u1"


def test_a_follow_up_marks_its_parent_as_it_is_taken_up_if_that_is_still_there(store, clock):
    parents = [a_done_job(store), a_done_job(store)]
    for parent in parents:
        Cut(store).lose("settle", ran=False)
        with pytest.raises(JobInDoubt):
            ask(store, follow_up=FollowUp(parent, "v1"))
        store.jobs._assurance._scripts = store.jobs._scripts
    assert not store.jobs.get(parents[0]).marks
    store.redis.delete(f"limner:job:{parents[1]}")

    swept_later(store, clock)

    assert store.jobs.get(parents[0]).marks == {"v1"}
    assert not store.redis.exists(f"limner:job:{parents[1]}")
    assert store.jobs.waiting_count("ann") == store.redis.llen("fast") - 2 == 2


def a_done_job(store: Store) -> str:
    a_worker(store)
    job = an_accepted_job(store, destination=None)
    store.lanes.take(job.id, "t", WORKER, MESSAGES)
    store.lanes.done(job.id, "t", Result(Picture("http://l/g.png", 8, 8), [], {}))
    return job.id


def test_operators_are_told_how_many_replicas_follow(group, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", group.primary.url)
    for asked, said in (
        ("2", "ok  replicas: 2; 2 must have a job before it is accepted"),
        ("3", "BAD Too few replicas follow Redis (2 of 3): no job is accepted."),
    ):
        monkeypatch.setenv("LIMNER_REDIS_REPLICAS", asked)
        main(["doctor"])
        assert said in capsys.readouterr().out


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"key": KEYED},
        {"key": Try("hash", again=False)},
        {"budgets": Budgets(5, 50)},
        {"budgets": Budgets(cost_per_day=90)},
        {"budgets": Budgets(5, 50, cost_per_day=90)},
        {"request": {"deadline_s": 60}},
        {"charge": Charge(("spool/2",), 4096, 99999)},
        {"follow_up": "v1"},
        {"follow_up": "u1"},
    ],
    ids=lambda more: "+".join(map(str, more.values())) or "plain",
)
def test_nothing_stays_of_a_job_that_replicas_do_not_confirm(store, group, brief, more):
    parent = a_done_job(store)
    a_worker(store, replace(an_engine(), price=40))
    # So that there is something that must stay.
    ask(store, budgets=Budgets(5, 50, cost_per_day=90), charge=Charge(("spool/1",), 4096, 99999))
    if button := more.get("follow_up"):
        ask(store, follow_up=FollowUp(parent, "u2"))
        more = more | {"follow_up": FollowUp(parent, button)}
    before = kept(store)

    with frozen(group), pytest.raises(TooFewReplicas, match="0 of 1"):
        ask(store, **more)

    assert kept(store) == before
    if "charge" in more:
        assert store.redis.zrange("limner:drops", 0, -1) == ["spool/2"]


def kept(store: Store) -> dict[str, Any]:
    """What Redis holds, but for the count of places and the files to delete; not for how long."""
    found = everything(store, "limner:places:", "limner:drops")
    return {key: value for key, (value, _until) in found.items()}


def test_without_replicas_nobody_waits_for_them_and_nothing_is_written(store, group, monkeypatch):
    monkeypatch.setattr(assurance, "WAIT_S", LONG_S)
    ask(store, KEYED)
    before = everything(store)

    with group.alone():
        with pytest.raises(TooFewReplicas, match="0 of 1"):
            ask(store)
        with pytest.raises(JobInDoubt, match="0 of 1"):
            ask(store, KEYED)
        assert everything(store) == before
    ask(store)


def test_whoever_is_refused_for_another_reason_does_not_wait_for_replicas(
    store, group, monkeypatch
):
    ask(store, waiting_cap=1)
    monkeypatch.setattr(assurance, "WAIT_S", LONG_S)

    with frozen(group), pytest.raises(WaitingFull):
        ask(store, waiting_cap=1)


def test_tentative_jobs_count_against_the_cap(store):
    in_doubt(store)

    with pytest.raises(WaitingFull):
        ask(store, waiting_cap=1)


# -- what is lost in between ----------------------------------------------------------------------


def test_a_connection_that_breaks_while_it_waits_makes_one_job(store, group, monkeypatch):
    monkeypatch.setattr(assurance, "WAIT_S", 5.0)
    admin, found = group.primary.admin, []
    thread = threading.Thread(target=lambda: found.append(ask(store, job_id="a" * 32)))
    with frozen(group):
        thread.start()
        wait_until(lambda: admin.info("clients")["blocked_clients"] == 1, what="the wait")
        # Then it waits again, on a connection that has written nothing of this job's.
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: admin.info("clients")["blocked_clients"] == 1, what="the second wait")
        assert not found
    thread.join()

    assert found[0].job.id == "a" * 32
    assert is_waiting_once(store, "a" * 32)


@pytest.mark.parametrize("how", ["by the server", "by us"])
def test_a_connection_that_is_lost_before_it_waits_does_not_wait_on_another(
    store, group, brief, how
):
    wait, lost = store.jobs._assurance._wait, []

    def lose_once(answer: Any) -> Any:
        if not lost:
            lost.append(answer)
            if how == "by us":
                store.redis.connection_pool.disconnect()
            else:
                group.primary.admin.execute_command("CLIENT", "KILL", "TYPE", "normal")
        return wait(answer)

    store.jobs._assurance._wait = lose_once
    with frozen(group), pytest.raises(TooFewReplicas):
        ask(store, KEYED, "a" * 32)

    assert lost[0][0] == "accepted"
    assert ask(store, KEYED).job.id != "a" * 32


def test_a_broken_connection_does_not_count_replicas_that_lack_the_job(store, group, brief):
    real = store.jobs._scripts

    class AnswerLost:
        """The second call meets the job, and no write of its own."""

        __call__ = real.__call__

        def and_then(self, then: Any, name: str, *args: Any) -> Any:
            if name == "accept":
                assert real.and_then(lambda _answer: None, name, *args)[0][0] == "accepted"
            return real.and_then(then, name, *args)

    store.jobs._assurance._scripts = AnswerLost()
    with frozen(group), pytest.raises(TooFewReplicas):
        ask(store, job_id="b" * 32)

    with pytest.raises(JobNotFound):
        store.jobs.get("b" * 32)


@pytest.mark.parametrize("key", [None, KEYED], ids=["no key", "key"])
def test_a_request_repeated_under_its_jobs_id_withdraws_no_job_that_has_its_202(
    store, group, brief, key
):
    # As after a failover that lost the taking up: who asked first was told that it is accepted.
    job_id = in_doubt(store, key)

    with frozen(group), pytest.raises(JobInDoubt):
        ask(store, key, job_id)

    assert store.jobs.get(job_id).status is Status.WAITING
    assert is_waiting_once(store, job_id)


def test_a_primary_that_is_demoted_meanwhile_leaves_the_job_in_doubt(store, group, monkeypatch):
    monkeypatch.setattr(assurance, "WAIT_S", 5.0)
    admin, raised = group.primary.admin, []

    def work() -> None:
        try:
            ask(store)
        except StoreDown as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    with group.replicas[0].frozen(), group.replicas[1].frozen():
        thread.start()
        wait_until(lambda: admin.info("clients")["blocked_clients"] == 1, what="the wait")
        admin.replicaof("127.0.0.1", 1)
        thread.join()
        group.primary.follow(None)
    group.settled()

    assert [type(error) for error in raised] == [JobInDoubt]


@pytest.mark.parametrize("ran", [False, True], ids=["lost", "only its answer"])
def test_a_job_whose_withdrawal_is_lost_is_there_or_not_and_stays_so(store, group, brief, ran):
    job_id = uuid.uuid4().hex
    Cut(store).lose("withdraw", ran=ran)
    with frozen(group), pytest.raises(JobInDoubt):
        ask(store, KEYED, job_id)

    if ran:
        with pytest.raises(JobNotFound):
            store.jobs.newest_by_tag("ann", TAG)
        assert ask(store, KEYED).job.id != job_id
    else:
        assert store.jobs.newest_by_tag("ann", TAG).id == job_id
        # Held up on its way, it comes after the caller has seen the job.
        assert withdraw(store, job_id) == 0
        assert ask(store, KEYED).job.id == job_id
        assert is_waiting_once(store, job_id)


@pytest.mark.parametrize("ran", [False, True], ids=["lost", "only its answer"])
@pytest.mark.parametrize(
    "who", ["key", "earlier", "try", "earlier try", "tag", "id", "ids", "tagged", "sweep"]
)
def test_a_job_whose_taking_up_is_lost_goes_on_whoever_asks_for_it(store, clock, ran, who):
    job_id, again = uuid.uuid4().hex, Try("hash", again=True)
    Cut(store).lose("settle", ran=ran)
    with pytest.raises(JobInDoubt):
        ask(store, Try("hash", again=False) if "try" in who else KEYED, job_id)
    found = {
        "try": lambda: ask(store, again).job.id,
        "earlier try": lambda: store.jobs.earlier("ann", again).id,
        "key": lambda: ask(store, KEYED).job.id,
        "earlier": lambda: store.jobs.earlier("ann", KEYED).id,
        "tag": lambda: store.jobs.newest_by_tag("ann", TAG).id,
        "id": lambda: store.jobs.get(job_id).id,
        "ids": lambda: store.jobs.several([job_id], "ann")[0].id,
        "tagged": lambda: store.jobs.page("ann", tag=TAG).jobs[0].id,
        "sweep": lambda: swept_later(store, clock) or job_id,
    }[who]()

    assert found == job_id
    assert is_waiting_once(store, job_id)


def withdraw(store: Store, job_id: str) -> int:
    """Withdraw a job as the call that made it does."""
    plan = json.loads(store.redis.hget(f"limner:job:{job_id}", "tentative") or "{}")
    gone: int = store.jobs._scripts("withdraw", job_id, plan.get("call", ""))
    return gone


def swept_later(store: Store, clock: MovingClock) -> None:
    clock.pass_s(LEFT_S)
    store.lanes.sweep(MESSAGES)


def test_the_sweep_leaves_a_job_tentative_whose_request_may_go_on(store, clock):
    job_id = in_doubt(store)
    before = everything(store)
    clock.pass_s(LEFT_S - 0.001)
    store.lanes.sweep(MESSAGES)

    after = everything(store)
    assert {key: after[key] for key in before} == before
    assert messages_in(store) == []
    clock.pass_s(0.001)
    store.lanes.sweep(MESSAGES)
    assert is_waiting_once(store, job_id)


def test_a_clock_that_was_set_back_keeps_no_job_tentative_for_longer(store, clock):
    job_id = in_doubt(store)
    clock.pass_s(-3600)
    store.lanes.sweep(MESSAGES)
    swept_later(store, clock)

    assert is_waiting_once(store, job_id)


def test_nothing_draws_ends_or_lists_a_tentative_job(store, clock):
    a_worker(store)
    job_id = in_doubt(store)

    with pytest.raises(JobNotFound):
        store.lanes.cancel(job_id)
    assert store.lanes.take(job_id, "t", WORKER, MESSAGES).state == "gone"
    assert store.jobs.page("ann").jobs == ()
    assert store.search.find(Wanted(client="ann"), 9) == []
    assert store.search.find(Wanted(statuses=frozenset({Status.WAITING})), 9) == []
    assert store.numbers.read().lanes["fast"].waiting == 0


WAYS: dict[str, Callable[[Store, str], Any]] = {
    "withdraw": withdraw,
    "settle": lambda store, job_id: store.jobs._assurance.settle(job_id),
    "tag": lambda store, _job_id: store.jobs.newest_by_tag("ann", TAG),
    "key": lambda store, _job_id: store.jobs.earlier("ann", KEYED),
}


@pytest.mark.parametrize("ways", [*itertools.permutations(WAYS, 3)], ids=" ".join)
def test_whatever_comes_first_decides_and_the_rest_changes_nothing(store, ways):
    job_id = in_doubt(store)
    first, *rest = ways
    WAYS[first](store, job_id)
    decided = everything(store, "limner:touched")

    for way in rest:
        with contextlib.suppress(JobNotFound):
            WAYS[way](store, job_id)

    assert everything(store, "limner:touched") == decided
    if first != "withdraw":
        assert is_waiting_once(store, job_id)
    else:
        assert store.jobs.waiting_count("ann") == 0


def test_a_job_that_was_told_goes_on_where_its_taking_up_never_came(open_store, group, clock):
    """A failover loses what the last replica to be asked did not hear of: the job stays."""
    store, heir = open_store(2), group.replicas[0]
    job_id = uuid.uuid4().hex
    cut = Cut(store)
    cut.lose("settle", ran=True, first=lambda: heir.follow(None))
    with contextlib.suppress(JobInDoubt):
        ask(store, KEYED, job_id)
    assert is_waiting_once(store, job_id)

    after = open_store(0, heir.url)
    assert messages_in(after) == []
    swept_later(after, clock)
    assert is_waiting_once(after, job_id)
    after.close()
    heir.follow(group.primary)
    group.settled()


def test_a_job_that_the_next_primary_lacks_is_not_accepted(store):
    cut = Cut(store)
    real = cut._scripts

    class Elsewhere:
        and_then = real.and_then

        def __call__(self, name: str, *args: Any) -> Any:
            if name == "settle":
                store.redis.flushall()
            return real(name, *args)

    store.jobs._assurance._scripts = Elsewhere()
    with pytest.raises(TooFewReplicas, match="Another Redis"):
        ask(store)


def test_no_lost_key_stops_a_tentative_job_for_good(store, clock):
    in_doubt(store)
    names = [key for key in store.redis.keys("*") if not key.startswith("limner:job:")]
    assert "limner:tentative" in names
    for name in names:
        store.redis.flushall()
        job_id = in_doubt(store)
        store.redis.delete(name)

        swept_later(store, clock)

        assert store.jobs.get(job_id).status is Status.WAITING, name
        assert messages_in(store) == [job_id], name


def test_a_record_that_was_lost_leaves_nothing_to_settle(store, clock):
    job_id = in_doubt(store)
    store.redis.delete(f"limner:job:{job_id}")
    swept_later(store, clock)

    assert store.redis.zcard("limner:tentative") == 0
    assert messages_in(store) == []
    assert withdraw(store, job_id) == 1
