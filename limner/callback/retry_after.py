"""Parse ``Retry-After``, as any peer may send it: seconds, or a date in one of HTTP's three forms.

Used for receivers of callbacks, for engines and by the commands of callers. Python's own date parsers accept much that is not a
date, and take one without a zone as local time; every HTTP date is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH, _TIME = (
    rf"(?P<month>{'|'.join(_MONTHS)})",
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)",
)
_SHORT_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
#: IMF-fixdate, RFC 850 and asctime (RFC 9110, 5.6.7); the weekday is redundant
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"{_SHORT_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"{_SHORT_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_SECONDS = re.compile(r"\d+", re.ASCII)
#: int() raises for thousands of digits
_DIGITS_READ = 12


def asked_s(text: str | None, now_s: float) -> float | None:
    """Return the seconds that a ``Retry-After`` asks for; negative if its date is past.

    None: it is missing or malformed. ``now_s`` is the time since 1970. Source: RFC 9110, 10.2.3.
    """
    text = (text or "").strip(" \t")
    if _SECONDS.fullmatch(text):
        return float(text[:_DIGITS_READ])
    for form in _FORMS:
        if match := form.fullmatch(text):
            at_s = _moment_s(match, now_s)
            return None if at_s is None else at_s - now_s
    return None


def _moment_s(match: re.Match[str], now_s: float) -> float | None:
    parts = {name: int(match[name]) for name in ("year", "day", "hour", "minute", "second")}
    month = _MONTHS.index(match["month"].lower()) + 1
    if len(match["year"]) == 2:
        parts["year"] = _full_year(parts["year"], datetime.fromtimestamp(now_s, UTC).year)
    # 60 is a leap second.
    parts["second"] -= parts["second"] == 60
    try:
        return datetime(month=month, tzinfo=UTC, **parts).timestamp()
    except ValueError:
        return None


def _full_year(digits: int, this_year: int) -> int:
    """Return the year for two digits: at most 50 years from now (RFC 9110, 5.6.7)."""
    year = this_year - this_year % 100 + digits
    return year - 100 if year > this_year + 50 else year
