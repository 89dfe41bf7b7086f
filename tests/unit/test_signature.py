"""Our signer against the library that receivers use."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from limner.callback.signature import sign, verify

NOW_S = 1_800_000_000


def a_secret(key: bytes = b"k" * 32) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@given(
    st.binary(max_size=2000),
    st.binary(min_size=24, max_size=64),
    st.text("abc_019", min_size=1),
    st.integers(0, 2**33),
)
def test_signatures_equal_the_librarys(body, key, message_id, at_s):
    ours = sign(message_id, at_s, body, [a_secret(key)])
    # The library signs text; bytes that are not are signed by us alone.
    text = body.decode("latin-1")
    ours_of_text = sign(message_id, at_s, text.encode(), [a_secret(key)])
    theirs = Webhook(a_secret(key)).sign(message_id, datetime.fromtimestamp(at_s, UTC), text)

    assert ours_of_text["webhook-signature"] == theirs
    assert verify(ours, body, a_secret(key), at_s)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/New_York"])
def test_the_library_takes_our_headers_whatever_the_hosts_time_zone(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        headers = sign("msg_1", int(time.time()), b'{"seq":1}', [a_secret()])
        assert Webhook(a_secret()).verify(b'{"seq":1}', headers) == {"seq": 1}
    finally:
        monkeypatch.undo()
        time.tzset()


def test_while_a_secret_is_rotated_both_are_signed_with():
    old, new = a_secret(b"o" * 32), a_secret(b"n" * 32)
    headers = sign("msg_1", int(time.time()), b"{}", [new, old])

    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (old, new):
        assert Webhook(secret).verify(b"{}", headers) == {}
        assert verify(headers, b"{}", secret, time.time())
    with pytest.raises(WebhookVerificationError):
        Webhook(a_secret(b"x" * 32)).verify(b"{}", headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(NOW_S + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "  "},
        {"webhook-signature": "v1,ü"},
    ],
)
def test_what_was_changed_on_the_way_does_not_verify(change):
    headers = sign("msg_1", NOW_S, b"{}", [a_secret()])

    assert verify(headers, b"{}", a_secret(), NOW_S)
    assert not verify(headers, b"{} ", a_secret(), NOW_S)
    assert not verify(headers | change, b"{}", a_secret(), NOW_S)


@pytest.mark.parametrize(
    ("late_s", "good"), [(299, True), (301, False), (-299, True), (-301, False)]
)
def test_an_old_or_future_callback_does_not_verify(late_s, good):
    headers = sign("msg_1", NOW_S, b"{}", [a_secret()])

    assert verify(headers, b"{}", a_secret(), NOW_S + late_s) is good


def test_a_secret_that_is_no_base64_is_refused():
    with pytest.raises(ValueError, match="whsec_"):
        sign("msg_1", NOW_S, b"{}", ["whsec_???"])
