"""The commands by which operators list, cancel and submit again many jobs, and resend many callbacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from api import create_app
from api.again import run as run_again
from cli.many import moment_of
from cli.parser import parse
from limner.__main__ import main
from limner.errors import ConfigError
from limner.job import Status
from limner.reasons import Reason
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from limner.store.outbox import AttemptReport, Poster
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in

POSTER = Poster.of("poster", threads=8, kept_ms=1000_000)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def store(redis_url, monkeypatch, tmp_path):
    """The store that the commands open: on the server's own clock; its operator is olga."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    monkeypatch.setenv("LOGNAME", "olga")
    store = Store(redis_url)
    store.redis.flushall()
    for name in ("ann", "bob"):
        store.clients.add(name)
    store.redis.delete("limner:audit")
    a_worker(store, an_engine(fast=2, relaxed=1))
    yield store
    store.close()


@pytest.fixture
def says(capsys):
    """Run a command and return what it prints."""

    def run(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        out, err = capsys.readouterr()
        return out + err

    return run


def take(store, job):
    return store.lanes.take(job.id, job.id, WORKER, MESSAGES)


def a_failed_job(store, reason=Reason.ENGINE_DOWN, **more):
    job = an_accepted_job(store, **more)
    assert take(store, job).state == "granted"
    store.lanes.failed(job.id, job.id, "No.", reason)
    return job


# -- list and cancel ------------------------------------------------------------------------------


def test_jobs_are_listed_with_why_they_failed(store, says):
    assert says("jobs", "list", "--client", "ann") == "There are no such jobs.\n"
    failed, waiting = a_failed_job(store), an_accepted_job(store, client="bob", lane=Lane.RELAXED)

    head, newest, older = says("jobs", "list").splitlines()
    assert head.split() == ["JOB", "CLIENT", "LANE", "STATUS", "ENGINE", "ACCEPTED", "WHY"]
    assert newest.split()[:5] == [waiting.id, "bob", "relaxed", "waiting", "-"]
    assert older.split()[:5] == [failed.id, "ann", "fast", "failed", "stage"]
    assert older.endswith("engine_down")
    assert len(says("jobs", "list", "--limit", "1").splitlines()) == 2
    assert failed.id not in says("jobs", "list", "--since", "1h", "--status", "waiting")


def test_nothing_is_cancelled_before_the_count_was_shown(store, says):
    jobs = [an_accepted_job(store) for _ in range(3)]
    take(store, jobs[0])
    other, ended = an_accepted_job(store, client="bob"), a_failed_job(store)

    said = says("jobs", "cancel", "--client", "ann", code=1)
    assert said == (
        "3 jobs: 2 waiting, 1 submitted; 3 fast; 3 ann\nNothing is changed without --yes.\n"
    )
    assert {store.jobs.get(job.id).status for job in jobs} == {Status.WAITING, Status.SUBMITTED}
    assert store.levers.audit(9) == ()

    assert says("jobs", "cancel", "--client", "ann", "--yes").endswith("\n3 jobs cancelled.\n")
    for job in map(store.jobs.get, (one.id for one in jobs)):
        assert (job.status, job.reason_code) == (Status.FAILED, "cancelled")
        assert job.reason == "The operator of the gateway cancelled this job."
    assert store.jobs.get(other.id).status is Status.WAITING
    assert store.jobs.get(ended.id).reason_code == "engine_down"
    (line,) = store.levers.audit(9)
    assert (line.who, line.what) == ("cli:olga", "jobs")
    assert line.after == {"cancelled": "3", "client": "ann"}
    assert says("jobs", "cancel", "--client", "ann") == "0 jobs\n"


def test_of_jobs_that_are_cancelled_none_gets_the_slot_of_another(store, says):
    jobs = [an_accepted_job(store) for _ in range(5)]
    for job in jobs:
        take(store, job)
    says("jobs", "cancel", "--lane", "fast", "--yes")
    assert {store.jobs.get(job.id).started_at for job in jobs[2:]} == {None}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["jobs", "cancel", "--yes"], "at least one"),
        (["jobs", "again", "--yes"], "at least one"),
        (["jobs", "cancel", "--status", "done"], "--status"),
        (["jobs", "again", "--status", "waiting"], "--status"),
        (["jobs", "list", "--since", "yesterday"], "--since"),
        (["callbacks", "resend", "--all", "--client", "ann"], "or filters"),
    ],
)
def test_a_wrong_filter_is_refused_by_name(says, arguments, names):
    assert names in says(*arguments, code=2)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW.replace(hour=11, minute=58, second=30)),
        ("30min", NOW.replace(hour=11, minute=30)),
        ("2h", NOW.replace(hour=10)),
        ("1.5d", NOW.replace(day=25, hour=0)),
        ("2026-11-26T10:00:00Z", NOW.replace(hour=10)),
        ("2026-11-26T10:00", NOW.replace(hour=10)),
        ("2026-11-26T11:00+01:00", NOW.replace(hour=10)),
    ],
)
def test_since_is_so_long_ago_or_a_time(text, moment):
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "h", "2", "2weeks", "now", "1e99d", "nand"])
def test_what_is_neither_is_no_moment(text):
    with pytest.raises(ConfigError, match="--since"):
        moment_of(text, NOW)


