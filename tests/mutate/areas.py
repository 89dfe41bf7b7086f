"""Which files are mutated, and under what name they are added up."""

from __future__ import annotations

from pathlib import Path

#: area → glob patterns from the repository's root
AREAS: dict[str, tuple[str, ...]] = {
    "outbox scripts": ("limner/store/outbox/*.lua",),
    "lanes scripts": ("limner/store/**/*.lua",),
    "drawing": ("workers/drawing/*.py", "workers/gate.py"),
    "callbacks": ("workers/posting/*.py", "limner/callback/*.py", "net/answers.py"),
    "outgoing": ("net/*.py", "limner/egress/*.py"),
    "access": ("api/access/*.py", "api/ops/insight.py"),
    "api": (
        "api/accept.py",
        "api/body.py",
        "api/encoding.py",
        "api/errors.py",
        "api/watcher.py",
        "api/faces/limner/live.py",
        "api/waiting.py",
    ),
    "faces": ("api/faces/*/*.py", "api/cors.py", "api/event_stream.py", "api/inline_pictures.py"),
    "waits": ("api/audience.py", "api/places.py", "api/trying.py", "api/wait_places.py"),
    "ops": ("api/ops/*.py",),
    "console": ("api/console/*.py",),
    "store": ("limner/store/**/*.py",),
    "workers": ("workers/*.py",),
    "pictures": ("limner/pictures/**/*.py",),
    "domain": ("limner/*.py",),
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
