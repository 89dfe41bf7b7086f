"""What follows from one attempt, by the event's class."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from limner.callback.policy import (
    Delivered,
    Event,
    GiveUp,
    Kind,
    Outcome,
    RetryIn,
    classify,
    destination,
    retry_after_s,
)
from limner.egress.target import UrlRefused

NOW_S = 1_800_000_000.0
ANY_KIND = pytest.mark.parametrize("kind", list(Kind))


def verdict(kind: Kind, tried: int = 0, resent: bool = False, **outcome):
    event = Event("j", 1, kind, "msg_j_1", 0, {}, resent)
    return classify(event, Outcome(**outcome), tried, lambda: 0.5, NOW_S)


@ANY_KIND
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(kind, status):
    assert verdict(kind, status=status) == Delivered()


@ANY_KIND
@pytest.mark.parametrize("status", [101, 301, 302, 304, 307, 308])
def test_a_redirect_is_a_failure(kind, status):
    assert verdict(kind, status=status) == RetryIn(5)


@ANY_KIND
def test_a_gone_receiver_ends_everything(kind):
    assert verdict(kind, status=410) == GiveUp("gone", all_of_it=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 499])
def test_a_rejected_transition_is_given_up_at_once_and_the_end_is_tried_on(status):
    assert verdict(Kind.TRANSITION, status=status) == GiveUp("rejected")
    assert verdict(Kind.PROGRESS, status=status) == GiveUp("rejected")
    assert verdict(Kind.TERMINAL, status=status) == RetryIn(5)


@ANY_KIND
@pytest.mark.parametrize("error", ["not_allowed", "url"])
def test_what_we_do_not_dial_is_given_up_at_once_and_says_nothing_of_the_receiver(kind, error):
    assert verdict(kind, error=error) == GiveUp("not_allowed")
    assert Outcome(error=error).health == "none"


@ANY_KIND
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(kind, status):
    assert verdict(kind, status=status) == RetryIn(5)


@pytest.mark.parametrize("error", ["timeout", "dns", "refused", "reset", "tls"])
def test_no_answer_is_tried_again(error):
    assert verdict(Kind.TRANSITION, error=error) == RetryIn(5)


@pytest.mark.parametrize(
    ("kind", "tries"), [(Kind.PROGRESS, 2), (Kind.TRANSITION, 4), (Kind.TERMINAL, 11)]
)
def test_the_last_try_of_the_budget_is_the_last(kind, tries):
    assert isinstance(verdict(kind, tried=tries - 2, status=500), RetryIn)
    assert verdict(kind, tried=tries - 1, status=500) == GiveUp("exhausted")


def test_a_resent_event_has_the_short_budget():
    assert verdict(Kind.TERMINAL, tried=3, resent=True, status=500) == GiveUp("exhausted")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "expected_s"),
    [
        ("120", 120),
        ("2", 5),
        ("0", 5),
        ("-7", 5),
        ("86400", 3600),
        ("9" * 5000, 3600),
        ("1e9", 5),
        ("٣٠٠", 5),
        ("", 5),
        (None, 5),
        (formatdate(NOW_S + 90, usegmt=True), 90),
        (formatdate(NOW_S - 90, usegmt=True), 5),
        (formatdate(NOW_S + 9e6, usegmt=True), 3600),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 5),
        ("Fri, 15 Jan 2027 09:00:00", 5),
    ],
)
def test_retry_after_is_honoured_up_to_an_hour(status, header, expected_s):
    found = verdict(Kind.TERMINAL, status=status, retry_after=header)
    assert found.delay_s == expected_s
    # What was asked for is kept apart from our own pause: news may cut that one short.
    assert found.quiet_s == retry_after_s(header, NOW_S)


def test_retry_after_counts_for_429_and_503_only():
    assert verdict(Kind.TERMINAL, status=500, retry_after="600") == RetryIn(5)


def test_retry_after_is_never_negative():
    assert retry_after_s(formatdate(0), NOW_S) == 0


@pytest.mark.parametrize(
    ("outcome", "health"),
    [
        (Outcome(status=204), "ok"),
        (Outcome(status=404), "none"),
        (Outcome(status=500), "none"),
        (Outcome(status=429), "bad"),
        (Outcome(status=502), "bad"),
        (Outcome(status=503), "bad"),
        (Outcome(status=504), "bad"),
        (Outcome(error="timeout"), "bad"),
    ],
)
def test_only_what_speaks_of_the_receiver_itself_counts_to_its_breaker(outcome, health):
    assert outcome.health == health


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Example.COM/hook?x=1", "http://example.com:80"),
        ("https://example.com.:443/", "https://example.com:443"),
        ("HTTPS://EXAMPLE.com", "https://example.com:443"),
        ("http://münchen.de/", "http://xn--mnchen-3ya.de:80"),
        ("http://faß.de/", "http://xn--fa-hia.de:80"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080"),
        ("http://my_service:9000/", "http://my_service:9000"),
    ],
)
def test_every_spelling_of_one_place_is_one_destination(url, expected):
    assert destination(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/"),
        *("http://0/", "http://1.2.3.4.5/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/"),
        *("http://8.8.8.8@127.0.0.1/", "http://user:pw@host/", "http://ex\\@127.0.0.1/"),
        *("http://127.0.0.1#@8.8.8.8", "http://127.0.0.1%00.x.com/", "http://[fe80::1%25eth0]/"),
        *("file:///etc/passwd", "gopher://host/", "ftp://host/", "http+unix://%2Frun/", "//host/"),
        *(
            "http://host:99999/",
            "http://host:0/",
            "http:///x",
            "http://",
            "http://:80/",
            "host/x",
            "",
        ),
        *(
            "http://ho st/",
            "http://host/\r\nX: y",
            "http://host/\t",
            "http://-a.com/",
            "http://a..b/",
        ),
        *(
            "http://" + "a" * 64 + ".com/",
            "http://host/" + "x" * 2048,
            "http://[::1",
            "http://[1.2.3.4]/",
        ),
        *(f"http://host:{port}/" for port in (22, 25, 2375, 3306, 5432, 6379, 11211, 27017)),
    ],
)
def test_a_url_that_is_wrong_by_its_text_is_refused(url):
    with pytest.raises(UrlRefused):
        destination(url)