# -- again ----------------------------------------------------------------------------------------


@pytest.fixture
def again(redis_url, store, tmp_path, capsys):
    """What `limner jobs again` becomes, with these arguments."""
    settings = Settings(redis_url=redis_url, data_dir=tmp_path)
    app = create_app(settings, store, MESSAGES)

    def run(*arguments: str, code: int = 0) -> str:
        assert run_again(app, parse(["jobs", "again", *arguments])) == code
        return capsys.readouterr().out

    return run


def test_failed_jobs_are_submitted_again_once_in_their_order(store, again):
    store.clients.change("ann", per_day=1)
    jobs = [a_failed_job(store), a_failed_job(store, lane=Lane.RELAXED), a_failed_job(store)]
    a_failed_job(store, client="bob")
    moderated = a_failed_job(store, Reason.MODERATED)

    chosen = ("--client", "ann", "--reason", "engine_down")
    said = again(*chosen, code=1)
    assert said.startswith("3 jobs: 3 failed; 2 fast, 1 relaxed; 3 ann\nNothing is changed")
    assert messages_in(store)[5:] == []
    assert "3 jobs submitted again." in again(*chosen, "--yes")

    waiting = [store.jobs.get(job_id) for job_id in messages_in(store)[-2:]]
    assert [job.tag for job in waiting] == [jobs[0].tag, jobs[2].tag]
    assert {job.status for job in waiting} == {Status.WAITING}
    assert store.jobs.waiting_count("ann") == 3
    assert moderated.tag not in {job.tag for job in waiting}
    assert store.levers.audit(1)[0].after == {
        "submitted again": "3",
        "client": "ann",
        "reason": "engine_down",
    }
    # What has been submitted again is not submitted twice.
    assert "0 jobs submitted again.\n3 jobs had been" in again(*chosen, "--yes")
    assert store.jobs.waiting_count("ann") == 3


def test_what_cannot_be_submitted_again_says_why(store, again):
    a_failed_job(store)
    store.clients.change("ann", lanes=frozenset({Lane.RELAXED}))
    said = again("--client", "ann", "--yes", code=1)
    assert "1 job refused: This client may not use the fast lane." in said


def test_again_tells_in_json_what_it_did_and_did_not(store, again):
    a_failed_job(store)
    told = {"found": 1, "submitted": 0, "submittedBefore": 0, "refused": []}
    assert json.loads(again("--client", "ann", "--json", code=1)) == told
    done = again("--client", "ann", "--yes", "--json")
    assert json.loads(done) == told | {"submitted": 1}
    store.clients.change("ann", lanes=frozenset({Lane.RELAXED}))
    a_failed_job(store)
    refused = json.loads(again("--client", "ann", "--yes", "--json", code=1))["refused"]
    assert refused == [{"why": "This client may not use the fast lane.", "jobs": 1}]


