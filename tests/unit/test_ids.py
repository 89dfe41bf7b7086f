"""What must not be guessed: fresh in each thread and each process, and none of it from ``random``."""

from __future__ import annotations

import os
import random
import threading

from api.accept import new_seeds
from limner.ids import POOL_IDS, new_id


def in_a_child(make) -> list[str]:
    """What a forked child makes first, one a line."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, "\n".join(map(str, make())).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as told:
        return told.read().split()


def test_ids_are_32_hex_digits_and_none_comes_twice():
    made = [new_id() for _ in range(3 * POOL_IDS)]

    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)
    assert len(set(made)) == len(made)


def test_threads_are_never_given_the_same_id():
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend([new_id() for _ in range(2000)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == len(made) == 16_000


def test_a_forked_child_makes_other_ids_than_its_parent():
    new_id()
    childs = in_a_child(lambda: [new_id() for _ in range(POOL_IDS)])
    ours = [new_id() for _ in range(POOL_IDS)]

    assert len(childs) == POOL_IDS
    assert not set(childs) & set(ours)


def test_neither_ids_nor_seeds_follow_from_the_state_of_random():
    found = []
    for _ in range(2):
        random.seed(20)
        found.append((new_id(), new_seeds()))

    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]
    assert all(0 <= seed < 2**32 for seed in new_seeds())
