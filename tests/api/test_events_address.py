"""A signed address opens one job's events without a token, for a while, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from api.access.ticket import KEPT
from tests.api.asking import Caller, a_caller, refused


@pytest.fixture
def job(caller) -> dict:
    return caller.drawn()


def address_of(caller: Caller, job: dict) -> str:
    response = caller("POST", f"/draw/midjourney/jobs/{job['id']}/events/address")
    assert response.status_code == 200, response.text
    url = urlsplit(response.json["url"])
    return f"{url.path}?{url.query}"


def opened(app, address: str, method: str = "HEAD") -> int:
    return app.test_client().open(address, method=method).status_code


def test_it_opens_the_events_of_that_job_without_a_token(app, caller, job):
    address = address_of(caller, job)

    assert opened(app, address) == 200
    assert opened(app, address.partition("?")[0]) == 401


def test_it_opens_nothing_else(app, caller, job):
    address, other = address_of(caller, job), caller.drawn()
    query = address.partition("?")[2]
    one = f"/draw/midjourney/jobs/{job['id']}"

    for path in (one, f"{one}/callbacks", f"/draw/midjourney/jobs/{other['id']}/events"):
        assert opened(app, f"{path}?{query}", "GET") == 401, path
    assert opened(app, f"{one}?{query}", "DELETE") == 401
    assert opened(app, f"{one}/events/address?{query}", "POST") == 401


@pytest.mark.parametrize(
    "ticket",
    ["", "1", "-", "x-y", "9999999999-", "9999999999-" + "0" * 64, "²-³", f"{10**30}-0"],
)
def test_what_is_not_signed_is_refused(app, job, ticket):
    path = f"/draw/midjourney/jobs/{job['id']}/events"

    assert refused(app.test_client().get(path, query_string={"ticket": ticket}), 401) == {}


def test_a_changed_time_is_refused(app, caller, job):
    path, _, ticket = address_of(caller, job).partition("ticket=")
    until, _, signature = ticket.partition("-")

    assert opened(app, f"{path}ticket={int(until) + 60}-{signature}") == 401


def test_it_ends(app, caller, job, monkeypatch):
    address = address_of(caller, job)
    later = app.extensions["limner"].now() + KEPT + timedelta(seconds=1)
    monkeypatch.setattr("api.access.ticket.house", lambda: _At(app.extensions["limner"], later))

    assert opened(app, address) == 401


class _At:
    """A house at another time."""

    def __init__(self, house, now) -> None:
        self.store = house.store
        self.now = lambda: now


def test_it_ends_when_its_client_is_disabled(app, store, caller, job):
    address = address_of(caller, job)
    store.clients.change(caller.name, disabled=True)
    assert opened(app, address) == 401


def test_another_client_gets_no_address_of_it(app, store, job):
    other = a_caller(app, store, "bea")

    assert other("POST", f"/draw/midjourney/jobs/{job['id']}/events/address").status_code == 404
