"""Say no as OpenAI does, so that its libraries raise the right error, and repeat only what may help."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, request

from api.answer import answer
from api.face import Refusal
from limner import errors
from limner.forbidden import WordsForbidden
from limner.job import Job
from schemas.openai.failures import INVALID, SERVER, Failure, failure_of

#: besides 5xx, what libraries try again
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)
#: a retry gets the same: of 409, 429 and 5xx, libraries would try
_FINAL = (
    errors.BudgetSpent,
    errors.IdempotencyConflict,
    errors.JobConflict,
    errors.ParentGone,
    errors.BodyTooSlow,
)
_CODES: dict[type[Exception], tuple[str, str]] = {
    errors.TokenRejected: (INVALID, "invalid_api_key"),
    errors.LaneNotAllowed: (INVALID, "lane_not_allowed"),
    errors.BudgetSpent: ("insufficient_quota", "insufficient_quota"),
    errors.IdempotencyConflict: (INVALID, "idempotency_conflict"),
    errors.JobNotFound: (INVALID, "not_found"),
}
#: what an alias of the operator names, which callers cannot
_OF_ALIASES = {"engine", "version"}


def refuse(why: Refusal) -> Response:
    """Return a refusal in OpenAI's shape."""
    failure = failure_in(why)
    response = answer(failure.body(), failure.status)
    passes = failure.status in _PASSING or failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    _tell_whether_to_retry(response, final=not passes or isinstance(why.error, _FINAL))
    return response


def failure_in(why: Refusal) -> Failure:
    """Return what a refusal is in OpenAI's terms."""
    if isinstance(why.error, errors.ModelNotFound):
        return _no_model(why.message)
    if why.fields and why.fields.keys() <= _OF_ALIASES:
        return _no_model("What this model stands for is not here any more, or not for you.")
    if isinstance(why.error, errors.InvalidRequest):
        return _of_fields(why)
    kind, code = _CODES.get(type(why.error), _by_status(why.status))
    message = why.message
    if code == "unknown_url":
        message = f"Invalid URL ({request.method} {request.path})"
    param = next(iter(why.fields), None)
    if param and isinstance(why.error, errors.BodyTooLarge):
        message = f"{message} {' '.join(why.fields[param])}"
    return Failure(why.status, message, kind, code, param)


def failed(job: Job) -> Response:
    """Return the failure of a job."""
    failure = failure_of(job)
    response = answer(failure.body(), failure.status)
    _tell_whether_to_retry(response, final=True)
    return response


def later(message: str) -> Response:
    """Say that the answer is not here yet: a library that repeats the request gets it from the same job."""
    failure = Failure(HTTPStatus.SERVICE_UNAVAILABLE, message, SERVER, SERVER)
    response = answer(failure.body(), failure.status)
    response.headers["Retry-After"] = "1"
    _tell_whether_to_retry(response, final=False)
    return response


def _no_model(message: str) -> Failure:
    return Failure(HTTPStatus.NOT_FOUND, message, INVALID, "model_not_found", "model")


def _of_fields(why: Refusal) -> Failure:
    """Return the first wrong field as ``param``, and what is wrong with all of them as the message."""
    said = [f"{name}: {' '.join(sentences)}" for name, sentences in why.fields.items()]
    param = next(iter(why.fields), None)
    code = "content_policy_violation" if isinstance(why.error, WordsForbidden) else None
    return Failure(HTTPStatus.BAD_REQUEST, " ".join(said) or why.message, INVALID, code, param)


def _by_status(status: int) -> tuple[str, str | None]:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "requests", "rate_limit_exceeded"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SERVER, SERVER
    if status == HTTPStatus.NOT_FOUND:
        return INVALID, "unknown_url"
    return INVALID, "method_not_supported" if status == HTTPStatus.METHOD_NOT_ALLOWED else None


def _tell_whether_to_retry(response: Response, *, final: bool) -> None:
    response.headers["x-should-retry"] = "false" if final else "true"
