"""Say no as Replicate does: problem JSON, RFC 9457."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from flask import Response

from api.face import Refusal
from limner import errors
from limner.compact_json import compact_json
from limner.forbidden import WordsForbidden

PROBLEM = "application/problem+json"
_TITLES: dict[type[Exception], str] = {
    errors.TokenRejected: "Unauthenticated",
    errors.InvalidRequest: "Input validation failed",
    WordsForbidden: "Input validation failed",
    errors.BudgetSpent: "Insufficient credit",
}


def refuse(why: Refusal) -> Response:
    """Return a refusal as a problem."""
    # Not 429: a library would try again, and there is no drawing before the budget's next period.
    spent = isinstance(why.error, errors.BudgetSpent)
    status = HTTPStatus.PAYMENT_REQUIRED if spent else why.status
    body: dict[str, Any] = {
        "title": _TITLES.get(type(why.error)) or _title(status),
        "detail": _detail(why),
        "status": int(status),
        "type": "about:blank",
    }
    if why.fields:
        body["invalid_fields"] = [
            {"type": "invalid", "field": name, "description": " ".join(sentences)}
            for name, sentences in why.fields.items()
        ]
    if status == HTTPStatus.TOO_MANY_REQUESTS and why.retry_after_s is not None:
        body["retry_after"] = max(1, math.ceil(why.retry_after_s))
    return Response(compact_json(body), int(status), content_type=PROBLEM)


def _detail(why: Refusal) -> str:
    if why.fields:
        return "\n".join(f"- {name}: {' '.join(told)}" for name, told in why.fields.items())
    if why.status == HTTPStatus.TOO_MANY_REQUESTS and isinstance(why.error, errors.TooFast):
        resets_s = max(1, math.ceil(why.retry_after_s or 0))
        return f"Request was throttled. Your rate limit resets in ~{resets_s}s."
    return why.message


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
