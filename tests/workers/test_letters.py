"""What an attempt sends, as whom and through which connections; and what changes while a poster runs."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from limner.callback.policy import GiveUp
from limner.callback.signature import verify
from limner.errors import StoreDown
from limner.settings import Settings
from limner.store import clients
from tests.callback_doubles import Receiver, a_job, done, emit, logged, take_one
from workers.posting import letters as letters_module
from workers.posting.letters import (
    CLIENT_FRESH_S,
    Letter,
    Letters,
    event_body,
)

NOW_S = 1_800_000_000
HOOK = "http://receiver:80/hook"
SETTINGS = Settings(callback_allow="")


class Times:
    """Both clocks of a poster: the one on the wall, and the one that only counts."""

    def __init__(self) -> None:
        self.now_s = 5000.0

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return NOW_S - 5000.0 + self.now_s


@pytest.fixture
def times(monkeypatch):
    times = Times()
    monkeypatch.setattr(letters_module, "time", SimpleNamespace(monotonic=times.monotonic))
    monkeypatch.setattr(clients, "time", SimpleNamespace(time=times.time))
    return times


@pytest.fixture
def letters(store, times):
    store.clients.add("ann")
    made = Letters(store, SETTINGS, times.time)
    yield made
    made.close()


def with_settings(letters, **changes):
    letters._settings = replace(SETTINGS, **changes)
    return letters


def an_event(store, job="j", url=HOOK, client="ann", kind="X"):
    """A job's event in a poster's hands."""
    emit(store, a_job(store, job, url, client), kind)
    taken = take_one(store)
    done(store, taken, "later", health="none")
    return taken


def signed_by(letter, secrets, now_s):
    return [verify(letter.headers, letter.body, secret, now_s) for secret in secrets]


def asked_without_a_url(store, job="j", client="ann"):
    """A job that was accepted while there was a default URL."""
    taken = an_event(store, job, client=client)
    request = json.loads(taken.record["request"]) | {"callback_url": None}
    return replace(taken, record={**taken.record, "request": json.dumps(request)})


# -- secrets ----------------------------------------------------------------------------------


def test_a_rotated_secret_reaches_a_running_poster_and_for_a_day_both_sign(store, letters, times):
    taken = an_event(store)
    (old,) = store.clients.get("ann").secrets
    assert signed_by(letters.write(taken), [old], times.time()) == [True]
    new = store.clients.rotate_secret("ann")
    times.pass_s(CLIENT_FRESH_S + 0.1)

    letter = letters.write(taken)
    assert letter.headers["webhook-signature"].count("v1,") == 2
    assert signed_by(letter, [new, old], times.time()) == [True, True]
    # It began when the secret was rotated.
    times.pass_s(24 * 3600 - 2 * CLIENT_FRESH_S)
    assert signed_by(letters.write(taken), [new, old], times.time()) == [True, True]
    times.pass_s(2 * CLIENT_FRESH_S)
    letter = letters.write(taken)
    assert signed_by(letter, [new, old], times.time()) == [True, False]
    assert letter.headers["webhook-signature"].count("v1,") == 1


def test_a_client_is_looked_up_once_in_a_second(store, letters, times, monkeypatch):
    taken, looked = an_event(store), []
    real = store.clients.get
    monkeypatch.setattr(store.clients, "get", lambda name: looked.append(name) or real(name))
    for _ in range(3):
        letters.write(taken)
        times.pass_s(CLIENT_FRESH_S * 0.3)
    assert looked == ["ann"]
    times.pass_s(CLIENT_FRESH_S * 0.2)
    letters.write(taken)
    assert looked == ["ann", "ann"]


def test_a_client_that_cannot_be_looked_up_is_no_reason_to_give_up(store, letters, monkeypatch):
    taken = an_event(store)

    def away(name):
        raise StoreDown

    monkeypatch.setattr(store.clients, "get", away)
    with pytest.raises(StoreDown):
        letters.write(taken)


def test_a_letter_is_signed_at_the_time_of_its_attempt(store, letters, times):
    taken = an_event(store)
    for _ in range(2):
        times.pass_s(700)
        letter = letters.write(taken)
        assert letter.headers["webhook-timestamp"] == str(int(times.time()))
        assert letter.headers["webhook-id"] == taken.event.id
        assert letter.headers["Content-Type"] == "application/json"
        assert letter.body == event_body(taken.record, taken.event, SETTINGS.base_url)


@pytest.mark.parametrize("resent", [False, True])
def test_only_a_resent_event_says_that_it_is_one(store, letters, resent):
    taken = an_event(store)
    taken = replace(taken, event=replace(taken.event, resent=resent))

    assert letters.write(taken).headers.get("x-limner-replay") == ("1" if resent else None)


# -- allow-lists ------------------------------------------------------------------------------


def posted(letter):
    return letter.outgoing.post(letter.url, letter.body, letter.headers, 5.0)


def test_a_changed_allow_list_reaches_a_running_poster(store, letters, times):
    store.clients.change("ann", callback_allow="127.0.0.1:*")
    with Receiver() as receiver:
        taken = an_event(store, url=receiver.url)
        assert posted(letters.write(taken)).status == 200
        store.clients.change("ann", callback_allow="")
        times.pass_s(CLIENT_FRESH_S + 0.1)
        assert posted(letters.write(taken)).error == "not_allowed"
        store.clients.change("ann", callback_allow="127.0.0.1:*")
        times.pass_s(CLIENT_FRESH_S + 0.1)
        assert posted(letters.write(taken)).status == 200
    assert len(receiver.heard) == 2


def test_connections_are_shared_by_those_with_the_same_allow_list_and_no_others(store, letters):
    for name, allow in (("bob", ""), ("eve", "10.0.0.0/8")):
        store.clients.add(name, callback_allow=allow)
    ann, bob, eve = (
        letters.write(an_event(store, name, client=name)).outgoing for name in ("ann", "bob", "eve")
    )

    assert ann is bob
    assert eve is not ann


def test_an_allow_list_that_cannot_be_read_opens_nothing_and_its_operator_is_told(
    store, letters, caplog
):
    store.redis.hset("limner:client:ann", "callback_allow", "what is this?")
    with Receiver() as receiver, caplog.at_level(logging.ERROR):
        outcome = posted(letters.write(an_event(store, url=receiver.url)))

    assert outcome.error == "not_allowed"
    assert receiver.heard == []
    (line,) = logged(caplog, "client.misread")
    assert line["client"] == "ann"


# -- to whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["client", "secrets"])
def test_without_a_client_or_a_secret_all_of_a_jobs_events_are_given_up(store, letters, missing):
    taken = an_event(store)
    if missing == "client":
        store.redis.delete("limner:client:ann")
    else:
        store.redis.hset("limner:client:ann", "secrets", "[]")

    assert letters.write(taken) == GiveUp("no_client", all_of_it=True)


@pytest.mark.parametrize("field", ["request", "created_ms"])
def test_a_record_that_cannot_be_read_gives_up_one_event_and_says_so(store, letters, caplog, field):
    taken = an_event(store)
    broken = replace(taken, record={**taken.record, field: "?"})
    with caplog.at_level(logging.ERROR):
        assert letters.write(broken) == GiveUp("broken")

    (line,) = [record for record in caplog.records if record.message == "callback.broken"]
    assert line.limner_fields == {"job": "j"}
    assert line.exc_info


@pytest.mark.parametrize(
    ("asked", "of_client", "of_gateway", "url", "default_of"),
    [
        (HOOK, "http://client/", "http://gateway/", HOOK, ""),
        (None, "http://client/", "http://gateway/", "http://client/", "ann"),
        (None, None, "http://gateway/", "http://gateway/", "ann"),
        # Named in so many words, the client's default URL is the client's default URL.
        (HOOK, HOOK, None, HOOK, "ann"),
    ],
)
def test_the_requests_url_goes_before_the_clients_and_that_before_the_gateways(
    store, letters, asked, of_client, of_gateway, url, default_of
):
    store.clients.change("ann", callback_url=of_client)
    taken = an_event(store) if asked else asked_without_a_url(store)
    letter = with_settings(letters, callback_url=of_gateway).write(taken)

    assert (letter.url, letter.default_of) == (url, default_of)


def test_without_any_url_all_of_a_jobs_events_are_given_up(store, letters):
    assert letters.write(asked_without_a_url(store)) == GiveUp("no_url", all_of_it=True)


def switched_off(store):
    store.clients.change("ann", callback_url=HOOK)
    store.redis.hset("limner:endpoint:ann", mapping={"since": 1, "fails": 99, "disabled": 2})


def test_a_default_url_that_is_switched_off_gets_only_what_is_resent(store, letters):
    switched_off(store)
    taken = an_event(store)

    assert letters.write(taken) == GiveUp("disabled")
    resent = replace(taken, event=replace(taken.event, resent=True))
    assert letters.write(resent).url == HOOK


def test_another_url_of_the_client_is_not_switched_off(store, letters):
    switched_off(store)

    assert letters.write(an_event(store, url="http://other/")).url == "http://other/"


def test_a_url_that_is_used_again_reaches_a_running_poster(store, letters, times):
    switched_off(store)
    taken = an_event(store)
    assert letters.write(taken) == GiveUp("disabled")
    store.outbox.enable("ann")
    times.pass_s(CLIENT_FRESH_S + 0.1)

    assert isinstance(letters.write(taken), Letter)


def test_a_client_that_is_forgotten_is_looked_up_at_once(store, letters):
    store.clients.change("ann", callback_url=HOOK)
    taken = an_event(store)
    assert isinstance(letters.write(taken), Letter)
    switched_off(store)
    assert isinstance(letters.write(taken), Letter)
    letters.forget("ann")
    letters.forget("nobody")

    assert letters.write(taken) == GiveUp("disabled")
