"""The pages of operators: who sees them, and what their stream tells."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from limner.store.operators import Role
from tests.api.console.browsing import Browser
from tests.api.console.watching import Watched
from tests.builders import a_worker, an_engine

PAGES = ("overview", "jobs", f"jobs/{'0' * 32}", "letters", "audit")
#: levers that a template itself shows
LEVERS = ("many-cancel", "many-again", "many-front", "many-resend")


@pytest.fixture
def olga(app, store) -> Browser:
    browser = Browser(app)
    browser.enter(store.operators.add("test", "olga", Role.STEER))
    return browser


@pytest.fixture
def vera(app, store) -> Browser:
    browser = Browser(app)
    browser.enter(store.operators.add("test", "vera", Role.VIEW))
    return browser


@pytest.fixture(autouse=True)
def hasty(monkeypatch) -> None:
    monkeypatch.setattr("api.console.feeds.OperatorFeed.looks_s", 0.02)
    monkeypatch.setattr("api.overview.FRESH_S", 0.0)


@pytest.fixture
def shown(vera) -> Iterator[Watched]:
    stream = Watched(vera, "/console/live?show=overview")
    yield stream
    stream.close()


@pytest.fixture
def listed(vera) -> Iterator[Watched]:
    stream = Watched(vera)
    yield stream
    stream.close()


@pytest.mark.parametrize("path", PAGES)
def test_operators_see_their_pages_and_clients_are_led_to_their_own(path, app, caller, olga, vera):
    assert (
        olga.get(f"/console/{path}").status_code == vera.get(f"/console/{path}").status_code == 200
    )
    ann = Browser(app)
    ann.enter(caller.token)
    assert ann.get(f"/console/{path}").headers["Location"].endswith("console/draw")
    assert "console/enter" in Browser(app).get(f"/console/{path}").headers["Location"]


def test_they_run_nothing_inline_and_load_nothing_from_elsewhere(olga):
    for path in PAGES:
        page = olga.get(f"/console/{path}")
        assert "script-src 'self'; style-src 'self'" in page.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", page.text)
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)


def test_an_operator_begins_with_the_overview_and_has_no_page_of_clients(olga):
    assert olga.get("/console/").headers["Location"].endswith("console/overview")
    assert olga.get("/console/draw").headers["Location"].endswith("console/overview")


def test_there_is_no_page_of_what_is_no_job(olga):
    assert olga.get("/console/jobs/x").status_code == 404


def test_whoever_may_only_look_gets_no_levers_from_the_templates(olga, vera):
    pages = {
        who: "".join(who.get(f"/console/{path}").text for path in PAGES) for who in (olga, vera)
    }

    for lever in LEVERS:
        assert f'id="{lever}"' in pages[olga]
        assert f'id="{lever}"' not in pages[vera]


def test_a_session_that_may_only_look_changes_nothing(store, vera):
    for method, path in (("POST", "/ops/lane/fast/pause"), ("POST", "/ops/jobs/cancel")):
        assert vera.call(method, path, {"client": "ann", "confirm": 0}).status_code == 403
    assert store.levers.halted().lanes == {}


def test_the_overview_is_told_whole_and_then_when_it_changes(shown, store, clock, caller):
    a_worker(store, an_engine("stage", fast=3))
    store.history.note()
    first = shown.next("snapshot")["overview"]
    assert first["lanes"][0]["waiting"] == 0
    assert len(first["lanes"][0]["lastHour"]) == 1

    caller.drawn()
    told = shown.next("overview")
    while told["lanes"][0]["waiting"] != 1:
        told = shown.next("overview")
    # The hour is most of it, and told when it is another.
    assert "lastHour" not in told["lanes"][0]

    clock.pass_s(60)
    store.history.note()
    while "lastHour" not in told["lanes"][0]:
        told = shown.next("overview")
    assert [minute["waiting"] for minute in told["lanes"][0]["lastHour"]] == [0, 1]


def test_an_overview_that_stays_as_it_was_is_not_told_again(shown, store, clock, monkeypatch):
    monkeypatch.setattr("api.console.live.BEAT_S", 0.0)
    shown.next("snapshot")
    for _ in range(3):
        clock.pass_s(1)
        assert next(shown._pieces) == b": no news\n\n"

    store.levers.halt("test", "lane", "relaxed")

    assert shown.next("overview")["lanes"][1]["halt"] == "paused"


def test_lists_are_told_which_jobs_moved_and_of_the_audit_trail_and_dead_letters(
    listed, store, caller
):
    assert listed.next("snapshot").keys() == {"audited", "letters"}

    job = caller.drawn()["id"]
    assert listed.next("moved") == {"jobs": 1, "ids": [job]}

    store.levers.note("cli:root", "jobs", {"cancelled": "1"})
    assert listed.next("noted") == {}

    store.redis.zadd("limner:dead", {job: 1})
    assert listed.next("letters") == {"jobs": 1}
