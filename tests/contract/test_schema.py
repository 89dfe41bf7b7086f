"""The mark of the data's schema: migrated once, under a lock, and never used by whoever cannot."""

from __future__ import annotations

import subprocess
import sys
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from redis import Redis

from limner.errors import StoreUnfit
from limner.store.connection import guarded
from limner.store.schema import Schema
from limner.store.schema.steps import STEPS, Hand, SchemaStep
from limner.version import SCHEMA
from tests.builders import MESSAGES, an_accepted_job
from tests.callback_doubles import logged
from tests.conftest import wait_until
from tests.contract.schema_victim import GO, TRAIL

HOME = Path(__file__).parents[2]


class Trail:
    """Steps that write down what was done; a step may be told to break once."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.breaks: set[str] = set()

    def step(self, number: int, readable_from: int = 1) -> SchemaStep:
        def noting(way: str):
            def note(hand: Hand) -> None:
                hand.go_on()
                name = f"{way} {number}"
                if name in self.breaks:
                    self.breaks.remove(name)
                    raise RuntimeError(name)
                self.done.append(name)

            return note

        back, forward = noting("back"), noting("forward")
        return SchemaStep(number, f"{number}.0.0", "a test", readable_from, forward, back)

    def steps(self, *readable_from: int) -> list[SchemaStep]:
        return [self.step(number, oldest) for number, oldest in enumerate(readable_from, start=1)]


@pytest.fixture
def trail() -> Trail:
    return Trail()


def schema_of(store, steps, lock_s: float = 10.0) -> Schema:
    """The schema of a Limner that has these steps."""
    return Schema(store.redis, "limner:", store.clients._scripts, steps, lock_s)


@pytest.fixture
def used(store):
    """A store that operators have used."""
    store.clients.add("ann")
    return store


# -- forward --------------------------------------------------------------------------------------


def test_data_without_a_mark_are_those_of_the_first_release(used):
    mark, busy = used.schema.mark()

    assert (mark.schema, mark.readable_from, mark.limner, busy) == (1, 1, "", False)


def test_a_newer_limner_migrates_forward_once_and_says_so(used, trail, caplog, clock):
    caplog.set_level("INFO")
    schema = schema_of(used, trail.steps(1, 1, 2))

    for _ in range(3):
        schema.settle()

    mark, busy = schema.mark()
    assert trail.done == ["forward 2", "forward 3"]
    assert (mark.schema, mark.readable_from, mark.at_ms, busy) == (3, 2, clock.now_ms, False)
    assert logged(caplog, "migration.begun") == [{"before": 1, "schema": 3}]
    assert logged(caplog, "data.migrated") == [{"before": 1, "schema": 3}]


def test_an_empty_store_is_marked_without_a_word(store, trail, caplog):
    caplog.set_level("INFO")
    schema = schema_of(store, trail.steps(1, 1))

    schema.settle()

    assert schema.mark()[0].schema == 2
    assert logged(caplog, "data.migrated") == []


def test_only_what_is_missing_is_done(used, trail):
    schema_of(used, trail.steps(1, 1)).settle()
    schema_of(used, trail.steps(1, 1, 1, 1)).settle()

    assert trail.done == ["forward 2", "forward 3", "forward 4"]


def test_the_mark_comes_back_after_the_store_was_emptied_under_running_processes(used, trail):
    schema = schema_of(used, trail.steps(1, 1))
    schema.settle()
    used.redis.flushall()

    schema.settle(wait_s=0)

    assert schema.mark()[0].schema == 2


def test_the_steps_of_today_follow_each_other_and_only_ever_close():
    assert [step.schema for step in STEPS] == list(range(1, len(STEPS) + 1))
    assert STEPS[-1].schema == SCHEMA, "the scripts' word for it"
    assert all(step.readable_from <= step.schema for step in STEPS)
    assert all(one.readable_from <= other.readable_from for one, other in pairwise(STEPS))
    project = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert _numbers(STEPS[-1].since) <= _numbers(project["version"])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


# -- one at a time --------------------------------------------------------------------------------


@pytest.fixture
def victims(used, redis_url, tmp_path):
    """Start processes that migrate; all have ended at the end."""
    started: list[Victim] = []

    def start() -> Victim:
        started.append(Victim(redis_url, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for victim in started:
        victim.kill()


class Victim:
    """One process that migrates, and what it has said."""

    def __init__(self, redis_url: str, log: Path) -> None:
        self._log = log
        command = [sys.executable, "-m", "tests.contract.schema_victim", redis_url]
        with log.open("w") as output:
            self.process = subprocess.Popen(command, cwd=HOME, stdout=output)

    def said(self, name: str) -> bool:
        return name in self._log.read_text()

    def end(self) -> None:
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def trail_of(store) -> list[str]:
    return store.redis.lrange(TRAIL, 0, -1)


def test_of_two_processes_one_migrates_and_the_other_waits_for_it(used, victims):
    pair = victims(), victims()
    wait_until(lambda: trail_of(used), what="the beginning")
    wait_until(lambda: any(one.said("migration.awaited") for one in pair), what="the other")
    with pytest.raises(StoreUnfit, match="another process migrates"):
        schema_of(used, [*STEPS, Trail().step(len(STEPS) + 1)]).settle(wait_s=0)
    assert used.schema.mark()[1], "limner schema shows it"
    used.redis.set(GO, "")

    for one in pair:
        one.end()
    assert trail_of(used) == ["began", "ended"]
    assert sorted(one.said("data.migrated") for one in pair) == [False, True]
    assert used.schema.mark()[0].schema == len(STEPS) + 1


def test_who_waits_for_a_moment_finds_the_data_settled_and_says_no_word(used, caplog):
    caplog.set_level("INFO")
    begun, go_on = threading.Event(), threading.Event()

    def slowly(hand: Hand) -> None:
        begun.set()
        assert go_on.wait(60)

    steps = [*STEPS, SchemaStep(len(STEPS) + 1, "9.0.0", "a test", 1, slowly)]
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(schema_of(used, steps).settle)
        assert begun.wait(60)
        others = [threads.submit(schema_of(used, steps).settle, 60.0) for _ in range(3)]
        with pytest.raises(StoreUnfit, match="another process migrates"):
            schema_of(used, steps).settle(0.01)
        go_on.set()
        for each in (first, *others):
            each.result()
    assert logged(caplog, "data.migrated"), "what is said is heard"
    assert not logged(caplog, "migration.awaited")


def test_after_a_crash_in_mid_migration_another_process_does_it_again(used, victims):
    first = victims()
    wait_until(lambda: trail_of(used), what="the beginning")
    first.kill()
    assert used.schema.mark()[0].schema == len(STEPS), "what was finished is marked"
    used.redis.set(GO, "")

    victims().end()

    assert trail_of(used) == ["began", "began", "ended"]
    mark, busy = used.schema.mark()
    assert (mark.schema, busy) == (len(STEPS) + 1, False)


def test_the_lock_lasts_for_a_while_and_for_as_long_again_with_each_sign_of_life(used):
    # So that the lock is as it was taken: no step was done under it.
    used.schema.settle()
    seen = []

    def look(hand: Hand) -> None:
        seen.append(used.redis.pttl("limner:schema_lock"))
        used.redis.pexpire("limner:schema_lock", 2000)
        hand.go_on()
        seen.append(used.redis.pttl("limner:schema_lock"))

    newest = SchemaStep(len(STEPS) + 1, "9.0.0", "a test", 1, look)
    schema_of(used, [*STEPS, newest], lock_s=300.0).settle()

    assert len(seen) == 2
    assert all(2000 < left_ms <= 300_000 for left_ms in seen), seen


def test_a_step_that_breaks_leaves_the_lock_and_is_the_next_one_to_be_done(used, trail):
    schema = schema_of(used, trail.steps(1, 1, 1))
    trail.breaks.add("forward 3")
    with pytest.raises(RuntimeError):
        schema.settle()
    mark, busy = schema.mark()
    assert (mark.schema, busy) == (2, False)

    schema.settle()

    assert trail.done == ["forward 2", "forward 3"]


def test_whoever_lost_the_lock_writes_nothing_more_and_begins_behind_its_new_holder(used):
    calls = []

    def frozen(hand: Hand) -> None:
        calls.append("began")
        if len(calls) == 1:
            # Another process took it meanwhile, and soon lets go.
            used.redis.set("limner:schema_lock", "another", px=50)
        hand.go_on()
        calls.append("ended")

    schema = schema_of(used, [*STEPS, SchemaStep(len(STEPS) + 1, "9.0.0", "a test", 1, frozen)])
    schema.settle()

    assert calls == ["began", "began", "ended"]
    assert schema.mark()[0].schema == len(STEPS) + 1


# -- newer data -----------------------------------------------------------------------------------


def test_an_older_limner_refuses_data_that_only_newer_ones_can_use_in_one_sentence(used, trail):
    schema_of(used, trail.steps(1, 1, 1, 3)).settle()
    before = used.redis.hgetall("limner:schema")
    old = schema_of(used, trail.steps(1, 1))

    for use in (old.check, old.settle, lambda: old.back(1)):
        with pytest.raises(StoreUnfit) as refused:
            use()
        assert refused.value.message == (
            f"Redis holds data of Limner {before['limner']} (schema 4), which only a Limner of schema 3 or newer can "
            f"use; this one, {before['limner']}, is of schema 2: upgrade it, or take the data back first with that "
            "one's `limner schema back`"
        )
    assert used.redis.hgetall("limner:schema") == before


def test_an_older_limner_goes_on_beside_a_newer_one_that_says_it_may(used, trail):
    schema_of(used, trail.steps(1, 1, 2)).settle()
    old = schema_of(used, trail.steps(1, 1))

    old.settle()
    old.check()

    assert old.mark()[0].schema == 3, "it does not take them back"


@pytest.fixture
def dumped(redis_url):
    """Return all that is in Redis, byte by byte."""
    with Redis.from_url(redis_url) as raw:
        yield lambda: {name: raw.dump(name) for name in raw.scan_iter()}


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.lanes.sweep(MESSAGES),
        guarded(lambda store: store.lanes._run("mend", 1)),
        lambda store: store.lanes.pass_deadlines(),
        an_accepted_job,
    ],
    ids=["sweep", "mend", "deadlines", "accept"],
)
def test_an_older_limner_that_still_runs_beside_newer_data_neither_tends_the_lanes_nor_accepts(
    used, clock, dumped, use
):
    an_accepted_job(used, deadline_s=1)
    used.redis.delete("fast")
    clock.pass_s(3600)
    mark = {"version": SCHEMA + 1, "readable_from": SCHEMA + 1, "limner": "9.0.0"}
    used.redis.hset("limner:schema", mapping=mark)
    before = dumped()

    with pytest.raises(StoreUnfit) as refused:
        use(used)

    assert refused.value.message == (
        f"Redis holds data that only a Limner of schema {SCHEMA + 1} or newer can use, and this one is of schema "
        f"{SCHEMA}: `limner schema` says more"
    )
    assert dumped() == before
    used.redis.hset("limner:schema", "readable_from", SCHEMA)
    use(used)
    assert dumped().keys() != before.keys(), "one that may use them goes on"


# -- back -----------------------------------------------------------------------------------------


def test_data_are_taken_back_step_by_step_and_come_forward_again(used, trail):
    schema = schema_of(used, trail.steps(1, 1, 3))
    schema.settle()
    with pytest.raises(StoreUnfit):
        schema_of(used, trail.steps(1)).check()

    assert schema.back(1).schema == 3

    assert trail.done[2:] == ["back 3", "back 2"]
    schema_of(used, trail.steps(1)).check()
    mark, busy = schema.mark()
    assert (mark.schema, mark.readable_from, busy) == (1, 1, False)
    schema.settle()
    assert trail.done[4:] == ["forward 2", "forward 3"]


def test_a_way_back_that_breaks_off_is_marked_as_far_as_it_went(used, trail):
    schema = schema_of(used, trail.steps(1, 2, 3))
    schema.settle()
    trail.breaks.add("back 2")
    with pytest.raises(RuntimeError):
        schema.back(1)
    mark, busy = schema.mark()
    assert (mark.schema, mark.readable_from, busy) == (2, 2, False)

    schema.back(1)

    assert trail.done[2:] == ["back 3", "back 2"]


def test_there_is_no_way_back_that_an_older_limner_knows(used, trail):
    schema_of(used, trail.steps(1, 1, 1)).settle()

    with pytest.raises(StoreUnfit, match="knows the way back"):
        schema_of(used, trail.steps(1, 1)).back(1)

    assert used.schema.mark()[0].schema == 3
