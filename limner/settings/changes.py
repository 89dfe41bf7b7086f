"""What differs between two readings of the settings, in words for operators; used by a reload.

Values of secret settings and of drivers' own options are not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from limner.money import shown
from limner.settings import EngineSettings, Settings

#: what a running gateway cannot change: where everything is kept, and how its own output looks
FIXED = ("redis_url", "data_dir", "log_format")
#: what an API cannot that is run for itself, which keeps its socket
FIXED_FOR_API = (*FIXED, "host", "port")
_TABLES = ("engines", "face_options", "translate", "forbidden")


def fixed_changes(
    before: Settings, after: Settings, fixed: tuple[str, ...] = FIXED
) -> tuple[str, ...]:
    """Return the names of those settings that differ, of all that need a restart."""
    return tuple(name for name in fixed if getattr(before, name) != getattr(after, name))


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return one line for each setting and each engine that differs."""
    return (*_settings(before, after), *_engines(before, after))


def _settings(before: Settings, after: Settings) -> Iterator[str]:
    for setting in sorted(fields(after), key=lambda each: each.name):
        was, now = getattr(before, setting.name), getattr(after, setting.name)
        if was == now or setting.name in _TABLES:
            continue
        if setting.metadata.get("secret"):
            yield f"{setting.name}: changed"
        else:
            yield f"{setting.name}: {_shown(was)} → {_shown(now)}"
    if before.face_options != after.face_options:
        yield "faces: changed"
    for table in ("translate", "forbidden"):
        if getattr(before, table) != getattr(after, table):
            yield f"{table}: changed"


def _engines(before: Settings, after: Settings) -> Iterator[str]:
    was = {engine.name: engine for engine in before.engines}
    now = {engine.name: engine for engine in after.engines}
    for name in sorted({*was, *now}):
        if name not in was:
            yield f"engine {name}: added"
        elif name not in now:
            yield f"engine {name}: removed"
        elif was[name] != now[name]:
            yield f"engine {name}: {', '.join(_engine(was[name], now[name]))}"


def _engine(was: EngineSettings, now: EngineSettings) -> Iterator[str]:
    for lane in ("fast", "relaxed"):
        for limit in ("slots", "gap_s"):
            left, right = (getattr(getattr(one, lane), limit) for one in (was, now))
            if left != right:
                yield f"{lane}.{limit} {left:g} → {right:g}"
    for name in ("driver", "weight", "on_lost", "translate"):
        left, right = getattr(was, name), getattr(now, name)
        if left != right:
            yield f"{name} {left} → {right}"
    if was.price != now.price:
        left, right = (shown(one.price) if one.price is not None else "-" for one in (was, now))
        yield f"price {left} → {right}"
    for name in ("clients", "versions"):
        if getattr(was, name) != getattr(now, name):
            yield f"{name} changed"
    keys = {*was.options, *now.options}
    if changed := sorted(k for k in keys if was.options.get(k) != now.options.get(k)):
        yield f"{', '.join(changed)} changed"


def _shown(value: object) -> str:
    return "-" if value in (None, "") else str(value)
