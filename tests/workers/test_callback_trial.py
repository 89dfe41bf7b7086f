"""What ``limner callbacks try`` says of a URL, step by step."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from limner.callback.signature import verify
from limner.client import Client
from limner.exits import exit_code
from limner.settings import Settings
from tests.callback_doubles import Receiver, peer
from workers.posting.trial import main, try_url

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


def details(url, client=CLIENT, settings=SETTINGS):
    return {step.name: step.detail for step in try_url(url, client, settings)}


def test_each_step_says_what_it_found():
    with Receiver(lambda heard, before: (302, {"Location": "/"})) as receiver:
        found = details(receiver.url)
        assert found["text"] == receiver.url.removesuffix("/hook")
        assert (found["resolve"], found["policy"]) == ("127.0.0.1", "allowed")
        assert found["connect"] == "127.0.0.1"
        assert found["answer"].endswith(" ms, a redirect, which is never followed")
    with Receiver(lambda heard, before: (403, {})) as receiver:
        assert details(receiver.url)["answer"].endswith(" ms: ok")
    with Receiver() as receiver:
        assert details(receiver.url)["answer"].endswith(" ms")
    assert details("http://127.0.0.1:1/")["connect"] == "refused"
    assert "LIMNER_CALLBACK_ALLOW" in details("http://10.0.0.1/")["policy"]


def test_a_long_refusal_is_quoted_in_its_first_two_hundred_characters():
    words = "".join(f"{number} " for number in range(100)) + "x" * 400

    def serve(connection, ended):
        connection.recv(65536)
        head = b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n" % len(words)
        connection.sendall(head + words.encode())

    with peer(serve) as url:
        found = details(url)["answer"]

    assert found.partition(": ")[2] == words[:200]


def test_a_receiver_that_never_answers_fails_the_last_step_within_the_limit():
    with peer(lambda connection, ended: ended.wait(30)) as url:
        last = list(try_url(url, CLIENT, replace(SETTINGS, callback_limit_s=0.3)))[-1]

    assert (last.name, last.good) == ("answer", False)
    assert last.detail.startswith("timeout after ")


def test_the_test_event_says_that_it_is_one():
    with Receiver() as receiver:
        steps(receiver.url)
    heard = receiver.heard[0]

    assert json.loads(heard.body)["test"] is True
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-id"].startswith("msg_test_")


# -- the command ------------------------------------------------------------------------------


@pytest.fixture
def ann(store, redis_url, monkeypatch):
    """A client whose default URL is switched off."""
    monkeypatch.setenv("LIMNER_REDIS_URL", redis_url)
    for name in ("LIMNER_CALLBACK_URL", "LIMNER_CALLBACK_ALLOW"):
        monkeypatch.delenv(name, raising=False)
    store.clients.add("ann", callback_allow="127.0.0.1:*")
    store.redis.hset("limner:endpoint:ann", mapping={"since": 1, "fails": 99, "disabled": 2})
    return store


def is_off(store):
    return store.outbox.endpoint("ann").disabled_ms is not None


def test_the_command_tries_the_clients_default_url_and_says_each_step(ann, capsys):
    with Receiver() as receiver:
        ann.clients.change("ann", callback_url=receiver.url)
        assert main(["--client", "ann"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(receiver.heard) == 1
    assert [line.split()[:2] for line in lines] == [
        *(["ok", "text"], ["ok", "resolve"], ["ok", "policy"], ["ok", "connect"], ["ok", "answer"]),
    ]
    # Trying is not switching on.
    assert is_off(ann)


def test_a_url_that_takes_the_test_event_is_switched_on_if_that_was_asked(ann, capsys):
    with Receiver() as receiver:
        assert main([receiver.url, "--client", "ann", "--enable"]) == 0

    assert not is_off(ann)
    assert "enabled" in capsys.readouterr().out


def test_a_url_that_does_not_take_it_stays_off(ann, capsys):
    with Receiver(lambda heard, before: (500, {})) as receiver:
        assert main([receiver.url, "--client", "ann", "--enable"]) == 1

    assert is_off(ann)
    assert "FAIL  answer" in capsys.readouterr().out


def test_a_url_that_is_named_goes_before_the_default_one_and_that_before_the_gateways(
    ann, monkeypatch
):
    with Receiver() as named, Receiver() as default, Receiver() as gateway:
        monkeypatch.setenv("LIMNER_CALLBACK_URL", gateway.url)
        assert main(["--client", "ann"]) == 0
        ann.clients.change("ann", callback_url=default.url)
        assert main(["--client", "ann"]) == 0
        assert main([named.url, "--client", "ann"]) == 0

    assert [len(receiver.heard) for receiver in (gateway, default, named)] == [1, 1, 1]


def test_without_redis_the_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LIMNER_REDIS_URL", f"unix://{tmp_path}/nothing.sock")

    assert exit_code(lambda: main(["http://127.0.0.1/"])) == 1
    assert capsys.readouterr().err.startswith("limner: ")
