"""A store that went back to an older state: no webhook-id twice for two things, and no seq twice."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from tests.callback_doubles import a_job, a_poster, done, emit, take, take_one
from tests.conftest import MovingClock, answers, free_port, wait_until


class Server:
    """A server of our own whose data can be copied, put back, and lost; and a store on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.clock = MovingClock()
        self._kept = folder / "kept"
        self._start()

    def _start(self) -> None:
        self._process = embedded.start(self.folder)
        self.store = Store(redis_socket.socket_url(self.folder), clock=self.clock)
        # A store speaks to no replica.
        self._admin = redis.Redis(
            unix_socket_path=str(redis_socket.socket_path(self.folder)), decode_responses=True
        )
        wait_until(lambda: answers(self.store), what="the server")
        # Else what was answered may be written a moment later, while an earlier write is on its way.
        self._admin.config_set("appendfsync", "always")
        self._admin.config_set("port", self.port)
        self._admin.config_set("repl-diskless-sync-delay", 0)

    def follow(self, primary: Server) -> None:
        """Become a replica of another server, and take over all its data."""
        self._admin.replicaof("127.0.0.1", primary.port)

        def has_all() -> bool:
            told = self._admin.info("replication")
            return told.get("master_link_status") == "up" and not told["master_sync_in_progress"]

        wait_until(has_all, what="the replica")

    def promote(self) -> None:
        self._admin.replicaof("NO", "ONE")

    def keep(self) -> None:
        """Keep the data as they are now."""
        shutil.copytree(self.folder / "appendonlydir", self._kept)

    def restart(self, *, rewound: bool = False) -> None:
        """Kill the server and start it again, with the data that were kept if ``rewound``."""
        self.stop()
        if rewound:
            shutil.rmtree(self.folder / "appendonlydir")
            shutil.copytree(self._kept, self.folder / "appendonlydir")
        self._start()

    def stop(self) -> None:
        self.store.close()
        self._admin.close()
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def a_server() -> Iterator[Server]:
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="limner-epoch-"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with a_server() as server:
        yield server


def tell(server: Server) -> list[tuple[str, int, str]]:
    """Deliver what is there now: webhook-id, seq and what it says, of each event."""
    told = []
    server.store.outbox.tick(a_poster())
    while rows := take(server.store):
        for taken in rows:
            event = taken.event
            told.append((event.id, event.seq, f"{event.kind} {sorted(event.fields.items())}"))
            done(server.store, taken)
    return told


def an_accepted(server: Server, job: str = "j") -> str:
    """A job that has a place in its lane, as ``accept`` gives it."""
    server.store.outbox.tick(a_poster())
    place = server.store.redis.incr("limner:places:fast")
    server.store.redis.hset(f"limner:job:{a_job(server.store, job)}", "place", place)
    return job


def test_without_a_restart_an_event_has_the_next_seq_and_the_same_epoch(server):
    job = an_accepted(server)
    for kind in "TTX":
        emit(server.store, job, kind)

    told = tell(server)
    assert [seq for _, seq, _ in told] == [1, 2, 3]
    assert len({re.fullmatch(r"msg_j_\d_([0-9a-f]{10})", one)[1] for one, _, _ in told}) == 1


def test_a_job_that_is_accepted_after_a_restart_begins_with_the_first_seq(server):
    an_accepted(server)
    server.restart()
    emit(server.store, an_accepted(server, "k"), "T")

    assert [seq for _, seq, _ in tell(server)] == [1]


def test_what_waits_keeps_its_id_over_a_restart(server):
    job = an_accepted(server)
    for kind in "TX":
        emit(server.store, job, kind)
    before = [event.id for event in server.store.outbox.told(job).pending]
    first = take_one(server.store)
    done(server.store, first, "retry", delay_s=1)

    server.restart()
    server.clock.pass_s(1)
    assert [one for one, _, _ in tell(server)] == before


def test_what_happens_after_a_rewind_is_told_as_something_new(server):
    job = an_accepted(server)
    emit(server.store, job, "T", "submitted")
    told = tell(server)
    server.keep()
    for status, kind in (("drawing", "T"), ("done", "X")):
        emit(server.store, job, kind, status)
    told += tell(server)

    server.restart(rewound=True)
    server.clock.pass_s(30)
    for status, kind in (("waiting", "T"), ("submitted", "T"), ("drawing", "T"), ("done", "X")):
        emit(server.store, job, kind, status)
    again = tell(server)

    assert [seq for _, seq, _ in told] == [1, 2, 3]
    assert not {one for one, _, _ in told} & {one for one, _, _ in again}
    seqs = [seq for _, seq, _ in again]
    assert seqs == list(range(seqs[0], seqs[0] + 4)), "one skip, and then one by one"
    assert seqs[0] > 3, "a receiver that drops what is not new must hear the end"
    skipped = server.store.redis.hget(f"limner:job:{job}", "skipped")
    assert skipped.split() == [f"2-{seqs[0] - 1}"]


