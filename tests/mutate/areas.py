"""Which files are mutated, and under what name they are added up."""

from __future__ import annotations

from pathlib import Path

#: area → glob patterns from the repository's root
AREAS: dict[str, tuple[str, ...]] = {
    "outbox scripts": (
        "limner/scripts/outbox_*.lua",
        "limner/scripts/lib_outbox.lua",
        "limner/scripts/lib_posting.lua",
        "limner/scripts/lib_destinations.lua",
        "limner/scripts/lib_fates.lua",
        "limner/scripts/lib_handing.lua",
    ),
    "lanes scripts": ("limner/scripts/*.lua",),
    "drawing": (
        "workers/drawing/*.py",
        "workers/keeper.py",
        "workers/gate.py",
        "workers/telling.py",
        "workers/references.py",
        "workers/trouble.py",
        "workers/probe.py",
        "workers/composing.py",
    ),
    "callbacks": (
        "workers/callbacks.py",
        "workers/letters.py",
        "workers/trial.py",
        "limner/callback.py",
        "limner/signature.py",
        "limner/answers.py",
        "limner/retry_after.py",
    ),
    "outgoing": (
        "workers/outgoing.py",
        "workers/dialling.py",
        "net/*.py",
        "workers/failures.py",
        "workers/reach.py",
        "limner/address.py",
        "limner/answers.py",
        "limner/host.py",
        "limner/proxy.py",
        "limner/target.py",
    ),
    "access": ("api/guard.py", "api/door.py", "api/insight.py", "api/own.py"),
    "api": (
        "api/accept.py",
        "api/body.py",
        "api/encoding.py",
        "api/errors.py",
        "api/watcher.py",
        "api/live.py",
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
