"""Operators who steer pull the levers over HTTP; those who view cannot, and clients neither."""

from __future__ import annotations

import pytest

from limner.store import Trouble
from limner.store.metrics.prometheus import page
from limner.store.operators import Role
from limner.store.outbox import AttemptReport, Poster
from tests.api.asking import Caller, refused
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine

CHANGES = (
    ("POST", "/ops/lane/fast/pause", None),
    ("POST", "/ops/lane/fast/resume", None),
    ("POST", "/ops/engine/stage/drain", None),
    ("PATCH", "/ops/engine/stage", {"fastSlots": 5}),
    ("PATCH", "/ops/client/ann", {"share": 2}),
    ("POST", "/ops/engine/stage/retry", None),
    ("POST", "/ops/client/ann/disable", None),
    ("POST", "/ops/client/ann/enable", None),
    ("POST", "/ops/client/ann/callbacks/enable", None),
)


@pytest.fixture
def steerer(app, store) -> Caller:
    a_worker(store, an_engine("stage", fast=3))
    return Caller(app, store.operators.add("test", "sten", Role.STEER), "sten")


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_only_the_role_steer_changes_anything(method, path, body, app, store, caller, steerer):
    viewer = Caller(app, store.operators.add("test", "vera", Role.VIEW), "vera")
    before = store.levers.audit(100)
    refused(viewer(method, path, json=body), 403)
    refused(caller(method, path, json=body), 401)
    refused(app.test_client().open(path, method=method, json=body), 401)
    assert store.levers.audit(100) == before
    assert steerer(method, path, json=body).status_code == 200


@pytest.mark.parametrize(
    ("subject", "name"), [("lane", "fast"), ("engine", "stage"), ("client", "ann")]
)
def test_a_pause_holds_until_it_is_resumed(subject, name, store, caller, steerer):
    for changed in (True, False):
        answer = steerer("POST", f"/ops/{subject}/{name}/pause").json
        assert answer == {"subject": subject, "name": name, "halt": "paused", "changed": changed}
    halted = store.levers.halted()
    assert name in {*halted.lanes, *halted.engines, *halted.clients}
    assert store.levers.audit(1)[0].who == "operator:sten"
    assert steerer("POST", f"/ops/{subject}/{name}/resume").json["halt"] is None
    halted = store.levers.halted()
    assert not {*halted.lanes, *halted.engines, *halted.clients}


def test_an_engine_drains(store, steerer):
    assert steerer("POST", "/ops/engine/stage/drain").json["halt"] == "draining"
    assert store.levers.halted().engines == {"stage": "draining"}


@pytest.mark.parametrize(
    "path",
    [
        *("lane/slow/pause", "engine/none/pause", "client/none/pause", "engine/none/retry"),
        *("client/none/disable", "client/none/enable", "client/none/callbacks/enable"),
        *("jobs/none/front", "jobs/none/callbacks/resend"),
    ],
)
def test_what_does_not_exist_cannot_be_steered(path, store, steerer):
    before = store.levers.audit(100)

    refused(steerer("POST", f"/ops/{path}"), 404)

    assert store.levers.audit(100) == before


def test_an_engine_that_rests_is_tried_at_once(store, steerer):
    assert steerer("POST", "/ops/engine/stage/retry").json["wasPaused"] is False
    job = an_accepted_job(store)
    store.lanes.take(job.id, job.id, WORKER, MESSAGES)
    store.lanes.give_back(
        job.id, job.id, Trouble(engine_state="down", pause_s=60, pause_max_s=60), MESSAGES
    )

    assert steerer("POST", "/ops/engine/stage/retry").json == {"engine": "stage", "wasPaused": True}
    assert store.levers.audit(1)[0].after == {"tried": "now"}


def test_a_client_is_disabled_and_enabled(store, caller, steerer):
    assert steerer("POST", "/ops/client/ann/disable").json["disabled"] is True
    assert store.clients.get("ann").disabled
    assert steerer("POST", "/ops/client/ann/enable").json["disabled"] is False
    assert not store.clients.get("ann").disabled
    assert store.levers.audit(1)[0].who == "operator:sten"


def test_a_clients_default_url_is_enabled_again(store, caller, steerer):
    store.redis.hset("limner:endpoint:ann", mapping={"disabled": "1"})

    assert steerer("POST", "/ops/client/ann/callbacks/enable").json["enabled"] is True

    assert store.outbox.endpoint("ann").disabled_ms is None
    assert store.levers.audit(1)[0].what == "client ann"


def test_a_waiting_job_is_moved_to_the_front(store, caller, other):
    steerer = Caller(caller.app, store.operators.add("test", "sten", Role.STEER), "sten")
    first, last = caller.drawn(), other.drawn()
    assert (first["position"], last["position"]) == (1, 2)

    moved = steerer("POST", f"/ops/jobs/{last['id']}/front")

    assert moved.json == {"job": last["id"], "answer": "moved"}
    assert other("GET", f"/draw/midjourney/jobs/{last['id']}").json["position"] == 1
    caller("DELETE", f"/draw/midjourney/jobs/{first['id']}")
    refused(steerer("POST", f"/ops/jobs/{first['id']}/front"), 409)


