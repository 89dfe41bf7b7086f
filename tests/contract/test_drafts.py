"""Drafts: kept for a day, for their client only, and so many of each client."""

from __future__ import annotations

from datetime import UTC, datetime

from limner.draft import Draft
from limner.followup import Press
from limner.request import Lane
from limner.store.drafts import DRAFT_KEPT_MS, DRAFTS_MOST

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


def a_draft(draft_id: str = "a", **changes) -> Draft:
    return Draft(draft_id, Press("region", "0" * 32, Lane.FAST, "1" * 32, **changes), NOW)


def test_a_draft_comes_back_as_it_was(store):
    draft = a_draft(extra="s:1", callback_url="https://r.example", callback_statuses=("drawing",))
    store.drafts.keep("ann", draft)

    assert store.drafts.find("ann", ["a", "b"]) == {"a": draft}


def test_a_draft_is_its_clients_only(store):
    store.drafts.keep("ann", a_draft())

    assert store.drafts.find("bob", ["a"]) == {}


def test_a_draft_that_is_dropped_is_gone(store):
    store.drafts.keep("ann", a_draft())
    store.drafts.drop("ann", "a")

    assert store.drafts.find("ann", ["a"]) == {}
    assert not store.redis.exists("limner:drafts:ann", "limner:draft:ann")


def test_the_oldest_of_too_many_goes_first_and_no_other_clients(store, clock):
    store.drafts.keep("bob", a_draft("b"))
    for number in range(DRAFTS_MOST + 1):
        clock.pass_s(0.001)
        store.drafts.keep("ann", a_draft(f"{number:03}"))

    found = store.drafts.find("ann", [f"{number:03}" for number in range(DRAFTS_MOST + 1)])
    assert len(found) == DRAFTS_MOST
    assert "000" not in found
    assert store.redis.zcard("limner:drafts:ann") == DRAFTS_MOST
    assert store.drafts.find("bob", ["b"])


def test_a_draft_is_kept_for_a_day(store, clock):
    store.drafts.keep("ann", a_draft("old"))
    clock.pass_s(DRAFT_KEPT_MS / 1000 - 1)
    store.drafts.keep("ann", a_draft())
    assert store.drafts.find("ann", ["old"])
    clock.pass_s(2)
    store.drafts.keep("ann", a_draft("new"))

    assert set(store.drafts.find("ann", ["old", "a", "new"])) == {"a", "new"}

    for key in ("limner:drafts:ann", "limner:draft:ann"):
        assert 0 < store.redis.pttl(key) <= DRAFT_KEPT_MS