def test_a_replica_that_lagged_tells_nothing_under_a_used_id_nor_does_the_first_server_after_it(
    server,
):
    job = an_accepted(server)
    with a_server() as replica:
        replica.follow(server)
        replica.promote()
        emit(server.store, job, "T", "submitted")
        emit(server.store, job, "X", "done")
        told = tell(server)

        replica.clock.pass_s(1)
        emit(replica.store, job, "T", "submitted")
        told += tell(replica)
        # And back, with the replica's data: the first server runs on, under the run id that it had.
        server.follow(replica)
        server.promote()
        server.clock.pass_s(2)
        emit(server.store, job, "X", "failed")
        told += tell(server)

    ids, seqs = [one for one, _, _ in told], [seq for _, seq, _ in told]
    assert len(told) == 4
    assert len(set(ids)) == 4
    assert len({one.rpartition("_")[2] for one in ids}) == 3
    assert seqs == sorted(set(seqs))


def test_a_job_that_waited_is_told_beyond_what_was_told_of_it(server):
    job = an_accepted(server)
    server.keep()
    server.clock.pass_s(600)
    for _ in range(900):
        emit(server.store, job, "P")
        told = tell(server)
    highest = told[-1][1]

    server.restart(rewound=True)
    emit(server.store, job, "T")
    assert tell(server)[0][1] > highest


def test_progress_that_gave_its_place_to_other_progress_meanwhile_is_not_told(server):
    job = an_accepted(server)
    emit(server.store, job, "P", progress=10)
    server.keep()
    emit(server.store, job, "P", progress=20)
    told = tell(server)
    assert [seq for _, seq, _ in told] == [1]

    server.restart(rewound=True)
    emit(server.store, job, "T")
    again = tell(server)
    assert [seq > 1 for _, seq, _ in again] == [True]
    assert not {one for one, _, _ in told} & {one for one, _, _ in again}


def test_progress_of_before_takes_no_newer_progress_under_its_id(server):
    job = an_accepted(server)
    emit(server.store, job, "P", progress=10)
    server.keep()
    told = tell(server)

    server.restart(rewound=True)
    emit(server.store, job, "P", progress=20)
    again = tell(server)
    assert not {one for one, _, _ in told} & {one for one, _, _ in again}
    assert again[0][1] > 100


def test_a_job_of_a_release_without_epochs_goes_on_as_it_was(server):
    job = a_job(server.store, "j")
    server.store.redis.hset("limner:job:j", "seq", 4)
    server.store.redis.rpush(
        "limner:outq:j", '{"s":4,"c":"P","id":"msg_j_4","t":1800000000000,"v":{"status":"drawing"}}'
    )
    emit(server.store, job, "X")

    ((one, seq, _),) = tell(server)
    assert seq == 5
    assert one.startswith("msg_j_5_")


def rewind_of(store):
    """Return what makes the store know of no later beat than now."""
    names = ("limner:beats", "limner:salt", "limner:healed")
    kept = {name: (store.redis.get(name), store.redis.pexpiretime(name)) for name in names}
    beaten = dict(store.redis.zrange("limner:beaten", 0, -1, withscores=True))

    def go_back(after_ms: int = 0) -> None:
        """So long after what is gone back to was written: what has expired meanwhile is not there."""
        store.redis.delete("limner:beaten", *names)
        for name, (text, until_ms) in kept.items():
            if text is not None:
                store.redis.set(name, text)
            if until_ms > 0:
                store.redis.pexpireat(name, until_ms - after_ms)
        if beaten:
            store.redis.zadd("limner:beaten", beaten)

    return go_back


def test_a_store_that_has_lost_a_process_s_last_beat_gets_a_new_epoch(server):
    """Its memory went back under its feet: the server runs on, and knows of nothing."""
    job = an_accepted(server)
    assert not any(server.store.clock.tell("here") for _ in range(3))
    go_back = rewind_of(server.store)
    emit(server.store, job, "T")
    (before,) = tell(server)
    other = Store(redis_socket.socket_url(server.folder), clock=server.clock)
    assert not any(other.clock.tell("there") for _ in range(3))

    server.store.redis.hset(f"limner:job:{job}", "seq", "0")
    go_back()
    assert server.store.clock.tell("here") is False, "its own beats are all there"
    assert other.clock.tell("there") is True
    assert other.clock.tell("there") is False
    assert server.store.clock.tell("here") is False, "drawn already"
    other.close()

    emit(server.store, job, "T", "drawing")
    (after,) = tell(server)
    assert after[1] > before[1]
    assert after[0].rpartition("_")[2] != before[0].rpartition("_")[2]


