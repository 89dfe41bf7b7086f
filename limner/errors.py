"""Every error Limner raises, grouped by whose fault it is, so that the handler knows what to do.

Used by every package. The tree::

    LimnerError
    ├── RequestError            the caller's      → an HTTP 4xx (api/errors.py holds the table)
    │   ├── NotJson, TokenRejected, LaneNotAllowed, JobNotFound, PictureNotFound, IdempotencyConflict
    │   ├── FaceNotServed, ModelNotFound, JobConflict, ParentGone, RoleTooLow
    │   ├── BodyBroken, BodyTooLarge, BodyTooSlow, WrongContentType, WrongEncoding, InvalidRequest
    │   └── TooFast, TooManyAtOnce, Crowded, WaitingFull, BudgetSpent, InlineFull, TokensSlowed, NotForStrangers
    ├── EngineError             the drawing's     → the job: retried, waiting again, or failed
    │   ├── EngineDown, EngineBusy, EngineStuck, JobLost, OutOfMemory, BadResult
    │   ├── PicturesNotKept     the drawing is done, but cannot be stored
    │   ├── Refused             the operator's account or setup: engine out of rotation
    │   └── Rejected            the caller's prompt or picture: the job fails
    ├── StaleLease              nobody's          → stop: another worker owns the job
    ├── StoreDown, ImagesDown   the gateway's     → HTTP 503, or retry
    │   ├── DiskFull            (an ImagesDown)   → HTTP 507, or retry
    │   ├── StoreRefused        (a StoreDown)     → the same, though an operator must act
    │   │   └── StoreUnfit      its data are of a newer Limner → refuse to start
    │   └── TooFewReplicas, JobInDoubt (StoreDowns)  the job is not accepted, or may go on
    └── ConfigError             the operator's    → refuse to start, naming the setting

Forbidden words' are in ``limner/forbidden.py``. A docstring is the default message, so the two cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from limner.reasons import Reason
from limner.refusals import RefusalCode

FieldErrors = Mapping[str, Sequence[str]]


class LimnerError(Exception):
    """Something went wrong in Limner."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.summary()
        super().__init__(self.message)

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the class's docstring: a message fit for anyone."""
        # `python -OO` strips docstrings.
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class RequestError(LimnerError):
    """The request cannot be served as it stands."""

    #: what a program goes by; the name of the class says which
    code: RefusalCode
    #: field name on the wire → its errors
    errors: FieldErrors = {}
    #: when a retry makes sense, seconds, for the Retry-After header
    retry_after_s: float | None = None

    def __init_subclass__(cls) -> None:
        """Find the code of that name."""
        cls.code = RefusalCode[re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper()]


class NotJson(RequestError):
    """The body is not a JSON object."""


class TokenRejected(RequestError):
    """The token is missing or unknown."""


class LaneNotAllowed(RequestError):
    """This client may not use that lane."""


class RoleTooLow(RequestError):
    """An operator with the role view may look, and change nothing."""


class JobNotFound(RequestError):
    """There is no such job."""


class FaceNotServed(RequestError):
    """No such protocol is served here, or it has no document."""


class ModelNotFound(RequestError):
    """There is no such model."""


class PictureNotFound(RequestError):
    """There is no such picture."""


class IdempotencyConflict(RequestError):
    """This Idempotency-Key was used with another body."""


class JobConflict(RequestError):
    """The job's state does not allow that."""

    def __init__(self, message: str | None = None, code: RefusalCode | None = None) -> None:
        super().__init__(message)
        self.code = code or RefusalCode.JOB_CONFLICT


class ParentGone(RequestError):
    """The pictures of that job have been deleted."""


class BodyBroken(RequestError):
    """The body cannot be read: it is not valid HTTP."""


class BodyTooLarge(RequestError):
    """The body is too large."""

    def __init__(self, message: str | None = None, errors: FieldErrors | None = None) -> None:
        super().__init__(message)
        self.errors = errors or {}


class BodyTooSlow(RequestError):
    """The body did not arrive complete and in time."""


class WrongContentType(RequestError):
    """The body must be sent as application/json."""


class WrongEncoding(RequestError):
    """The body must be sent uncompressed, or compressed with either gzip or deflate."""


class InvalidRequest(RequestError):
    """One or more fields are wrong."""

    def __init__(self, errors: FieldErrors, message: str | None = None) -> None:
        super().__init__(message)
        self.errors = errors


