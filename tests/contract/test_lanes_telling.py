"""What a drawing's progress writes and tells, and what whoever watches a job is told after a seq."""

from __future__ import annotations

import json

import pytest

from limner.errors import JobNotFound
from limner.job import Picture, Status
from limner.store import Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job

WIDE = Picture("http://limner/wide.png", 1024, 512)
GRID = Picture("http://limner/grid.png", 1024, 1024)
CELLS = [Picture(f"http://limner/{n}.png", 512, 512) for n in range(4)]


@pytest.fixture(params=["http://receiver:80", None], ids=["told", "untold"])
def job(store, request):
    """A job that "t1" draws; somebody is told of it, or nobody."""
    a_worker(store)
    job = an_accepted_job(store, destination=request.param)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)
    return job


@pytest.fixture
def told_job(store):
    a_worker(store)
    job = an_accepted_job(store)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)
    return job


def events(store, job):
    """Class, status and percent of what waits to be told."""
    found = [json.loads(text) for text in store.redis.lrange(f"limner:outq:{job.id}", 0, -1)]
    return [(event["c"], event["v"]["status"], event["v"]["progress"]) for event in found]


def seen(store, job, seq=0):
    """Seq, status and percent of what a watcher who saw ``seq`` is told."""
    story = store.stories.after(job.id, seq)
    return [(event.seq, event.status.value, event.progress) for event in story.events]


def test_the_first_word_of_progress_is_a_change_of_state(store, told_job):
    store.lanes.progress(told_job.id, "t1", 0, None)

    assert events(store, told_job) == [("T", "submitted", "0"), ("T", "drawing", "0")]
    assert store.jobs.get(told_job.id).status is Status.DRAWING


def test_more_percent_or_a_new_picture_is_news_and_nothing_else_is(store):
    a_worker(store)
    # Where nobody is called back, each event has a seq of its own.
    job = an_accepted_job(store, destination=None)
    store.lanes.take(job.id, "t1", WORKER, MESSAGES)

    seqs = []
    for percent, picture in [(10, None), (10, None), (9, None), (11, None), (11, WIDE), (5, GRID)]:
        store.lanes.progress(job.id, "t1", percent, picture)
        seqs.append(store.jobs.get(job.id).seq)

    assert seqs == [2, 2, 2, 3, 4, 5]
    now = store.jobs.get(job.id)
    assert (now.progress, now.picture) == (11, GRID)


def test_a_preview_keeps_its_size_until_there_is_a_newer_one(store, job):
    store.lanes.progress(job.id, "t1", 10, WIDE)
    store.lanes.progress(job.id, "t1", 20, None)

    assert store.jobs.get(job.id).picture == WIDE


def test_what_is_drawn_anew_shows_nothing_of_what_was_drawn_before(store, job):
    store.lanes.progress(job.id, "t1", 60, WIDE)

    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES)

    back = store.jobs.get(job.id)
    assert (back.status, back.progress, back.picture) == (Status.WAITING, 0, None)


def test_the_end_says_what_was_drawn(store, job, clock):
    clock.pass_s(7)
    store.lanes.done(job.id, "t1", Result(GRID, CELLS, {"seed": 7}))

    ended = store.jobs.get(job.id)
    assert (ended.status, ended.progress, ended.picture) == (Status.DONE, 100, GRID)
    assert (list(ended.cells), ended.notes) == (CELLS, {"seed": 7})
    assert (ended.finished_at - ended.started_at).total_seconds() == 7
    assert (ended.reason, ended.reason_code) == (None, None)


def test_a_failed_job_says_why(store, job, clock):
    clock.pass_s(7)
    store.lanes.failed(job.id, "t1", "It was refused.", "moderated", answered=True)

    ended = store.jobs.get(job.id)
    assert (ended.status, ended.reason, ended.reason_code) == (
        Status.FAILED,
        "It was refused.",
        "moderated",
    )
    assert (ended.finished_at - ended.started_at).total_seconds() == 7


def test_whoever_watches_is_told_of_each_state_and_the_newest_progress(store, job):
    for percent in (10, 20, 30):
        store.lanes.progress(job.id, "t1", percent, None)

    told = seen(store, job)
    assert [(status, percent) for _, status, percent in told] == [
        ("submitted", 0),
        ("drawing", 10),
        ("drawing", 30),
    ]
    seqs = [seq for seq, _, _ in told]
    assert seqs == sorted(set(seqs))
    for place, seq in enumerate(seqs, start=1):
        assert seen(store, job, seq) == told[place:]
    assert seen(store, job, seqs[-1] + 7) == []


def test_what_a_watcher_saw_keeps_its_seq(store, job):
    store.lanes.progress(job.id, "t1", 10, None)
    store.lanes.progress(job.id, "t1", 20, None)
    shown = seen(store, job)[-1]
    assert shown[2] == 20

    store.lanes.progress(job.id, "t1", 30, None)
    assert seen(store, job, shown[0]) == [(shown[0] + 1, "drawing", 30)]
    store.lanes.done(job.id, "t1", Result(GRID, CELLS, {}))

    assert seen(store, job, shown[0] + 1) == [(shown[0] + 2, "done", 100)]


def test_what_nobody_saw_gives_its_seq_to_what_is_newer(store, told_job):
    store.lanes.progress(told_job.id, "t1", 10, None)
    store.lanes.progress(told_job.id, "t1", 20, None)
    store.lanes.progress(told_job.id, "t1", 30, None)

    assert seen(store, told_job)[-1] == (3, "drawing", 30)


def test_looking_back_takes_nothing_from_what_was_shown(store, told_job):
    store.lanes.progress(told_job.id, "t1", 10, None)
    store.lanes.progress(told_job.id, "t1", 20, None)
    assert seen(store, told_job)[-1] == (3, "drawing", 20)
    # Another watcher saw nothing newer.
    assert seen(store, told_job, 3) == []

    store.lanes.progress(told_job.id, "t1", 30, None)

    assert seen(store, told_job, 3) == [(4, "drawing", 30)]


def test_what_was_shown_without_a_story_keeps_its_seq_too(store, job):
    """A lost story leaves its watchers the present state: it is told under a seq like any other."""
    store.lanes.progress(job.id, "t1", 10, None)
    store.lanes.progress(job.id, "t1", 20, None)
    store.redis.delete(f"limner:story:{job.id}")
    (shown,) = seen(store, job)
    assert shown[1:] == ("drawing", 20)

    store.lanes.progress(job.id, "t1", 30, None)

    assert seen(store, job, shown[0]) == [(shown[0] + 1, "drawing", 30)]


def test_looking_at_a_job_that_ended_leaves_no_outbox_behind(store, told_job):
    store.lanes.done(told_job.id, "t1", Result(GRID, CELLS, {}))
    before = store.redis.hgetall(f"limner:out:{told_job.id}")

    assert [status for _, status, _ in seen(store, told_job)] == ["submitted", "done"]

    assert store.redis.hgetall(f"limner:out:{told_job.id}") == before


def test_of_an_unknown_job_there_is_no_story(store):
    with pytest.raises(JobNotFound):
        store.stories.after("f" * 32, 0)