def test_one_jobs_callbacks_are_resent(store, steerer):
    job, waiting = an_accepted_job(store), an_accepted_job(store)
    store.lanes.cancel(job.id)
    poster = Poster.of("poster", 8, kept_ms=60_000)
    (taken,) = store.outbox.take(poster, 1, "token")
    store.outbox.done(poster, taken, AttemptReport("dead", why="exhausted"), go_on=False)
    path = f"/ops/jobs/{job.id}/callbacks/resend"
    before = store.levers.audit(100)
    refused(steerer("POST", path, json={"seq": taken.event.seq + 1}), 409)
    refused(steerer("POST", f"/ops/jobs/{waiting.id}/callbacks/resend"), 409)
    assert "seq" in refused(steerer("POST", path, json={"seq": 0}), 422)
    assert store.levers.audit(100) == before

    assert steerer("POST", path).json == {"job": job.id, "callbacks": 1}

    assert [event.seq for event in store.outbox.told(job.id).resending] == [taken.event.seq]
    line = store.levers.audit(1)[0]
    assert (line.who, line.after) == ("operator:sten", {"resent": "1", "job": job.id})
    refused(steerer("POST", path), 409)


def test_a_clients_lanes_are_changed(store, caller, steerer):
    path = "/ops/client/ann"
    assert steerer("PATCH", path, json={"lanes": ["relaxed"]}).json["lanes"] == ["relaxed"]
    assert store.clients.get("ann").lanes == {"relaxed"}
    assert store.levers.audit(1)[0].after == {"lanes": "relaxed"}
    assert steerer("PATCH", path, json={"lanes": None}).json["lanes"] == ["fast", "relaxed"]


def test_an_engines_limits_are_set_and_cleared(store, steerer):
    body = {"fastSlots": 5, "relaxedGapS": 1.5, "weight": 2}
    changed = steerer("PATCH", "/ops/engine/stage", json=body).json["changed"]
    assert changed == ["fastSlots", "relaxedGapS", "weight"]
    (engine,) = store.engines.all()
    assert (engine.slots["fast"], engine.gap_s["relaxed"], engine.weight) == (5, 1.5, 2)
    steerer("PATCH", "/ops/engine/stage", json={"fastSlots": None})
    (engine,) = store.engines.all()
    assert (engine.slots["fast"], set(engine.overridden)) == (3, {"relaxed_gap_ms", "weight"})


def test_a_clients_share_caps_and_budgets_are_changed(store, caller, steerer):
    body = {"share": 2.5, "inFlight": 3, "waitingCap": 9, "perDay": 10, "perMonth": 100}
    answer = steerer("PATCH", "/ops/client/ann", json=body)
    assert answer.json.items() >= body.items()
    after = steerer("PATCH", "/ops/client/ann", json={"share": None, "perDay": None}).json
    assert (after["share"], after["perDay"], after["inFlight"]) == (1, None, 3)
    assert store.levers.audit(1)[0].who == "operator:sten"
    refused(steerer("PATCH", "/ops/client/none", json=body), 404)


def test_a_clients_budgets_of_money_are_changed_and_told_with_what_it_has_spent(
    store, caller, steerer
):
    body = {"costPerDay": 0.1, "costPerMonth": 25}
    assert steerer("PATCH", "/ops/client/ann", json=body).json.items() >= body.items()
    assert store.clients.get("ann").budgets.cost_per_day == 100_000
    store.numbers.count("spent", "ann", "stage", times=30_000)
    an_accepted_job(store)
    (row,) = steerer("GET", "/ops/clients").json["data"]
    assert (
        row.items() >= {"costToday": 0, "costEver": 0.03, "costByEngine": {"stage": 0.03}}.items()
    )
    assert steerer("GET", "/ops/overview").json["clients"][0]["cost"] == 0.03
    assert b'limner_cost_total{client="ann",engine="stage"} 0.03' in page(store.numbers.read())
    assert steerer("PATCH", "/ops/client/ann", json={"costPerDay": None}).json["costPerDay"] is None
    refused(steerer("PATCH", "/ops/client/ann", json={"costPerDay": -1}), 422)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("engine/stage", {"fastSlots": -1}, "fastSlots"),
        ("engine/stage", {"slots": 1}, "slots"),
        ("client/ann", {"share": 0}, "share"),
        ("client/ann", {"share": 1001}, "share"),
        ("client/ann", {"lanes": []}, "lanes"),
        ("client/ann", {"lanes": ["slow"]}, "lanes"),
        ("client/ann", {"lanes": "fast"}, "lanes"),
        ("client/ann", {"inFlight": 0.5}, "inFlight"),
    ],
)
def test_a_wrong_change_is_refused_by_its_field(path, body, field, caller, steerer):
    assert list(refused(steerer("PATCH", f"/ops/{path}", json=body), 422)) == [field]
    refused(steerer("PATCH", f"/ops/{path}", json={}), 422)
