"""Who may call: tokens, lanes, rates and caps."""

from __future__ import annotations

import pytest

from api import create_app
from tests.api.asking import IMAGINE, Caller, a_body, a_caller, refused
from tests.callback_doubles import all_logged

GUARDED = [
    ("POST", IMAGINE),
    ("POST", "/draw/midjourney/origin/imagine"),
    ("POST", "/draw/midjourney/waiting"),
    ("POST", "/draw/midjourney/pending"),
    ("GET", "/draw/midjourney/jobs"),
    ("GET", "/draw/midjourney/jobs/" + "0" * 32),
    ("GET", "/draw/midjourney/find/by/" + "0" * 32),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"token": ""},
        {"token": "wrong"},
        {"token": "tök\xffn"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic wrong"},
    ],
)
def test_without_a_known_token_nothing_is_shown(app, method, path, headers):
    response = app.test_client().open(path, method=method, headers=headers)

    assert refused(response, 401) == {}
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_a_bearer_token_is_as_good_as_the_header(app, caller, scheme):
    headers = {"Authorization": f"{scheme} {caller.token}"}

    response = app.test_client().post(IMAGINE, json=a_body(), headers=headers)

    assert response.status_code == 202


def test_a_token_that_is_taken_away_dies_within_a_second(settings, store, messages):
    now = [0.0]
    app = create_app(settings, store, messages, clock=lambda: now[0])
    ann = a_caller(app, store, "ann")
    ann.drawn()

    store.redis.delete("limner:tokens")
    now[0] += 1.0

    refused(ann.imagine(), 401)


@pytest.mark.parametrize(("lane", "fast"), [("fast", False), ("relaxed", True)])
def test_a_lane_that_a_client_may_not_use_is_forbidden(app, store, lane, fast):
    limited = a_caller(app, store, "limited", lanes=frozenset([lane]))

    assert limited.imagine(fast=not fast).status_code == 202
    assert refused(limited.imagine(fast=fast), 403) == {}


def test_a_client_whose_budget_is_spent_is_told_when_it_begins_anew(app, store):
    small = a_caller(app, store, "small", per_day=2)
    assert [small.imagine().status_code for _ in range(3)] == [202, 202, 429]

    response = small.imagine()

    refused(response, 429)
    assert "This client's budget of 2 drawings a day is spent." in response.json["message"]
    assert 0 < int(response.headers["Retry-After"]) <= 86_400


def test_a_client_whose_waiting_cap_is_full_is_told_when_to_come_again(app, store):
    small = a_caller(app, store, "small", waiting_cap=2)
    assert [small.imagine().status_code for _ in range(2)] == [202, 202]

    response = small.imagine()

    refused(response, 429)
    assert int(response.headers["Retry-After"]) > 0
    assert small("POST", "/draw/midjourney/waiting").json == {"data": 2}


def test_a_client_without_a_cap_has_the_gateways(settings, store, messages):
    app = create_app(settings.with_engines(()), store, messages)
    ann = a_caller(app, store, "ann")
    store.redis.sadd("limner:waits:ann", *range(settings.waiting_cap))

    refused(ann.imagine(), 429)


def test_one_clients_cap_is_nothing_to_another(app, store, caller):
    full = a_caller(app, store, "full", waiting_cap=0)

    refused(full.imagine(), 429)
    caller.drawn()


def test_a_client_may_send_a_seconds_worth_at_once_and_then_its_rate(app, store, clock):
    paced = a_caller(app, store, "paced", rate_per_s=2.0)
    waiting = "/draw/midjourney/waiting"

    assert [paced("POST", waiting).status_code for _ in range(3)] == [200, 200, 429]
    clock.pass_s(0.5)
    assert [paced("POST", waiting).status_code for _ in range(2)] == [200, 429]
    clock.pass_s(60)
    assert [paced("POST", waiting).status_code for _ in range(3)] == [200, 200, 429]


def test_a_slow_rate_says_after_how_many_seconds(app, store, clock):
    slow = a_caller(app, store, "slow", rate_per_s=0.1)

    assert slow.imagine().status_code == 202
    clock.pass_s(3)
    response = slow.imagine()

    refused(response, 429)
    assert response.headers["Retry-After"] == "7"


def test_one_clients_jobs_are_not_there_for_another(caller, other):
    job = caller.drawn()

    refused(other("GET", f"/draw/midjourney/jobs/{job['id']}"), 404)
    refused(other("GET", f"/draw/midjourney/find/by/{job['tag']}"), 404)
    assert other("GET", "/draw/midjourney/jobs").json == {"data": [], "cursor": None}
    assert other("GET", f"/draw/midjourney/jobs?tag={job['tag']}").json["data"] == []
    assert other("POST", "/draw/midjourney/waiting").json == {"data": 0}


def test_pictures_and_health_need_no_token(app):
    nobody = Caller(app, "", "")

    assert nobody("GET", "/healthz").status_code == 200
    refused(nobody("GET", "/images/drawings/20270115/" + "0" * 32 + ".png"), 404)


def test_a_client_with_a_rate_is_told_how_it_stands(app, store, clock):
    paced = a_caller(app, store, "paced", rate_per_s=3.0)

    told = [paced("POST", "/draw/midjourney/waiting").headers for _ in range(4)]

    assert {one["RateLimit-Policy"] for one in told} == {'"client";q=3;w=1'}
    assert [one["RateLimit"] for one in told] == [
        *('"client";r=2;t=1', '"client";r=1;t=1', '"client";r=0;t=1', '"client";r=0;t=1'),
    ]
    assert [one.get("Retry-After") for one in told] == [None, None, None, "1"]
    clock.pass_s(1)
    assert paced("POST", "/draw/midjourney/waiting").headers["RateLimit"] == '"client";r=2;t=1'


