"""Where a job's callbacks go: the request's URL, else the client's, else the gateway's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from limner.errors import ConfigError
from tests.api.asking import Caller, a_caller

URL = "https://caller.example/hook"


def kept_url(store, job):
    return store.jobs.get(job["id"]).request.callback_url


@pytest.mark.parametrize("own", [URL, "http://10.0.0.1:8080/a?b=c", "HTTPS://Müller.example./x"])
def test_the_callers_url_is_kept_as_it_was_sent(caller, store, own):
    assert kept_url(store, caller.drawn(callBackUrl=own)) == own


@pytest.mark.parametrize("nothing", [..., None, ""])
def test_without_one_the_clients_default_counts(app, store, nothing):
    carol = a_caller(app, store, "carol", callback_url=URL)

    assert kept_url(store, carol.drawn(callBackUrl=nothing)) == URL
    assert kept_url(store, carol.drawn(callBackUrl="http://other.example/")) != URL


def test_without_that_the_gateways_default_counts(settings, store, messages):
    app = create_app(replace(settings, callback_url=URL), store, messages)
    token = store.clients.add("dora").token

    assert kept_url(store, Caller(app, token, "dora").drawn()) == URL


def test_without_any_nobody_is_told(caller, store):
    job = caller.drawn()

    assert kept_url(store, job) is None
    assert store.redis.hget(f"limner:job:{job['id']}", "dest") is None


def test_the_destination_is_kept_beside_the_job(caller, store):
    job = caller.drawn(callBackUrl="https://Caller.Example./hook")

    assert store.redis.hget(f"limner:job:{job['id']}", "dest") == "https://caller.example:443"


@pytest.mark.parametrize(
    "url",
    [
        "caller.example/hook",
        "ftp://caller.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http:///hook",
        "http://user:pass@caller.example/",
        "http://caller.example:99999/",
        "http://caller.example:0/",
        "http://a..b/",
        "http://[::1/",
        "http://caller.example/a b",
        "http://caller.example/\r\nx: y",
        "http://caller.example/\x7f",
        " http://caller.example/",
        "http://caller.example/" + "a" * 2048,
        5,
        True,
        ["http://caller.example/"],
        {},
    ],
)
def test_a_url_that_is_wrong_by_its_text_is_refused(caller, url):
    assert list(caller.wrong(callBackUrl=url)) == ["callBackUrl"]


def test_a_host_is_taken_as_it_was_typed_and_dialled_as_browsers_would(caller, store):
    typed = "http://ＣＡＬＬＥＲ。example/hook"
    job = caller.drawn(callBackUrl=typed)

    assert kept_url(store, job) == typed
    assert store.redis.hget(f"limner:job:{job['id']}", "dest") == "http://caller.example:80"


@pytest.mark.parametrize(
    "host",
    ["127.1", "0x7f000001", "１２７。０。０。１", "[fe80::1%25eth0]", "a..b", "xn--a", "ca　ller"],
)
def test_a_host_that_could_not_be_dialled_is_refused_at_once(caller, host):
    assert list(caller.wrong(callBackUrl=f"http://{host}/hook")) == ["callBackUrl"]


def test_a_wrong_default_keeps_the_gateway_from_starting(settings):
    with pytest.raises(ConfigError, match="LIMNER_CALLBACK_URL"):
        create_app(replace(settings, callback_url="http://user@caller.example"))


def test_a_wrong_default_keeps_a_client_from_being_made(store):
    with pytest.raises(ConfigError, match="callback URL"):
        store.clients.add("eve", callback_url="ftp://caller.example")
