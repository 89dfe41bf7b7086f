"""What is kept for operators: messages that are not ours, reports, and which warnings were told."""

from __future__ import annotations

from limner.store.aside import KEPT_S, Why
from limner.store.metrics.warning import Code
from tests.contract.lanes_view import is_about, left_ms

WEEK_MS = 7 * 86_400_000


def test_strange_messages_are_kept_for_a_week_and_bounded(store, clock):
    store.aside.put("fast", Why.NO_MESSAGE, b"1")
    for n in range(205):
        store.aside.put("fast", Why.NO_MESSAGE, b"%d" % n)

    left = left_ms(store)
    assert round(KEPT_S * 1000) == WEEK_MS
    assert is_about(left["limner:aside"], WEEK_MS)
    assert is_about(left["limner:aside_last"], WEEK_MS)
    kept = store.aside.list(1000)
    assert [stranger.text for stranger in kept] == [str(n) for n in range(204, 4, -1)]
    assert {stranger.at_ms for stranger in kept} == {clock()}
    assert store.numbers.read().counts["aside"] == {("fast", "no_message"): 206}


def test_strange_messages_of_one_kind_are_told_once_a_minute_with_how_many_came(store, clock):
    def put(queue="fast", why=Why.NO_MESSAGE):
        return store.aside.put(queue, why, b"x")

    assert [put(), put(), put()] == [1, 0, 0]
    assert [put("relaxed"), put(why=Why.TOO_LARGE)] == [1, 1], "another kind has its own line"
    clock.pass_s(59.999)
    assert put() == 0
    clock.pass_s(0.001)
    assert put() == 4
    clock.pass_s(60)
    assert put() == 1
    clock.pass_s(-3600)
    assert put() == 1, "the clock was set back"


def test_a_report_lapses_with_its_text_unless_it_is_made_again(store, clock):
    make = store.reports.make
    assert make(Code.SERVER, "here", "Full.", kept_s=10)
    clock.pass_s(9)
    assert not make(Code.SERVER, "here", "Fuller.", kept_s=10)
    clock.pass_s(9)
    assert [report.text for report in store.numbers.read().reports] == ["Fuller."]
    clock.pass_s(1)

    assert make(Code.SERVER, "there", "x"), "the others are looked through as one is made"
    assert store.redis.hkeys("limner:report") == ["server|there"]
    assert store.redis.zrange("limner:reports", 0, -1) == ["server|there"]
    assert make(Code.SERVER, "here", "Full again."), "it is news again"


def test_a_code_has_a_bound_of_reports_and_known_ones_are_made_again(store):
    for n in range(64):
        assert store.reports.make(Code.SERVER, f"host-{n}", "x")

    assert not store.reports.make(Code.SERVER, "one-more", "x")
    assert store.reports.make(Code.DISK_LOW, "one-more", "Another kind has its own bound.")
    assert len(store.numbers.read().reports) == 65
    assert not store.reports.make(Code.SERVER, "host-7", "New words.")
    assert store.redis.hget("limner:report", "server|host-7") == "New words."
    assert store.reports.withdraw(Code.SERVER, "host-7")
    assert store.redis.hget("limner:report", "server|host-7") is None
    assert not store.reports.withdraw(Code.SERVER, "host-7")
    assert store.reports.make(Code.SERVER, "one-more", "x")


def test_all_codes_together_have_a_bound_of_reports(store):
    for code in range(17):
        for n in range(64):
            store.reports.make(f"of-another-version-{code}", f"host-{n}", "x")

    assert store.redis.zcard("limner:reports") == store.redis.hlen("limner:report") == 1024
