"""Where a job's callbacks go: the request's URL, else the client's, else the gateway's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from limner.errors import ConfigError
from limner.settings import Settings
from tests.api.asking import Caller, a_caller, refused
from tests.callback_doubles import all_logged

URL = "https://caller.example/hook"


def kept_url(store, job):
    return store.jobs.get(job["id"]).request.callback_url


@pytest.mark.parametrize(
    "own", [URL, "http://93.184.216.34:8080/a?b=c", "HTTPS://Müller.example./x"]
)
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


@pytest.mark.parametrize(
    "url", ["http://u:hidden@caller.example/", "http://a..b/", "http://caller.example:6379", "x"]
)
def test_a_wrong_default_keeps_every_process_from_starting(url):
    with pytest.raises(ConfigError, match="LIMNER_CALLBACK_URL") as refusal:
        Settings.load({"LIMNER_CALLBACK_URL": url})

    assert "hidden" not in str(refusal.value)


def test_the_gateways_default_is_kept_as_it_was_given():
    url = "https://Müller.example/hook/"

    assert Settings.load({"LIMNER_CALLBACK_URL": url}).callback_url == url


#: releases of before took it
OLD_URL = "http://user:hidden@caller.example/"


def test_a_clients_default_that_an_older_release_took_is_refused_in_words(app, store, caplog):
    caplog.set_level("DEBUG")
    erin = a_caller(app, store, "erin", callback_url=URL)
    store.redis.hset("limner:client:erin", "callback_url", OLD_URL)

    response = erin.imagine()

    assert refused(response, 422) == {}
    assert "callback URL" in response.json["message"]
    assert "user name" in response.json["message"]
    assert "callback_url.refused" in caplog.messages
    assert "hidden" not in response.text + all_logged(caplog)
    erin.drawn(callBackUrl=URL)


def test_a_jobs_url_that_an_older_release_took_is_refused_when_it_is_submitted_again(caller, store):
    job = caller.drawn(callBackUrl=URL)
    caller("DELETE", f"/draw/midjourney/jobs/{job['id']}")
    record = f"limner:job:{job['id']}"
    kept = store.redis.hget(record, "request")
    store.redis.hset(record, "request", kept.replace(URL, OLD_URL))

    response = caller("POST", "/draw/midjourney/refresh", json={"tag": job["tag"]})

    assert refused(response, 422) == {}


def test_a_wrong_default_keeps_a_client_from_being_made(store):
    with pytest.raises(ConfigError, match="callback URL"):
        store.clients.add("eve", callback_url="ftp://caller.example")
