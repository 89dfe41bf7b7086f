"""Removing a client: what goes with it, what stays, and what is in the way."""

from __future__ import annotations

import pytest

from limner.client import Budgets, Wrong
from limner.errors import BudgetSpent, ConfigError
from limner.store import Charge
from limner.store.clients import ClientBusy
from limner.store.sessions import Holder
from limner.store.spool import Spooled
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job

WHO = "cli:me"


def test_its_token_opens_nothing_and_its_name_is_free(store):
    token = store.clients.add("ann").token
    secret = store.sessions.enter_here(Holder.CLIENT, "ann").secret
    store.levers.halt(WHO, "client", "ann")
    store.redis.hset("limner:endpoint:ann", "disabled", 1)

    store.clients.remove("ann", WHO)

    assert isinstance(store.clients.admit(token, "203.0.113.7"), Wrong)
    assert store.clients.names() == []
    assert store.sessions.find(secret) is None
    assert store.levers.halted().clients == ()
    assert store.outbox.endpoint("ann").disabled_ms is None
    assert [key for key in store.redis.scan_iter("limner:*:ann") if ":sessions:" not in key] == []
    assert store.clients.add("ann").token != token
    newest, *_ = store.levers.audit(9)
    assert [one.who for one in store.levers.audit(9) if one.what == "client ann"][1] == WHO
    assert newest.what == "client ann"


def test_unfinished_jobs_are_in_the_way_whether_they_wait_or_run(store):
    store.clients.add("ann")
    waiting, drawing = an_accepted_job(store), an_accepted_job(store)
    a_worker(store)
    store.lanes.take(drawing.id, "token", WORKER, MESSAGES)

    for left in (2, 1):
        with pytest.raises(ClientBusy, match=f"ann has {left} unfinished job"):
            store.clients.remove("ann", WHO)
        store.lanes.cancel(waiting.id if left == 2 else drawing.id)
    store.clients.remove("ann", WHO)

    assert store.jobs.get(waiting.id).status.ended


def test_a_client_that_is_made_later_under_its_name_has_used_and_spooled_nothing(store):
    asked = {"budgets": Budgets(per_day=1), "charge": Charge(("picture.png",), 4096, 4096)}
    store.clients.add("ann")
    store.lanes.cancel(an_accepted_job(store, **asked).id)
    with pytest.raises(BudgetSpent):
        an_accepted_job(store, **asked)
    assert store.spool.of("ann") == Spooled(spent_bytes=4096)

    store.clients.remove("ann", WHO)

    kept = [f"limner:{kind}" for kind in ("budget:ann", "spool:ann", "spent:ann", "spooled")]
    assert store.redis.exists(*kept) == 0
    store.clients.add("ann")
    assert store.jobs.budgets_used("ann") == Budgets(0, 0)
    assert store.spool.of("ann") == Spooled()
    assert an_accepted_job(store, **asked).status == "waiting"


def test_there_is_none_to_remove_of_another_name(store):
    store.clients.add("ann")
    lines = store.levers.audit(9)
    with pytest.raises(ConfigError, match="no client called 'bob'"):
        store.clients.remove("bob", WHO)
    assert store.levers.audit(9) == lines
