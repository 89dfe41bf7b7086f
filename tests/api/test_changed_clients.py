"""A client is changed while it calls: a running API heeds it within a second."""

from __future__ import annotations

import pytest

from api import create_app
from limner.client import Client
from limner.request import Lane
from limner.store import Store
from tests.api.asking import Caller, a_caller, refused

#: the documented bound (docs/operations.md)
SECOND = 1.0


class Api:
    """A running API that knows its caller already, on a clock that the test moves."""

    def __init__(self, settings, store: Store, messages, **client) -> None:
        self._now_s = 1000.0
        self._store = store
        app = create_app(settings, store, messages, clock=lambda: self._now_s)
        self.ann = a_caller(app, store, "ann", **client)
        assert self.ann.imagine().status_code == 202

    def change(self, **changes) -> Client:
        return self._store.clients.change("ann", **changes)

    def pass_a_second(self) -> Caller:
        self._now_s += SECOND
        return self.ann


@pytest.fixture
def api(settings, store, messages) -> Api:
    return Api(settings, store, messages)


def test_a_disabled_client_is_shut_out_and_let_in_again(api):
    api.change(disabled=True)
    refused(api.pass_a_second().imagine(), 401)
    api.change(disabled=False)

    # What was refused is not remembered.
    assert api.ann.imagine().status_code == 202


def test_a_replaced_token_opens_nothing_and_the_new_one_opens_at_once(api, store):
    token = store.clients.rotate_token("ann")

    assert Caller(api.ann.app, token, "ann").imagine().status_code == 202
    refused(api.pass_a_second().imagine(), 401)


def test_a_lane_that_is_taken_away_is_forbidden(api):
    api.change(lanes=frozenset([Lane.RELAXED]))
    refused(api.pass_a_second().imagine(fast=True), 403)
    assert api.ann.imagine(fast=False).status_code == 202


def test_a_lowered_cap_counts_what_waits_already(api):
    api.change(waiting_cap=1)
    refused(api.pass_a_second().imagine(), 429)
    api.change(waiting_cap=2)
    assert api.pass_a_second().imagine().status_code == 202


def test_a_lowered_budget_counts_what_was_asked_for_already(settings, store, messages):
    api = Api(settings, store, messages, per_day=9)
    api.change(per_day=1)
    refused(api.pass_a_second().imagine(), 429)
    api.change(per_day=2)
    assert api.pass_a_second().imagine().status_code == 202


def test_a_receiver_that_is_taken_off_the_allow_list_is_refused(settings, store, messages):
    api = Api(settings, store, messages, callback_allow="10.1.0.0/16")
    assert api.ann.imagine(callBackUrl="http://10.1.9.9/hook").status_code == 202
    api.change(callback_allow="10.1.2.0/24")
    ann = api.pass_a_second()

    assert list(ann.wrong(callBackUrl="http://10.1.9.9/hook")) == ["callBackUrl"]
    assert ann.imagine(callBackUrl="http://10.1.2.3/hook").status_code == 202


def test_a_rate_counts_from_then_on(api):
    api.change(rate_per_s=1.0)
    statuses = [api.pass_a_second().imagine().status_code for _ in range(3)]

    # The store's own clock stands still: one request, and no second one yet.
    assert statuses == [202, 429, 429]


def test_a_changed_rate_counts_at_once(settings, store, messages):
    api = Api(settings, store, messages, rate_per_s=1.0)
    refused(api.ann.imagine(), 429)
    api.change(rate_per_s=None)

    assert [api.ann.imagine().status_code for _ in range(5)] == [202] * 5


def test_another_default_url_is_called_for_the_jobs_from_then_on(api, store):
    api.change(callback_url="https://new.example/hook")
    job = api.pass_a_second().drawn()

    assert store.redis.hget(f"limner:job:{job['id']}", "dest") == "https://new.example:443"


def test_within_the_second_a_client_costs_no_round_trip(api, store, monkeypatch):
    def never(token):
        raise AssertionError("asked again")

    monkeypatch.setattr(store.clients, "admit", never)

    assert api.ann.imagine().status_code == 202