def test_again_becomes_the_command_that_can_accept(monkeypatch):
    seen: list[list[str]] = []
    monkeypatch.setattr("cli.processes.os.execvpe", lambda file, args, env: seen.append(args))
    monkeypatch.setattr("cli.processes.os.chdir", lambda folder: None)

    assert main(["jobs", "again", "--client", "ann", "--since", "2h", "--yes"]) == 0
    assert seen[0][1:] == [
        *("-m", "limner.child", "api.again", "--client", "ann", "--since", "2h"),
        *("--limit", "10000", "--yes"),
    ]


# -- dead letters ---------------------------------------------------------------------------------


def a_dead_letter(store, why="exhausted", **more):
    job = an_accepted_job(store, **more)
    store.lanes.cancel(job.id)
    (taken,) = store.outbox.take(POSTER, 1, "token")
    store.outbox.done(POSTER, taken, AttemptReport("dead", why=why), go_on=False)
    return job


def test_dead_letters_are_listed_and_resent_by_filter(store, says):
    ann, bob = a_dead_letter(store), a_dead_letter(store, "gone", client="bob")

    assert ann.id in says("callbacks", "dead", "--client", "ann")
    assert bob.id not in says("callbacks", "dead", "--client", "ann", "--since", "1h")
    assert bob.id in says("callbacks", "dead", "--why", "gone")
    said = says("callbacks", "resend", "--client", "ann", code=1)
    assert said == "1 dead letter of 1 job\nNothing is changed without --yes.\n"
    assert not store.outbox.told(ann.id).resending

    said = says("callbacks", "resend", "--client", "ann", "--yes")
    assert said.endswith("1 callback of 1 job will be resent.\n")
    assert store.outbox.told(ann.id).resending
    assert not store.outbox.told(bob.id).resending
    assert store.levers.audit(1)[0].after == {"resent": "1", "client": "ann"}


def test_a_waiting_job_is_moved_to_the_front(store, says):
    jobs = [an_accepted_job(store).id for _ in range(3)]

    assert says("jobs", "front", jobs[2]) == "The job is at the front of its lane.\n"
    assert store.jobs.get(jobs[2]).position == 1
    assert says("jobs", "front", "f" * 32, code=1) == "There is no such job.\n"
    assert store.levers.audit(5)[0].who == "cli:olga"


def test_jobs_that_a_filter_names_are_moved_to_the_front(store, says):
    ann, bob = (
        [an_accepted_job(store, client=name).id for _ in range(2)] for name in ("ann", "bob")
    )
    assert says("jobs", "front", "--client", "bob", code=1).endswith("without --yes.\n")
    assert store.jobs.get(bob[0]).position != 1

    assert says("jobs", "front", "--client", "bob", "--yes").endswith(
        "2 jobs moved to the front.\n"
    )

    assert {store.jobs.get(job).position for job in bob} == {1, 2}
    assert [store.jobs.get(job).position for job in ann] == [3, 4]
    (line, *_) = store.levers.audit(5)
    assert (line.what, line.after) == ("jobs", {"moved to the front": "2", "client": "bob"})
    # One line, not one for each job.
    assert not [one for one in store.levers.audit(50) if one.what.startswith("job ")]


@pytest.mark.parametrize("arguments", [(), ("f" * 32, "--client", "ann")])
def test_either_one_job_or_filters_say_what_moves_to_the_front(arguments, says):
    assert "name one job, or filters" in says("jobs", "front", *arguments, code=2)


def test_one_job_is_named_by_its_id(store, says):
    first, _ = a_failed_job(store), a_failed_job(store)

    assert says("jobs", "list", "--id", first.id).count("\n") == 2
    assert says("jobs", "list", "--id", "f" * 32) == "There are no such jobs.\n"
