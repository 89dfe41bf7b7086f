"""What ``limner callbacks try`` says of a URL, step by step."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from limner.client import Client
from limner.settings import Settings
from limner.signature import verify
from tests.callback_doubles import Receiver
from workers.trial import try_url

SECRET = "whsec_" + "a2tr" * 8
CLIENT = Client("ann", secrets=(SECRET,), callback_allow="127.0.0.1:*")
SETTINGS = Settings(callback_limit_s=2)


def steps(url, client=CLIENT, settings=SETTINGS):
    return [(step.name, step.good) for step in try_url(url, client, settings)]


def test_a_good_receiver_passes_every_step_and_gets_a_signed_event():
    with Receiver() as receiver:
        assert steps(receiver.url) == [
            ("text", True),
            ("resolve", True),
            ("policy", True),
            ("connect", True),
            ("answer", True),
        ]
    heard = receiver.heard[0]
    assert verify(heard.headers, heard.body, SECRET, time.time())


@pytest.mark.parametrize(
    ("url", "failing"),
    [
        ("ftp://127.0.0.1/", "text"),
        ("http://nowhere.invalid/", "resolve"),
        ("http://10.0.0.1/", "policy"),
        ("http://127.0.0.1:1/", "connect"),
    ],
)
def test_the_first_bad_step_is_the_last(url, failing):
    assert steps(url)[-1] == (failing, False)


def test_a_receiver_without_tls_fails_that_step():
    with Receiver() as receiver:
        assert steps(receiver.url.replace("http:", "https:"))[-1] == ("tls", False)


@pytest.mark.parametrize("status", [302, 401, 500])
def test_any_answer_but_2xx_is_said(status):
    with Receiver(lambda heard, before: (status, {"Location": "/"} if status == 302 else {})) as r:
        last = list(try_url(r.url, CLIENT, SETTINGS))[-1]

    assert not last.good
    assert last.detail.startswith(f"{status} in ")


def test_a_client_without_an_allow_list_does_not_reach_loopback():
    with Receiver() as receiver:
        assert steps(receiver.url, replace(CLIENT, callback_allow=""))[-1] == ("policy", False)
    assert receiver.heard == []


def test_behind_a_proxy_names_are_left_to_it():
    with Receiver() as proxy:
        settings = replace(SETTINGS, callback_proxy=proxy.url)
        assert steps("http://only.the.proxy.knows.example/hook", settings=settings) == [
            ("text", True),
            ("resolve", True),
            ("connect", True),
            ("answer", True),
        ]
        assert steps("http://10.0.0.1/", settings=settings)[-1] == ("connect", False)
    assert [heard.path for heard in proxy.heard] == ["http://only.the.proxy.knows.example/hook"]


def test_limners_own_ports_are_as_closed_as_they_are_to_callbacks():
    with Receiver() as receiver:
        port = int(receiver.url.rstrip("/").split(":")[2].split("/")[0])
        assert steps(receiver.url, settings=replace(SETTINGS, port=port))[-1] == ("policy", False)
    assert receiver.heard == []
