"""Which parameters of a brief were honoured exactly, nearly or not at all; for ``Finished.notes``."""

from __future__ import annotations

from typing import Any

from limner.engine import Brief, Capabilities, Level


def asked_of(brief: Brief) -> tuple[str, ...]:
    """Return the parameters that the caller gave, by their names in ``Capabilities``."""
    given = {
        "chaos": brief.chaos is not None,
        "stylize": brief.stylize is not None,
        "style": bool(brief.style),
        "niji": brief.niji,
        "tile": brief.tile,
        "references": bool(brief.references),
        "iw": brief.iw is not None and bool(brief.references),
        "negative": bool(brief.negative),
    }
    return tuple(name for name, was_given in given.items() if was_given)


def levels(brief: Brief, capabilities: Capabilities) -> dict[str, Level]:
    """Return the level of each parameter that the caller gave."""
    return {name: getattr(capabilities, name) for name in asked_of(brief)}


def notes(brief: Brief, capabilities: Capabilities, **more: Any) -> dict[str, Any]:
    """Return the notes of a finished drawing."""
    return {"parameters": levels(brief, capabilities), **more}
