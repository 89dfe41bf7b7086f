"""What an engine makes of a job's parameters: told at the grant, and who gets the job because of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.applied import asked_of, levels_of
from limner.engine import NEEDS, Capabilities
from limner.job import needs_of
from limner.request import Change, Lane
from tests.builders import MESSAGES, a_request, a_worker, an_accepted_job, an_engine

DISTILLED = Capabilities(negative="none", seed="near")
ALL = Capabilities(**dict.fromkeys(NEEDS, "exact"))


def able(store, engine, capabilities, versions=()):
    lacks = [need for need in NEEDS if getattr(capabilities, need) == "none"]
    store.engines.abilities(engine, lacks, levels_of(capabilities, versions))


def take(store, job, worker):
    return store.lanes.take(job.id, f"token-{job.id}", worker, MESSAGES)


def granted(store, worker, **request):
    job = an_accepted_job(store, **request)
    taken = take(store, job, worker)
    assert taken.state == "granted"
    return taken.job


def test_a_grant_says_what_the_engine_makes_of_each_parameter(store):
    worker = a_worker(store, an_engine("stage"))
    able(store, "stage", DISTILLED)

    job = granted(store, worker, negative="boats", seed=7, ar="7:4", ar_requested="16:9")

    assert job.applied == {"negative": "none", "seed": "near", "ar": "near"}


def test_a_job_that_asks_for_nothing_has_nothing_applied(store):
    worker = a_worker(store, an_engine("stage"))
    able(store, "stage", DISTILLED)

    assert granted(store, worker).applied == {}


def test_nothing_is_claimed_for_an_engine_that_nobody_has_asked_yet(store):
    worker = a_worker(store, an_engine("stage"))

    job = granted(store, worker, seed=7)

    assert job.applied == {}
    assert not store.redis.hexists(f"limner:job:{job.id}", "applied")


def test_a_job_goes_to_the_engine_that_applies_more_of_what_it_asks_for(store):
    worker = a_worker(store, an_engine("large", fast=9, weight=1000), an_engine("small", fast=1))
    able(store, "large", DISTILLED)
    able(store, "small", Capabilities())

    assert granted(store, worker, negative="boats").engine == "small"
    # The better one is full: waiting for it would not be drawing.
    assert granted(store, worker, negative="boats").engine == "large"


def test_a_job_that_asks_for_nothing_goes_where_there_is_most_room(store):
    worker = a_worker(store, an_engine("large", fast=9), an_engine("small", fast=1))
    able(store, "large", DISTILLED)
    able(store, "small", Capabilities())

    assert granted(store, worker).engine == "large"


def test_a_job_for_one_engine_waits_for_it(store):
    worker = a_worker(store, an_engine("one", fast=1), an_engine("other", fast=9))

    assert granted(store, worker, engine="one").engine == "one"
    waiting = an_accepted_job(store, engine="one")
    taken = take(store, waiting, worker)

    assert (taken.state, taken.choosy) == ("wait", True)
    assert store.lanes.verdicts(waiting.id) == {"one": "full", "other": "pinned"}


def test_a_job_for_an_engine_that_is_gone_fails(store):
    worker = a_worker(store, an_engine("other", fast=9))
    job = an_accepted_job(store, engine="one")

    assert take(store, job, worker).state == "gone"
    assert store.jobs.get(job.id).reason_code == "no_engine"


def test_a_version_is_drawn_by_an_engine_that_has_a_model_for_it(store):
    with_seven = replace(an_engine("seven", fast=1), versions={"7": "flux", "6.1": "sdxl"})
    worker = a_worker(store, with_seven, an_engine("plain", fast=9))
    able(store, "seven", Capabilities(), with_seven.versions)
    able(store, "plain", Capabilities())

    job = granted(store, worker, version="6.1")

    assert (job.engine, job.applied) == ("seven", {"version": "exact"})
    waiting = an_accepted_job(store, version="7")
    assert take(store, waiting, worker).state == "wait"
    assert store.lanes.verdicts(waiting.id) == {"seven": "full", "plain": "version"}


def test_a_version_in_the_text_is_a_wish_only(store):
    with_seven = replace(an_engine("seven", fast=1), versions={"7": "flux"})
    worker = a_worker(store, with_seven, an_engine("plain", fast=9))
    able(store, "seven", Capabilities(), with_seven.versions)
    able(store, "plain", Capabilities())

    first = granted(store, worker, prompt_en="a fox --v 7")
    second = granted(store, worker, prompt_en="a fox --v 7")

    assert (first.engine, first.applied) == ("seven", {"version": "exact"})
    assert (second.engine, second.applied) == ("plain", {"version": "none"})


@pytest.mark.parametrize(
    ("request_", "need"),
    [
        ({"operation": "edit", "change": Change(0, scale=2)}, "edit"),
        ({"operation": "upscale", "change": Change(0, kind="subtle")}, "upscale_subtle"),
        ({"operation": "blend", "references": ("http://p/1", "http://p/2")}, "blend"),
        ({"operation": "describe", "references": ("http://p/1",)}, "describe"),
    ],
)
def test_an_operation_goes_to_an_engine_that_can_do_it(store, request_, need):
    worker = a_worker(store, an_engine("able", fast=1), an_engine("plain", fast=9))
    able(store, "able", ALL)
    able(store, "plain", replace(ALL, **{need: "none"}))

    assert granted(store, worker, **request_).engine == "able"


def test_an_engine_that_was_not_asked_yet_gets_no_operation(store):
    worker = a_worker(store, an_engine("new"))

    job = an_accepted_job(store, operation="edit", change=Change(0, scale=2))

    assert take(store, job, worker).state == "wait", "it may be able, once it is asked"
    assert store.lanes.verdicts(job.id) == {"new": "lacks"}
    assert planned(store, operation="blend", references=("http://p/1", "http://p/2")).engine is None
    assert granted(store, worker, references=("http://p/1",)).engine == "new"


def test_a_job_that_comes_back_is_told_anew_what_is_applied(store):
    worker = a_worker(store, an_engine("one", fast=1), an_engine("two", fast=1))
    able(store, "one", Capabilities())
    able(store, "two", DISTILLED)
    job = granted(store, worker, seed=1)
    assert (job.engine, job.applied) == ("one", {"seed": "exact"})

    able(store, "one", DISTILLED)
    able(store, "two", Capabilities())
    trouble = _down()
    store.lanes.give_back(job.id, f"token-{job.id}", trouble, MESSAGES)

    again = take(store, job, worker).job
    assert (again.engine, again.applied) == ("two", {"seed": "exact"})


def _down():
    from limner.store.lanes import Trouble

    return Trouble(engine_state="down", engine_why="gone", pause_s=60, pause_max_s=60)


def planned(store, **request):
    wanted = a_request(**request)
    return store.lanes.plan(Lane.FAST, needs_of(wanted), "ann", asked_of(wanted))


def test_a_plan_names_the_engine_that_a_job_would_get_and_changes_nothing(store):
    worker = a_worker(store, an_engine("large", fast=9), an_engine("small", fast=1))
    able(store, "large", DISTILLED)
    able(store, "small", Capabilities())
    before = sorted(store.redis.keys())

    plan = planned(store, negative="boats")

    assert (plan.engine, plan.applied, plan.position) == ("small", {"negative": "exact"}, 1)
    assert sorted(store.redis.keys()) == before
    assert granted(store, worker, negative="boats").engine == "small"
    assert planned(store, negative="boats").engine == "large"


def test_a_plan_counts_who_waits(store):
    a_worker(store, an_engine("stage", fast=1))
    for _ in range(3):
        an_accepted_job(store)

    assert planned(store).position == 4


def test_a_plan_knows_when_no_engine_could_draw(store):
    a_worker(store, an_engine("stage"), replace(an_engine("busy", fast=0)))
    able(store, "stage", Capabilities(tile="none"))

    assert planned(store, tile=True).engine is None
    assert planned(store, engine="nobody").engine is None
    assert planned(store).engine == "stage"


def test_a_plan_rather_takes_a_full_engine_than_one_without_workers(store):
    worker = a_worker(store, an_engine("stage", fast=1))
    store.engines.register([an_engine("asleep", fast=9)])
    granted(store, worker)

    assert planned(store).engine == "stage"


def test_choices_are_the_engines_of_a_client_with_their_versions(store):
    a_worker(
        store,
        replace(an_engine("open"), versions={"7": "flux", "6.1": "sdxl"}),
        an_engine("shops", clients=("shop",)),
    )

    assert store.engines.choices("ann") == {"open": ("7", "6.1")}
    assert store.engines.choices("shop") == {"open": ("7", "6.1"), "shops": ()}
