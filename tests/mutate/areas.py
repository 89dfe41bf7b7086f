"""Which files are mutated, and under what name they are added up."""

from __future__ import annotations

from pathlib import Path

#: area → glob patterns from the repository's root
AREAS: dict[str, tuple[str, ...]] = {
    "outbox scripts": (
        "limner/store/outbox/outbox_*.lua",
        "limner/store/outbox/lib_outbox.lua",
        "limner/store/outbox/lib_posting.lua",
        "limner/store/outbox/lib_destinations.lua",
        "limner/store/outbox/lib_fates.lua",
        "limner/store/outbox/lib_handing.lua",
    ),
    "lanes scripts": ("limner/store/**/*.lua",),
    "drawing": (
        "workers/drawing/*.py",
        "workers/drawing/keeper.py",
        "workers/gate.py",
        "workers/drawing/telling.py",
        "workers/drawing/references.py",
        "workers/drawing/trouble.py",
        "workers/drawing/probe.py",
        "workers/drawing/composing.py",
    ),
    "callbacks": (
        "workers/posting/dispatcher.py",
        "workers/posting/letters.py",
        "workers/posting/trial.py",
        "limner/callback/policy.py",
        "limner/callback/signature.py",
        "net/answers.py",
        "limner/callback/retry_after.py",
    ),
    "outgoing": (
        "net/outgoing.py",
        "net/dialling.py",
        "net/*.py",
        "net/failures.py",
        "net/reach.py",
        "limner/egress/address.py",
        "net/answers.py",
        "limner/egress/host.py",
        "limner/egress/proxy.py",
        "limner/egress/target.py",
    ),
    "access": (
        "api/access/guard.py",
        "api/access/door.py",
        "api/ops/insight.py",
        "api/access/own.py",
    ),
    "api": (
        "api/accept.py",
        "api/body.py",
        "api/encoding.py",
        "api/errors.py",
        "api/watcher.py",
        "api/faces/limner/live.py",
    ),
}


def files(root: Path, area: str) -> list[str]:
    """Return an area's files; one that an earlier area has belongs to that one."""
    taken: set[str] = set()
    for name, patterns in AREAS.items():
        found = {p.relative_to(root).as_posix() for pattern in patterns for p in root.glob(pattern)}
        if name == area:
            return sorted(found - taken)
        taken |= found
    raise KeyError(area)
