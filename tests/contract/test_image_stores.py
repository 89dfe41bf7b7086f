"""Which image store is the gateway's, and which ones are in use: said by processes, and bounded."""

from __future__ import annotations

from dataclasses import replace

from limner.store.image_stores import FRESH_MS, StoreUse

ONE = StoreUse("one", "a", "/mnt/pictures", 2**30)
TWO = StoreUse("two", "b", "s3://bucket/limner")


def test_the_first_store_that_is_told_is_the_gateways(store):
    assert store.image_stores.read().identity is None

    assert store.image_stores.tell("a-1", ONE) == "one"
    assert store.image_stores.tell("b-1", TWO) == "one"

    now = store.image_stores.read()
    assert now.identity == "one"
    assert now.uses == (ONE, TWO)
    assert now.strangers_to("one") == (TWO,)


def test_a_use_ends_when_its_process_leaves_or_has_not_said_so_for_a_minute(store, clock):
    store.image_stores.tell("a-1", ONE)
    store.image_stores.tell("b-1", TWO)
    store.image_stores.leave("b-1")
    assert store.image_stores.read().uses == (ONE,)

    clock.pass_s(FRESH_MS / 1000 + 1)
    assert store.image_stores.read().uses == ()
    assert store.image_stores.read().identity == "one"

    store.image_stores.tell("b-1", TWO)
    assert store.redis.hkeys("limner:image_stores") == ["b-1"]


def test_another_store_becomes_the_gateways_when_it_is_adopted(store):
    store.image_stores.tell("a-1", ONE)

    store.image_stores.adopt("two")

    assert store.image_stores.tell("a-1", ONE) == "two"


def test_uses_are_bounded_and_the_oldest_goes_first(store, clock):
    store.image_stores.tell("oldest", ONE)
    clock.pass_s(1)
    for number in range(1024):
        store.image_stores.tell(f"a-{number}", ONE)

    assert store.redis.zcard("limner:image_stores_seen") == 1024
    assert store.redis.hlen("limner:image_stores") == 1024
    assert not store.redis.hexists("limner:image_stores", "oldest")


def test_a_clock_that_is_set_back_keeps_nobody_in_use_for_ever(store, clock):
    store.image_stores.tell("a-1", ONE)
    clock.pass_s(-86_400)
    store.image_stores.tell("b-1", TWO)
    clock.pass_s(FRESH_MS / 1000 + 1)

    assert store.image_stores.read().uses == ()


def test_long_names_are_cut_and_what_another_release_wrote_is_passed_over(store):
    store.image_stores.tell("a-1", replace(ONE, host="h" * 900, place="p" * 9000))
    store.image_stores.tell("b-1", TWO)
    store.redis.hset("limner:image_stores", "b-1", "not as we write it")

    (use,) = store.image_stores.read().uses
    assert (len(use.host), len(use.place)) == (300, 300)
