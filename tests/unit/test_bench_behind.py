"""How the bench judges what it measured of a worker that ends with jobs behind full slots."""

from __future__ import annotations

import itertools

from bench.behind import ENDS, ENGINES, LEASE_S, figures


def took_s(**slow):
    """Every case in a second, three rounds each, but for one engine beside another worker."""
    return {
        (end, engine, workers): [1.0, slow.get(engine, 1.0) if workers == 2 else 1.0, 99.0]
        for end, engine, workers in itertools.product(ENDS, ENGINES, (1, 2))
    }


def values(**slow):
    return {each.key: each.value for each in figures(took_s(**slow))}


def test_one_slow_case_of_an_engine_that_reattaches_is_what_is_judged():
    for engine in ("rehearsal", "comfyui"):
        found = values(**{engine: 7.0})
        assert found["recovery_behind_s"] == found["recovery_behind_killed_s"] == 7.0
        assert found["recovery_behind_sketch_s"] == 1.0


def test_what_begins_anew_is_reported_apart():
    found = values(sketch=7.0)

    assert found["recovery_behind_sketch_s"] == found["recovery_behind_killed_sketch_s"] == 7.0
    assert found["recovery_behind_s"] == found["recovery_behind_killed_s"] == 1.0


def test_a_killed_worker_is_recovered_from_within_a_lease_and_five_seconds():
    (killed,) = (each for each in figures(took_s()) if each.key == "recovery_behind_killed_s")

    assert killed.reach == f"<= {LEASE_S + 5:g}"
