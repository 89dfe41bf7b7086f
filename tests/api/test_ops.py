"""Operators look at the whole gateway over HTTP, and nobody else does."""

from __future__ import annotations

import re

import pytest

from limner.store.operators import Role
from tests.api.asking import Caller, refused
from tests.api.drawing import failed
from tests.builders import a_worker, an_engine

READS = (
    "overview",
    "lanes",
    "engines",
    "workers",
    "clients",
    "jobs",
    "dead-letters",
    "audit",
    "openapi.json",
)


@pytest.fixture
def viewer(app, store) -> Caller:
    return Caller(app, store.operators.add("test", "vera", Role.VIEW), "vera")


@pytest.mark.parametrize("path", READS)
def test_only_operators_may_look(path, app, caller, viewer):
    path = f"/ops/{path}"
    assert viewer("GET", path).status_code == 200
    refused(caller("GET", path), 401)
    refused(Caller(app, "limop_guessed", "?")("GET", path), 401)
    refused(app.test_client().get(path), 401)


@pytest.mark.parametrize("path", READS)
def test_a_bearer_token_lets_operators_in_too(path, app, viewer):
    headers = {"Authorization": f"Bearer {viewer.token}"}
    assert app.test_client().get(f"/ops/{path}", headers=headers).status_code == 200


def test_a_removed_operator_is_out_at_once(store, viewer):
    store.operators.remove("test", "vera")
    refused(viewer("GET", "/ops/lanes"), 401)


def test_lanes_and_workers_and_engines_show_what_is_halted(store, caller, viewer):
    a_worker(store, an_engine("stage", fast=3))
    caller.drawn()
    store.levers.halt("test", "lane", "fast")
    store.levers.override("test", "stage", {"fast_slots": 5})
    fast = {lane["name"]: lane for lane in viewer("GET", "/ops/lanes").json["data"]}["fast"]
    assert (fast["waiting"], fast["halt"]) == (1, "paused")
    (engine,) = viewer("GET", "/ops/engines").json["data"]
    assert (engine["name"], engine["fast"]["slots"]) == ("stage", 5)
    assert engine["setByOperators"] == ["fastSlots"]
    counts = {row["lane"]: row["workers"] for row in viewer("GET", "/ops/workers").json["data"]}
    assert counts["fast"] == 1


def test_the_overview_has_everything_that_operators_look_at(store, clock, caller, viewer):
    a_worker(store, an_engine("stage", fast=3))
    store.clients.add("idle")
    store.levers.halt("test", "client", "idle")
    store.clients.change("ann", in_flight=4)
    failed(store, caller.drawn())
    caller.drawn()
    store.history.note()
    clock.pass_s(60)
    store.history.note()
    a_worker(store, an_engine("stage", fast=3))

    told = viewer("GET", "/ops/overview").json

    fast, _ = told["lanes"]
    assert (fast["waiting"], fast["slots"], fast["busy"], fast["workers"]) == (1, 3, 0, 1)
    assert [minute["waiting"] for minute in fast["lastHour"]] == [1, 1]
    assert [minute["starts"] for minute in fast["lastHour"]] == [None, 0]
    (engine,) = told["engines"]
    assert (engine["name"], engine["failedLastHour"], engine["halt"]) == ("stage", 1, None)
    ann, idle = told["clients"]
    assert (ann["name"], ann["waiting"], ann["share"], ann["inFlight"]) == ("ann", 1, 1.0, 4)
    assert (idle["name"], idle["paused"]) == ("idle", True)
    (worker,) = told["workers"]
    assert (worker["lanes"], worker["engines"]) == (["fast", "relaxed"], ["stage"])
    assert told["callbacks"]["deadLetterJobs"] == 0
    assert "Paused by an operator: 1 client: idle." in told["warnings"]


