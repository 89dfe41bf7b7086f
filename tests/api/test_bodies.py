"""What the bodies under way may take in memory: bounded for each client and for all."""

from __future__ import annotations

import pytest

from api import body
from api.places import Places
from tests.api.asking import a_body, refused

IMAGINE = "/draw/midjourney/imagine"


@pytest.fixture
def bodies(app):
    """The process's account of bodies, which permits two pieces for a client and four for all."""
    here = app.extensions["limner"]
    here = app.extensions["limner"] = type(here)(
        **{name: getattr(here, name) for name in here.__slots__}
        | {"bodies": Places(2 * body.PIECE_BYTES, 4 * body.PIECE_BYTES)}
    )
    return here.bodies


def post(caller, prompt: str = "a lighthouse"):
    return caller("POST", IMAGINE, json=a_body(promptEn="a lighthouse", extra=prompt))


def test_a_client_that_sends_too_much_at_once_is_refused_and_another_is_not(bodies, caller, other):
    with bodies.hold(caller.name, 2 * body.PIECE_BYTES):
        response = post(caller)
        assert post(other).status_code == 202

    refused(response, 429)
    assert int(response.headers["Retry-After"]) >= 1
    assert post(caller).status_code == 202
    assert bodies.taken == 0


def test_when_all_together_send_too_much_the_next_is_refused(bodies, caller):
    with bodies.hold("bob", 2 * body.PIECE_BYTES), bodies.hold("cas", 2 * body.PIECE_BYTES):
        response = post(caller)

    refused(response, 503)
    assert int(response.headers["Retry-After"]) >= 1
    assert bodies.taken == 0


def test_a_body_is_charged_as_it_comes(bodies, caller):
    response = post(caller, "x" * (3 * body.PIECE_BYTES))

    refused(response, 429)
    assert bodies.taken == 0


def test_without_a_valid_token_no_body_is_read(bodies, app):
    class Unread:
        def read(self, *_args):
            raise AssertionError("the body is read")

        readline = readlines = __iter__ = read

    response = app.test_client().post(
        IMAGINE,
        headers={"token": "lim_wrong", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": "1000"},
    )

    refused(response, 401)


def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(caller, monkeypatch):
    monkeypatch.setattr(body, "VALUES_MAX", 50)

    response = caller("POST", IMAGINE, json=a_body(extra=", " * 50))

    assert "too many values" in refused_sentence(response)


def refused_sentence(response) -> str:
    refused(response, 400)
    return str(response.json["message"])
