"""The settings in force in a process and in those that it forks, which need not be what the file says by now.

Gunicorn's master reads them at its start and at SIGHUP (``api/server/reloading.py``). What it has read is in force in
every worker that it forks, also in one that follows another while somebody is editing the file. Other processes read
them once, as they begin.
"""

from __future__ import annotations

from limner.settings import Settings

_held: Settings | None = None


def in_force() -> Settings:
    """Return the settings that were put in force in this process, or else read them.

    Raises:
        ConfigError: none were, and what is read is wrong.
    """
    return Settings.load() if _held is None else _held


def held() -> bool:
    """Return whether any were put in force in this process."""
    return _held is not None


def put_in_force(settings: Settings) -> None:
    """Have them in force in this process, and in all that it forks from now on."""
    global _held
    _held = settings
