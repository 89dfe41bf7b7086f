"""What a peer may ask for with Retry-After, and what is no such thing."""

from __future__ import annotations

import time

import pytest

from limner.callback.retry_after import asked_s

#: Fri, 15 Jan 2027 08:00:00 GMT
NOW_S = 1_800_000_000.0


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York"], autouse=True)
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120\t", 120),
        ("007", 7),
        # IMF-fixdate, RFC 850, asctime
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90),
        ("Friday, 15-Jan-27 08:01:30 GMT", 90),
        ("Fri Jan 15 08:01:30 2027", 90),
        ("Mon Feb  1 08:00:00 2027", 17 * 86400),
        ("fri, 15 jan 2027 08:01:30 gmt", 90),
        # The day's name is wrong, the date is not.
        ("Mon, 15 Jan 2027 08:01:30 GMT", 90),
        # A leap second.
        ("Fri, 15 Jan 2027 08:00:60 GMT", 59),
        ("Fri, 15 Jan 2027 07:58:30 GMT", -90),
    ],
)
def test_seconds_and_each_date_form_of_http_are_read_as_utc_wherever_we_are(text, seconds):
    assert asked_s(text, NOW_S) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", " ", "soon", "-7", "+7", "1.5", "1e3", "0x10", "12s", "1,5", "nan", "infinity"),
        *("٣٠٠", "１２０", "120, 120", "120\n", "5 minutes", "PT5M", "2027-01-15T08:01:30Z"),
        *("Fri, 32 Jan 2027 08:01:30 GMT", "Fri, 15 Foo 2027 08:01:30 GMT"),
        *("Fri, 30 Feb 2027 08:01:30 GMT", "Fri, 15 Jan 2027 25:01:30 GMT"),
        *("Fri, 15 Jan 2027 08:01:61 GMT", "Fri, 15 Jan 2027", "15 Jan 2027 08:01:30 GMT"),
        *(
            "Fri, 15 Jan 2027 08:01:30",
            "Fri, 15 Jan 2027 08:01:30 PST",
            "Fri, 15 Jan 0000 08:01:30 GMT",
        ),
        *("Fri, 15 Jan 2027 08:01:30 +0800", "Friday, 15-Jan-2027 08:01:30 GMT"),
        *("Fri Jan 15 08:01:30 2027 GMT", "Fri, １5 Jan 2027 08:01:30 GMT", "x" * 100_000),
    ],
)
def test_nonsense_counts_as_absent(text):
    assert asked_s(text, NOW_S) is None


def test_a_year_of_two_digits_is_never_more_than_fifty_years_ahead():
    assert asked_s("Friday, 15-Jan-77 08:00:00 GMT", NOW_S) > 49 * 365 * 86400
    assert asked_s("Friday, 15-Jan-78 08:00:00 GMT", NOW_S) < 0
    assert asked_s("Friday, 15-Jan-99 08:00:00 GMT", NOW_S) < 0