@pytest.fixture
def processes(server):
    """Return a maker of stores as so many processes have them, on one server."""
    stores: list[Store] = []

    def make(count: int) -> list[Store]:
        url = redis_socket.socket_url(server.folder)
        stores.extend(Store(url, clock=server.clock) for _ in range(count))
        return stores[-count:]

    yield make
    for store in stores:
        store.close()


def test_a_loss_of_one_beat_is_noticed_however_many_others_count_past_it(server, processes):
    several = processes(5)
    assert not any(store.clock.tell("here") for store in several)
    go_back = rewind_of(server.store)
    assert not several[-1].clock.tell("here")
    go_back()

    assert [store.clock.tell("here") for store in several] == [False] * 4 + [True]
    assert not any(store.clock.tell("here") for store in several)


def test_a_loss_of_everything_is_noticed_once_by_all_processes_together(server, processes):
    go_back = rewind_of(server.store)
    several = processes(5)
    assert not any(store.clock.tell("here") for store in several)
    go_back()

    assert [store.clock.tell("here") for store in several] == [True] + [False] * 4
    assert not any(store.clock.tell("here") for store in several)


def test_each_process_counts_the_losses_of_its_own_beats_whoever_finds_them(server, processes):
    early, *late = several = processes(3)
    early.clock.tell("here")
    go_back = rewind_of(server.store)
    for store in late:
        store.clock.tell("here")
    go_back()

    for store in (*several, *several):
        store.clock.tell("here")

    assert [store.clock.losses for store in several] == [0, 1, 1]


def test_a_second_loss_is_noticed_as_the_first_was(server, processes):
    several = processes(3)
    assert not any(store.clock.tell("here") for store in several)
    salts = {server.store.redis.get("limner:salt")}
    go_back = rewind_of(server.store)
    for _ in range(3):
        assert not any(store.clock.tell("here") for store in several)
        go_back()
        assert [store.clock.tell("here") for store in several] == [True, False, False]
        salts.add(server.store.redis.get("limner:salt"))

    go_back = rewind_of(server.store)
    assert not any(store.clock.tell("here") for store in several)
    go_back()
    assert several[2].clock.tell("here"), "the salt that it knows was drawn before this loss"
    salts.add(server.store.redis.get("limner:salt"))
    assert len(salts) == 5


def test_a_loss_that_goes_back_to_behind_an_earlier_one_gets_a_new_epoch_a_minute_after_that(
    server, processes
):
    several = processes(3)

    def all_beat() -> list[bool]:
        return [store.clock.tell("here") for store in several]

    to_the_beginning = rewind_of(server.store)
    all_beat()
    to_the_beginning()
    assert all_beat() == [True, False, False]
    assert 0 < server.store.redis.pttl("limner:healed") <= 60_000
    to_the_first_loss = rewind_of(server.store)
    salts = {server.store.redis.get("limner:salt")}
    all_beat()
    to_the_first_loss()
    assert all_beat() == [True, False, False]
    salts.add(server.store.redis.get("limner:salt"))

    all_beat()
    to_the_first_loss(after_ms=60_000)

    assert all_beat() == [True, False, False]
    salts.add(server.store.redis.get("limner:salt"))
    assert len(salts) == 3


def test_a_beat_whose_answer_was_lost_is_no_loss(server):
    teller = server.store.clock
    teller.tell("here")
    before = teller._beat
    teller.tell("here")
    teller._beat = before

    assert not teller.tell("here")


def test_the_processes_that_beat_are_bounded(server, processes):
    (old,) = processes(1)
    old.clock.tell("here")
    extra = {f"p{n}": 1_000 + n for n in range(1_500)}
    server.store.redis.zadd("limner:beaten", extra)
    server.store.redis.set("limner:beats", 3_000)

    server.store.clock.tell("here")

    assert server.store.redis.zcard("limner:beaten") == 1_024


def test_a_server_that_does_not_tell_what_it_is_can_be_told_of(server):
    """Whoever may not call INFO has the salt alone."""
    server.store.redis.execute_command(
        *("ACL", "SETUSER", "poor", "on", "nopass", "~*", "&*", "+@all", "-info")
    )
    url = redis_socket.socket_url(server.folder)
    store = Store(url.replace("unix://", "unix://poor:x@"), clock=server.clock)
    job = a_job(store, "j")
    emit(store, job, "T")
    assert re.fullmatch(r"msg_j_1_[0-9a-f]{10}", take_one(store).event.id)
    store.close()
