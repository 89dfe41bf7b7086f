"""The callback worker deletes what no job needs of the inline pictures."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from limner.pictures.image_store import Images
from limner.store import Charge
from limner.store import spool as spool_store
from limner.store.spool import Spooled
from tests.builders import MESSAGES, a_request
from tests.conftest import wait_until
from workers import spool
from workers.spool import SpoolKeeper

NOW = datetime(2027, 1, 15, tzinfo=UTC)


@pytest.fixture
def images(tmp_path) -> Images:
    return Images(str(tmp_path / "images"), "http://limner/images")


@pytest.fixture
def keeper(store, images) -> SpoolKeeper:
    store.clients.add("ann")
    return SpoolKeeper(store, images, keep_s=100)


def cancelled_job(store, images, number: int = 0) -> list[str]:
    """A cancelled job's two files."""
    keys = [images.put("spool", b"text", "txt", NOW) for _ in range(2)]
    job = store.jobs.accept(
        f"{number:032x}",
        "ann",
        a_request(),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=1000,
        charge=Charge(tuple(keys), 8192, 10**9),
    ).job
    store.lanes.cancel(job.id)
    return keys


def test_the_files_of_an_ended_job_go_when_they_are_old_and_not_before(
    store, clock, images, keeper
):
    keys = cancelled_job(store, images)
    clock.pass_s(99)
    assert keeper.tick() == 0
    assert all(map(images.has, keys))

    clock.pass_s(2)

    assert keeper.tick() == 2
    assert not any(map(images.has, keys))
    assert store.spool.of("ann") == Spooled()
    assert keeper.tick() == 0


def test_many_go_in_batches_and_one_that_is_gone_already_stops_nobody(
    store, clock, images, keeper, monkeypatch
):
    monkeypatch.setattr(spool, "BATCH", 3)
    keys = [key for n in range(5) for key in cancelled_job(store, images, n)]
    images.delete(keys[4])
    clock.pass_s(101)

    assert keeper.tick() == 10

    assert not any(map(images.has, keys))
    assert store.redis.zcard("limner:drops") == 0


def test_what_cannot_be_deleted_now_is_tried_again(store, clock, images, keeper, tmp_path):
    keys = cancelled_job(store, images)
    clock.pass_s(101)
    away = tmp_path / "images" / "spool"
    away.rename(tmp_path / "aside")
    away.write_text("in the way")
    assert keeper.tick() == 0

    away.unlink()
    (tmp_path / "aside").rename(away)

    assert keeper.tick() == 2
    assert not any(map(images.has, keys))


def test_an_account_is_mended_at_the_first_tick(store, images, keeper):
    cancelled_job(store, images)
    store.redis.delete("limner:spooled")

    keeper.tick()

    assert store.spool.of("ann") == Spooled(0, 8192)


def test_files_that_cannot_be_deleted_hold_up_no_others(
    store, clock, images, keeper, monkeypatch, tmp_path
):
    monkeypatch.setattr(spool, "BATCH", 4)
    stuck = [key for n in range(3) for key in cancelled_job(store, images, n)]
    for key in stuck:
        path = tmp_path / "images" / key
        path.unlink()
        path.mkdir()
    clock.pass_s(101)
    store.spool.to_drop(100, 100)
    clock.pass_s(1)
    keys = [key for n in range(3, 8) for key in cancelled_job(store, images, n)]
    clock.pass_s(101)

    for _ in range(4):
        clock.pass_s(1)
        keeper.tick()

    assert not any(map(images.has, keys))
    assert store.redis.zcard("limner:drops") == len(stuck)
    for key in stuck:
        (tmp_path / "images" / key).rmdir()
    for _ in range(2):
        keeper.tick()
    assert store.redis.zcard("limner:drops") == 0


def test_a_name_that_is_no_files_of_ours_is_taken_out(store, images, keeper):
    store.redis.zadd("limner:drops", {"../../etc/passwd": 1})

    assert keeper.tick() == 1
    assert store.redis.zcard("limner:drops") == 0


def test_a_tick_mends_for_a_moment_and_the_next_goes_on(store, images, keeper, monkeypatch):
    monkeypatch.setattr(spool, "MEND_FOR_S", 0)
    monkeypatch.setattr(spool_store, "MEND_STEP", 20)
    store.clients.add("bob")
    entries = {f"{n:032x}": "4096 key" for n in range(700)}
    for client in ("ann", "bob"):
        store.redis.hset(f"limner:spool:{client}", mapping=entries)

    keeper.tick()
    assert right() not in (store.spool.of("ann"), store.spool.of("bob"))
    for _ in range(200):
        keeper.tick()

    assert store.spool.of("ann") == store.spool.of("bob") == right()


def right() -> Spooled:
    return Spooled(0, 700 * 4096)


def test_ticks_at_the_same_time_mend_each_account_once(store, keeper, monkeypatch):
    mend_some, mended, both = store.spool.mend_some, [], threading.Barrier(2)

    def slowly(client):
        mended.append(client)
        both.wait(10)
        return mend_some(client)

    monkeypatch.setattr(store.spool, "mend_some", slowly)
    first = threading.Thread(target=keeper.tick)
    first.start()
    wait_until(lambda: mended, what="a tick that mends")

    keeper.tick()
    both.wait(10)
    first.join()

    assert mended == ["ann"]
