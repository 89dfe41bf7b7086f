"""The one shape of OpenAI's errors, and which of them a job's failure is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from limner.job import Job
from limner.reasons import Reason

INVALID = "invalid_request_error"
SERVER = "server_error"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no picture, in OpenAI's terms."""

    status: int
    message: str
    kind: str = INVALID
    code: str | None = None
    param: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the body, or the data of an event in a stream."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }


#: whose prompt or picture it was; the others are the gateway's or the engine's own
_BY_REASON: Mapping[str, tuple[HTTPStatus, str, str]] = {
    Reason.MODERATED: (
        HTTPStatus.BAD_REQUEST,
        "image_generation_user_error",
        "content_policy_violation",
    ),
    Reason.PARAMETER: (HTTPStatus.BAD_REQUEST, INVALID, "unsupported_parameter"),
    Reason.REFERENCE: (HTTPStatus.BAD_REQUEST, INVALID, "invalid_image"),
    Reason.CANCELLED: (HTTPStatus.CONFLICT, INVALID, "cancelled"),
    Reason.DEADLINE_PASSED: (HTTPStatus.CONFLICT, INVALID, "deadline_passed"),
    Reason.NO_ENGINE: (HTTPStatus.SERVICE_UNAVAILABLE, SERVER, SERVER),
    Reason.WAITED_TOO_LONG: (HTTPStatus.SERVICE_UNAVAILABLE, SERVER, SERVER),
    Reason.ENGINE_DOWN: (HTTPStatus.SERVICE_UNAVAILABLE, SERVER, SERVER),
}
_OTHERWISE = (HTTPStatus.INTERNAL_SERVER_ERROR, SERVER, SERVER)


def failure_of(job: Job) -> Failure:
    """Return why a job failed."""
    status, kind, code = _BY_REASON.get(job.reason_code or "", _OTHERWISE)
    return Failure(int(status), job.reason or "The drawing failed.", kind, code)