def test_the_overview_is_read_once_for_all_and_anew_for_whoever_changed_something(app, store):
    steerer = Caller(app, store.operators.add("test", "sten", Role.STEER), "sten")
    looks = []
    observer = app.extensions["limner"].overview._observer
    app.extensions["limner"].overview._clock = lambda: 0.0
    look = observer.look
    observer.look = lambda: looks.append(1) or look()

    for _ in range(3):
        assert steerer("GET", "/ops/overview").json["lanes"][0]["halt"] is None
    assert len(looks) == 1
    steerer("POST", "/ops/lane/fast/pause")

    assert steerer("GET", "/ops/overview").json["lanes"][0]["halt"] == "paused"


def test_clients_show_their_share_and_use_and_no_secret(store, caller, viewer):
    caller.drawn()
    answer = viewer("GET", "/ops/clients")
    (client,) = answer.json["data"]
    assert (client["name"], client["share"], client["waiting"]) == ("ann", 1.0, 1)
    assert store.clients.get("ann").secrets[0] not in answer.text


def test_jobs_of_all_clients_are_found_by_filter_and_page(store, caller, other, viewer):
    jobs = [by.drawn() for by in (caller, other, caller)]
    made = [job["id"] for job in jobs]
    failed(store, jobs[0])
    found = viewer("GET", "/ops/jobs?client=ann").json
    assert {job["id"] for job in found["data"]} == {made[0], made[2]}
    assert found["cursor"] is None
    assert [j["id"] for j in viewer("GET", "/ops/jobs?status=failed").json["data"]] == [made[0]]
    seen, cursor = [], ""
    while cursor is not None:
        page = viewer("GET", f"/ops/jobs?limit=1&cursor={cursor}").json
        seen += [job["id"] for job in page["data"]]
        cursor = page["cursor"]
    assert sorted(seen) == sorted(made)
    assert len(seen) == 3


def test_a_client_of_any_script_is_found_by_its_name(app, store, viewer):
    name = "\u0645\u0631\u062d\u0628\u0627"
    job = Caller(app, store.clients.add(name).token, name).drawn()["id"]

    found = viewer("GET", "/ops/jobs", query_string={"client": name}).json["data"]

    assert [(one["id"], one["client"]) for one in found] == [(job, name)]
    assert list(refused(viewer("GET", f"/ops/jobs?client={'x' * 65}"), 422)) == ["client"]


def test_one_jobs_story_says_why_it_waits(caller, viewer):
    job = caller.drawn()["id"]
    story = viewer("GET", f"/ops/jobs/{job}").json
    assert (story["id"], story["client"]) == (job, "ann")
    assert "No worker of the lane" in story["whyItWaits"][0]
    refused(viewer("GET", f"/ops/jobs/{'0' * 32}"), 404)


@pytest.mark.parametrize(("at_ms", "found"), [("0", 0), ("253402300800000", 1), ("9" * 15, 1)])
def test_a_cursor_of_any_time_is_taken(at_ms, found, caller, viewer):
    caller.drawn()

    page = viewer("GET", f"/ops/jobs?cursor={at_ms}-{'a' * 32}").json

    assert len(page["data"]) == found


@pytest.mark.parametrize(
    "query", ["since=soon", "lane=slow", "limit=0", "colour=red", "cursor=x", "id=x"]
)
def test_a_wrong_filter_is_refused_by_its_name(query, viewer):
    assert list(refused(viewer("GET", f"/ops/jobs?{query}"), 422)) == [query.split("=")[0]]


def test_the_audit_trail_tells_the_newest_change_first(store, viewer):
    store.levers.halt("cli:root", "lane", "fast")
    change = viewer("GET", "/ops/audit?limit=1").json["data"][0]
    assert (change["who"], change["what"]) == ("cli:root", "lane fast")


def test_the_document_names_every_address_of_the_room(app, viewer):
    paths = viewer("GET", "/ops/openapi.json").json["paths"]
    named = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    here = {
        (method, re.sub(r"<(?:any\(.*?\):)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/ops/") and rule.rule != "/ops/openapi.json"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert named == here