def test_a_rate_below_one_a_second_is_a_longer_window(app, store):
    slow = a_caller(app, store, "slow", rate_per_s=0.1)

    headers = slow("POST", "/draw/midjourney/waiting").headers

    assert headers["RateLimit-Policy"] == '"client";q=1;w=10'
    assert headers["RateLimit"] == '"client";r=0;t=10'


def test_a_client_without_a_rate_is_told_of_none(caller):
    headers = caller("POST", "/draw/midjourney/waiting").headers

    assert "RateLimit" not in headers
    assert "RateLimit-Policy" not in headers


# -- wrong tokens ---------------------------------------------------------------------------------

WAITING = "/draw/midjourney/waiting"


@pytest.fixture
def knock(app):
    """Try a token from an address."""

    def knock(token: str, address: str = "198.51.100.7", through=app):
        return through.test_client().post(
            WAITING, headers={"token": token}, environ_overrides={"REMOTE_ADDR": address}
        )

    return knock


@pytest.fixture
def slowed(knock):
    """An address that has sent as many wrong tokens as it may."""
    assert [knock(f"wrong {n}").status_code for n in range(11)] == [401] * 10 + [429]


def test_an_address_that_sends_wrong_tokens_is_slowed(knock, slowed, clock):
    response = knock("wrong")

    refused(response, 429)
    assert response.headers["Retry-After"] == "6"
    clock.pass_s(6)
    assert [knock("wrong").status_code for _ in range(2)] == [401, 429]
    clock.pass_s(60)
    assert knock("wrong").status_code == 401


def test_a_right_token_from_that_address_is_never_slowed(app, store, knock, slowed):
    for n in range(20):
        # A new client each time: none of them is known already.
        assert knock(a_caller(app, store, f"honest-{n}").token).status_code == 200
        refused(knock("wrong"), 429)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("198.51.100.8", 401),
        ("2001:db8::1", 401),
        ("::ffff:198.51.100.7", 429),
        ("", 401),
    ],
)
def test_other_addresses_are_not_slowed_with_it(knock, slowed, address, status):
    assert knock("wrong", address).status_code == status


def test_the_addresses_of_one_ipv6_network_are_one(knock):
    answers = [knock("wrong", f"2001:db8:0:1::{n:x}").status_code for n in range(1, 12)]

    assert answers == [401] * 10 + [429]
    assert knock("wrong", "2001:db8:0:2::1").status_code == 401


def test_all_api_processes_count_together(settings, store, messages, knock, slowed):
    refused(knock("wrong", through=create_app(settings, store, messages)), 429)


def test_the_token_of_a_client_who_was_shut_out_is_a_wrong_one(store, knock):
    token = store.clients.add("bad").token
    store.clients.change("bad", disabled=True)

    answers = [knock(token) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "disabled" in answers[0].json["message"]


def test_requests_without_a_token_are_no_wrong_tokens(app, knock):
    for _ in range(30):
        refused(app.test_client().post(WAITING), 401)

    assert knock("wrong", "127.0.0.1").status_code == 401


def test_what_is_known_of_addresses_is_bounded_and_forgotten(store, clock):
    with store.redis.pipeline(transaction=False) as pipe:
        for n in range(10_000):
            pipe.zadd("limner:wrong", {f"10.0.{n // 256}.{n % 256}": clock.now_ms + 6000 + n})
        pipe.execute()
    assert not store.clients.count_wrong("api", "192.0.2.1").wait_s

    assert store.redis.zcard("limner:wrong") == 10_000
    assert store.redis.zscore("limner:wrong", "192.0.2.1")
    clock.pass_s(60)
    store.clients.count_wrong("api", "192.0.2.2")
    assert store.redis.zrange("limner:wrong", 0, -1) == ["192.0.2.2"]


def test_a_clock_that_was_set_back_locks_nobody_out(knock, slowed, clock):
    refused(knock("wrong"), 429)

    clock.pass_s(-3600)

    assert [knock("wrong").status_code for _ in range(11)] == [401] * 10 + [429]


def test_wrong_tokens_are_logged_by_address_and_never_themselves(knock, caplog):
    caplog.set_level("DEBUG")
    for _ in range(30):
        knock("a secret meant for elsewhere")

    told = [r.limner_fields for r in caplog.records if r.message == "token.slowed"]
    assert told == [{"address": "198.51.100.7"}]
    assert "secret" not in all_logged(caplog)


# -- what answers say to those who would keep them ------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", WAITING, 200),
        ("POST", IMAGINE, 415),
        ("GET", "/draw/midjourney/jobs", 200),
        ("GET", "/draw/midjourney/jobs/" + "0" * 32, 404),
        ("GET", "/metrics", 403),
        ("GET", "/readyz", 503),
        ("GET", "/healthz", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/images/drawings/20270115/" + "0" * 32 + ".png", 404),
        ("GET", "/nowhere", 404),
        ("PUT", IMAGINE, 405),
    ],
)
def test_no_answer_is_kept_by_others_or_taken_for_something_else(caller, method, path, status):
    response = caller(method, path)

    assert response.status_code == status
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_nor_are_those_that_broke(app, caller, monkeypatch):
    monkeypatch.setattr(app.extensions["limner"].store.jobs, "waiting_count", lambda _: 1 / 0)

    response = caller("POST", WAITING)

    assert response.status_code == 500
    assert response.headers["Cache-Control"] == "no-store"