class TooFast(RequestError):
    """This client sends requests faster than its rate allows."""

    def __init__(self, retry_after_s: float, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyAtOnce(RequestError):
    """This client has as much open or under way at once as one client may."""

    retry_after_s = 2.0


class Crowded(RequestError):
    """All clients together have as much open or under way as this process can hold."""

    retry_after_s = 2.0


class WaitingFull(RequestError):
    """This client has reached its limit of waiting jobs."""

    def __init__(self, retry_after_s: float, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BudgetSpent(RequestError):
    """This client has used up its budget of drawings, or of money."""

    def __init__(self, most: str, period: str, ends: datetime, retry_after_s: float) -> None:
        begins = f"The next one begins at {ends:%Y-%m-%dT%H:%M:%SZ}."
        super().__init__(f"This client's budget of {most} a {period} is spent. {begins}")
        self.retry_after_s = retry_after_s


class InlineFull(RequestError):
    """This client's inline pictures have filled its quota until some of its jobs end."""

    def __init__(self, retry_after_s: float, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TokensSlowed(RequestError):
    """Too many wrong tokens came from this address. A valid one is accepted at any time."""

    def __init__(self, retry_after_s: float, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotForStrangers(RequestError):
    """Set LIMNER_METRICS_TOKEN and send it: without one, this can be read from this machine only."""


class EngineError(LimnerError):
    """The drawing engine could not draw."""

    #: what the job's caller is told if the job ends by this error
    reason = Reason.ENGINE_FAILED
    #: what the host says that it cost all the same, as in ``limner.engine.Finished``; and whether a part was drawn
    cost: float | None = None
    partly = False


class EngineDown(EngineError):
    """The engine cannot be reached."""

    reason = Reason.ENGINE_DOWN


class EngineBusy(EngineError):
    """The engine accepts no more work for now."""

    def __init__(self, retry_after_s: float = 1.0, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineStuck(EngineError):
    """The engine showed no progress for too long."""

    reason = Reason.NO_PROGRESS


class JobLost(EngineError):
    """The engine no longer knows this drawing.

    ``charged``: the lost drawing cost money, so the operator decides whether to draw it again.
    """

    reason = Reason.DRAWING_LOST

    def __init__(self, message: str | None = None, *, charged: bool = False) -> None:
        super().__init__(message)
        self.charged = charged


class OutOfMemory(EngineError):
    """The engine ran out of memory."""

    reason = Reason.OUT_OF_MEMORY


class BadResult(EngineError):
    """The engine's pictures are missing, broken, identical or of the wrong size."""

    reason = Reason.BAD_RESULT


class PicturesNotKept(EngineError):
    """The pictures could not be stored."""

    reason = Reason.STORE_FAILED


RefusedKind = Literal["credentials", "credit", "setup"]
RejectedKind = Literal["moderated", "parameter", "reference", "failed"]

REJECTIONS: Mapping[RejectedKind, Reason] = {
    "moderated": Reason.MODERATED,
    "parameter": Reason.PARAMETER,
    "reference": Reason.REFERENCE,
    "failed": Reason.ENGINE_FAILED,
}


class Refused(EngineError):
    """The engine refuses to work for this gateway: its operator must act."""

    def __init__(self, kind: RefusedKind, message: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind


class Rejected(EngineError):
    """The engine rejects this prompt or picture: drawing it again would not help."""

    def __init__(self, kind: RejectedKind, message: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = REJECTIONS[kind]


class StaleLease(LimnerError):
    """Another worker owns this job now."""


class StoreDown(LimnerError):
    """Redis cannot be reached."""

    code = RefusalCode.STORE_DOWN
    #: what callers are told
    told = "The gateway cannot reach its store. Try again soon."


class StoreRefused(StoreDown):
    """Redis responds, but does not serve this gateway."""


class StoreUnfit(StoreRefused):
    """The data in Redis are not such as this Limner can use."""


class TooFewReplicas(StoreDown):
    """Too few replicas of Redis have the job, and it was not accepted."""

    code = RefusalCode.TOO_FEW_REPLICAS
    told = "Too few copies of the gateway's store have this job, so it was not accepted. Try again soon."


class JobInDoubt(StoreDown):
    """Too few replicas of Redis have the job, and it may go on."""

    code = RefusalCode.JOB_IN_DOUBT
    told = (
        "Too few copies of the gateway's store have this job, and it may go on. Its id, {id}, finds it then; "
        "so do its tag, and the same request with its Idempotency-Key."
    )

    def __init__(self, why: str, job_id: str) -> None:
        super().__init__(why)
        # Some callers gave it neither tag nor key.
        self.told = self.told.format(id=job_id)


class ImagesDown(LimnerError):
    """The image store cannot be reached."""


class DiskFull(ImagesDown):
    """The image store has no room for this."""


class ConfigError(LimnerError):
    """A setting is wrong."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"{setting}: {why}")
        self.setting = setting
