"""The times and limits of slots, leases and waits, as arguments of scripts; used by the store's parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from limner.settings import Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """The times and limits for the lanes' scripts."""

    lease_s: float = 15.0
    #: how long a slot stays taken for a job whose engine keeps drawing without a worker
    keep_slot_s: float = 30.0
    #: a job fails when it loses its n-th worker
    lost_limit: int = 3
    keep_job_s: float = 30 * 86_400.0
    waiting_limit_s: float = 86_400.0
    #: an engine that no running worker has had for this long is a former one
    engine_absent_s: float = 900.0
    #: how many replicas must have a job before it is accepted
    replicas: int = 0
    #: what refusals call money
    currency: str = ""

    def arguments(self) -> tuple[int, ...]:
        """Return the first arguments of every script that uses ``lib_lanes.lua``."""
        return (
            to_ms(self.lease_s),
            to_ms(self.keep_slot_s),
            self.lost_limit,
            to_ms(self.keep_job_s),
            to_ms(self.waiting_limit_s),
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the operator's settings."""
        return cls(
            lease_s=settings.lease_s,
            keep_slot_s=settings.lease_s * 2,
            keep_job_s=settings.keep_days * 86_400,
            waiting_limit_s=settings.waiting_limit_s,
            engine_absent_s=settings.engine_absent_s,
            replicas=settings.redis_replicas,
            currency=settings.currency,
        )


def to_ms(seconds: float) -> int:
    """Return whole milliseconds, for scripts."""
    return round(seconds * 1000)
