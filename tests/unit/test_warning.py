"""The one list of warnings: what is in it, who may read the reasons, and that the docs know each."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from limner.request import Lane
from limner.store.clocks import FRESH_MS
from limner.store.metrics import prometheus
from limner.store.metrics.reports import KEPT_S, TEXT_MAX
from limner.store.metrics.warning import Code, Warned, warnings
from limner.store.server import server_facts
from tests.builders import a_worker
from workers.watch import watch

DOCS = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture
def reported(store):
    """The store after a report, under a code of the test's own."""
    a_worker(store)
    store.reports.make(Code.CALLBACKS_OVERDUE, "a-host", "The disk is full.")
    return store


def found(store) -> list[tuple[str, str, str]]:
    return [(w.code, w.subject, w.text) for w in warnings(store.numbers.read())]


def test_a_report_is_a_warning_until_it_is_withdrawn(reported):
    assert found(reported) == [("callbacks_overdue", "a-host", "The disk is full.")]

    assert reported.reports.withdraw(Code.CALLBACKS_OVERDUE, "a-host")

    assert found(reported) == []
    assert not reported.reports.withdraw(Code.CALLBACKS_OVERDUE, "a-host")


def test_a_report_lapses_unless_it_is_made_again(reported, clock):
    clock.pass_s(KEPT_S - 1)
    assert not reported.reports.make(Code.CALLBACKS_OVERDUE, "a-host", "Still full.")
    clock.pass_s(KEPT_S - 1)
    a_worker(reported)
    assert [text for *_, text in found(reported)] == ["Still full."]

    clock.pass_s(2)

    assert found(reported) == []


def test_reports_are_bounded_in_number_and_length(store, clock):
    a_worker(store)
    made = [store.reports.make(Code.INLINE_FULL, f"client-{n}", "x" * 9000) for n in range(300)]

    assert made.count(True) == 64
    assert {len(text) for *_, text in found(store)} == {TEXT_MAX}
    assert store.reports.make(Code.IMAGES_AWAY, "a-host", "One kind keeps no other out.")

    clock.pass_s(KEPT_S)
    assert store.reports.make(Code.SERVER, "one-more", "There is room again.")
    assert store.redis.hlen("limner:report") == store.redis.zcard("limner:reports") == 1


def test_a_report_under_a_code_that_this_version_does_not_know_is_passed_over(reported):
    reported.reports.make("from_the_future", "a-host", "What is this?")

    assert [code for code, *_ in found(reported)] == ["callbacks_overdue"]


def test_the_reason_is_for_operators_only():
    warned = Warned(Code.ENGINE_OUT, "stage", "The engine stage is out.", "10.0.0.5 says no")

    assert warned.sentence(openly=True) == "The engine stage is out: 10.0.0.5 says no."
    assert warned.sentence(openly=False) == "The engine stage is out."


def test_a_warning_is_logged_once_when_it_comes_and_once_when_it_goes(reported, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(2):
        watch(reported)
    reported.reports.withdraw(Code.CALLBACKS_OVERDUE, "a-host")
    for _ in range(2):
        watch(reported)

    lines = [
        (r.message, r.limner_fields["code"], r.limner_fields["subject"]) for r in caplog.records
    ]
    assert lines == [
        ("warning.raised", "callbacks_overdue", "a-host"),
        ("warning.cleared", "callbacks_overdue", "a-host"),
    ]


@pytest.mark.parametrize("code", Code)
def test_the_docs_say_what_each_code_means(code):
    assert f"| `{code}` |" in DOCS


@pytest.mark.parametrize("ahead_s", [-31, 31, 3600])
def test_a_host_whose_clock_is_off_is_a_warning_that_names_it_to_operators_only(
    store, clock, ahead_s
):
    a_worker(store)
    store.clock.tell("a-host", lambda: clock() / 1000 + ahead_s)
    store.clock.tell("another", lambda: clock() / 1000 - 29)

    (warned,) = warnings(store.numbers.read())
    assert (warned.code, warned.subject) == ("clock", "a-host")
    assert "a-host" not in warned.sentence(openly=False)
    assert "a-host" in warned.sentence(openly=True)


def test_a_host_that_tells_no_more_is_not_complained_of(store, clock):
    store.clock.tell("a-host", lambda: 0.0)
    clock.pass_s(FRESH_MS / 1000 + 1)
    a_worker(store)

    assert found(store) == []


def test_what_operators_paused_is_warned_of_and_clients_are_named_to_operators_only(store):
    a_worker(store)
    for number in range(23):
        store.clients.add(f"client-{number:02}")
        store.levers.halt("cli:olga", "client", f"client-{number:02}")
    store.levers.halt("cli:olga", "lane", "fast")
    store.levers.halt("cli:olga", "engine", "stage", "draining")

    paused = {w.subject: w for w in warnings(store.numbers.read()) if w.code is Code.PAUSED}
    assert list(paused) == ["lane fast", "engine stage", "clients"]
    assert "is paused, by an operator" in paused["lane fast"].text
    assert "is draining, by an operator" in paused["engine stage"].text
    clients = paused["clients"]
    assert clients.sentence(openly=False) == "Paused by an operator: 23 clients."
    assert clients.sentence(openly=True).endswith(", client-18, client-19, 3 more.")


def test_hosts_that_tell_their_time_are_bounded(store):
    for number in range(600):
        store.clock.tell(f"host-{number}")

    assert store.redis.hlen("limner:clocks") <= 256


def test_a_lane_whose_workers_are_gone_is_warned_of_while_others_live(store, clock):
    a_worker(store)
    clock.pass_s(10)
    store.lanes.renew("another", Lane.RELAXED, ["stage"], {})
    clock.pass_s(10)

    assert ("no_worker", "fast") in {(code, subject) for code, subject, _ in found(store)}


@pytest.mark.parametrize(("maxmemory", "subject"), [("0", "unset"), ("1", "full")])
def test_a_memory_without_a_bound_or_without_room_is_a_warning_everywhere(
    store, maxmemory, subject
):
    a_worker(store)
    numbers = store.numbers.read()
    before = store.redis.config_get("maxmemory")["maxmemory"]
    store.redis.config_set("maxmemory", maxmemory)
    try:
        facts = server_facts(store.redis)
    finally:
        store.redis.config_set("maxmemory", before)

    (warned,) = warnings(numbers, facts)
    assert (warned.code, warned.subject) == (Code.MEMORY, subject)
    page = prometheus.page(numbers, facts).decode()
    assert f'limner_warnings{{code="memory",subject="{subject}"}} 1.0' in page


def test_what_the_server_would_lose_is_logged_setting_by_setting(store, caplog):
    caplog.set_level(logging.INFO)
    a_worker(store)
    store.redis.config_set("appendonly", "no")
    store.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        watch(store)
    finally:
        store.redis.config_set("appendonly", "yes")
        store.redis.config_set("maxmemory-policy", "noeviction")

    raised = [r.limner_fields for r in caplog.records if r.message == "warning.raised"]
    told = {(fields["code"], fields["subject"]) for fields in raised}
    assert told == {("server", "appendonly"), ("server", "maxmemory-policy")}
