"""The memory of image folders: bounded, and what is in use is never forgotten."""

from __future__ import annotations

from limner.store.folders import FOLDERS_MOST


def moved(store, clock, number: int, first: int = 0) -> None:
    for n in range(first, first + number):
        clock.pass_s(1)
        store.folders.remember(f"/moved/{n}", f"{n}")


def test_a_folder_that_is_looked_for_is_not_forgotten_however_many_others_come(store, clock):
    """As the processes whose folder is unmounted look for it."""
    store.folders.remember("/images", "mine")

    for n in range(3 * FOLDERS_MOST):
        moved(store, clock, 1, n)
        assert store.folders.known("/images") == "mine"

    assert store.redis.hlen("limner:folders") == FOLDERS_MOST
    assert store.redis.zcard("limner:folders_seen") == FOLDERS_MOST


def test_the_one_that_was_asked_for_longest_ago_goes_and_only_that(store, clock):
    moved(store, clock, FOLDERS_MOST)

    clock.pass_s(1)
    store.folders.replace("/images", "mine")

    known = [store.folders.known(f"/moved/{n}") for n in range(FOLDERS_MOST)]
    assert known == [None, *(str(n) for n in range(1, FOLDERS_MOST))]
    assert store.folders.known("/images") == "mine"


def test_what_an_older_version_kept_is_known_and_goes_first(store, clock):
    store.redis.hset("limner:folders", "/old", "old")
    store.redis.hset("limner:folders", "/older", "older")
    assert store.folders.known("/old") == "old"
    moved(store, clock, FOLDERS_MOST - 2)

    moved(store, clock, 1, 1000)

    assert store.folders.known("/older") is None
    assert store.folders.known("/old") == "old"


def test_an_identity_is_kept_until_it_is_replaced(store):
    assert store.folders.known("/images") is None
    assert store.folders.remember("/images", "first") == "first"
    assert store.folders.remember("/images", "second") == "first"

    store.folders.replace("/images", "third")

    assert store.folders.known("/images") == "third"


def test_a_clock_set_back_lets_no_folder_go_before_those_asked_for_longer_ago(store, clock):
    moved(store, clock, FOLDERS_MOST)
    clock.pass_s(-3600)
    for _ in range(2):
        store.folders.known("/moved/0")
        clock.pass_s(1)

    moved(store, clock, 1, 1000)

    assert store.folders.known("/moved/0") == "0"
